// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! Counts, told as the reference servers do.  What hyper answers without asking (400 and 431 to what is no
//! request) and what tokio keeps to itself (the queues of its workers) is not in them.
use crate::plan::{KINDS, Kind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

#[derive(Default)]
pub struct Work {
    count: AtomicU64,
    cpu_ns: AtomicU64,
    wall_ns: AtomicU64,
}

/// Of the pool that blocks.
#[derive(Default)]
pub struct Queue {
    depth: AtomicU64,
    waits: AtomicU64,
    wait_ns: AtomicU64,
    wait_max_ns: AtomicU64,
}

impl Queue {
    pub fn enter(&self) {
        self.depth.fetch_add(1, Relaxed);
    }

    /// A request has waited for WAITED, for the FIRST time or once more; it makes ALL.
    pub fn leave(&self, first: bool, waited: Duration, all: Duration) {
        self.depth.fetch_sub(1, Relaxed);
        self.waits.fetch_add(u64::from(first), Relaxed);
        self.wait_ns.fetch_add(waited.as_nanos() as u64, Relaxed);
        self.wait_max_ns.fetch_max(all.as_nanos() as u64, Relaxed);
    }
}

pub struct Stats {
    answers: [AtomicU64; 600], // by status
    pub healthz: AtomicU64,
    pub stats: AtomicU64,
    pub accepted: AtomicU64,
    pub closed: AtomicU64,
    pub refused: AtomicU64,
    pub timed_out: AtomicU64,
    work: [Work; KINDS.len()],
    pub queue: Queue,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            answers: [const { AtomicU64::new(0) }; 600],
            healthz: AtomicU64::default(),
            stats: AtomicU64::default(),
            accepted: AtomicU64::default(),
            closed: AtomicU64::default(),
            refused: AtomicU64::default(),
            timed_out: AtomicU64::default(),
            work: Default::default(),
            queue: Queue::default(),
        }
    }
}

/// The release of a dependency, as Cargo.lock has it.
pub fn locked(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let behind = lock.split_once(&format!("\nname = \"{name}\"\nversion = \"")).map_or("?", |(_, rest)| rest);
    behind.split('"').next().unwrap_or("?")
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}

/// Voluntary and involuntary ones.
fn switches() -> (i64, i64) {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    (usage.ru_nvcsw, usage.ru_nivcsw)
}

impl Stats {
    pub fn add_answer(&self, status: u16) {
        self.answers[usize::from(status)].fetch_add(1, Relaxed);
    }

    /// CPU: where it ran in one thread from beginning to end.
    pub fn add_work(&self, kind: Kind, cpu: Option<Duration>, wall: Duration) {
        let work = &self.work[kind as usize];
        work.count.fetch_add(1, Relaxed);
        work.cpu_ns.fetch_add(cpu.unwrap_or_default().as_nanos() as u64, Relaxed);
        work.wall_ns.fetch_add(wall.as_nanos() as u64, Relaxed);
    }

    /// Closed is read first, so that it is never less than none.
    pub fn open(&self) -> u64 {
        let closed = self.closed.load(Relaxed);
        self.accepted.load(Relaxed) - closed
    }

    fn requests(&self) -> String {
        let known = self.answers.iter().map(|nr| nr.load(Relaxed)).enumerate().filter(|(_, nr)| *nr > 0);
        let by_status: Vec<_> = known.clone().map(|(status, nr)| format!("\"{status}\":{nr}")).collect();
        let count: u64 = known.map(|(_, nr)| nr).sum();
        format!("{{\"count\":{count},\"by_status\":{{{}}}}}", by_status.join(","))
    }

    fn connections(&self) -> String {
        format!(
            "{{\"accepted\":{},\"open\":{},\"refused\":{},\"timed_out\":{}}}",
            self.accepted.load(Relaxed),
            self.open(),
            self.refused.load(Relaxed),
            self.timed_out.load(Relaxed)
        )
    }

    fn work(&self) -> String {
        let kinds = KINDS.iter().map(|(kind, name, _)| {
            let work = &self.work[*kind as usize];
            let (count, wall_ns) = (work.count.load(Relaxed), work.wall_ns.load(Relaxed));
            // These two are awaited, here and there.
            let cpu_ns = match kind {
                Kind::SleepUs | Kind::Upstream => String::new(),
                _ => format!("\"cpu_ns\":{},", work.cpu_ns.load(Relaxed)),
            };
            format!("\"{name}\":{{\"count\":{count},{cpu_ns}\"wall_ns\":{wall_ns}}}")
        });
        format!("{{{}}}", kinds.collect::<Vec<_>>().join(","))
    }

    fn scheduling(&self) -> String {
        let (voluntary, involuntary) = switches();
        let queue = &self.queue;
        format!(
            "{{\"switches\":{{\"voluntary\":{voluntary},\"involuntary\":{involuntary}}},\"queue_depth\":{},\
             \"queue_wait\":{{\"count\":{},\"total_ns\":{},\"max_ns\":{}}}}}",
            queue.depth.load(Relaxed),
            queue.waits.load(Relaxed),
            queue.wait_ns.load(Relaxed),
            queue.wait_max_ns.load(Relaxed)
        )
    }

    pub fn json(&self, model: &str) -> String {
        format!(
            "{{\"model\":\"{model}\",\"processes\":1,\"requests\":{},\"healthz\":{{\"count\":{}}},\
             \"stats\":{{\"count\":{}}},\"connections\":{},\"work\":{},\"scheduling\":{},\
             \"memory\":{{\"rss_bytes\":{}}},\"runtime\":{{\"version\":\"tokio {}, hyper {}, {}\",\"workers\":{}}}}}\n",
            self.requests(),
            self.healthz.load(Relaxed),
            self.stats.load(Relaxed),
            self.connections(),
            self.work(),
            self.scheduling(),
            resident_bytes(),
            locked("tokio"),
            locked("hyper"),
            env!("RUSTC_VERSION"),
            tokio::runtime::Handle::current().metrics().num_workers()
        )
    }
}
