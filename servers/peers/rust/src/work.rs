// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! The work of one request, step by step.  What would block is given to tokio's pool, as in async-pool; CPU work
//! too, unless it is to be done inline.
use crate::options::Options;
use crate::plan::{Kind, Step};
use crate::sha::{self, Digest};
use crate::stats::Stats;
use crate::upstream;
use std::fs::{File, OpenOptions};
use std::io::{Error, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

const PAGE_BYTES: usize = 4096;
const FILE_BYTES: u64 = 4 << 20;
const PIECE_BYTES: usize = 65536;
/// Between two looks at the clock.
const BURN_BYTES: usize = 4096;

pub struct Worker {
    options: Arc<Options>,
    pub stats: Arc<Stats>,
    lock: Mutex<()>,
    cold: OnceLock<Option<File>>,
    cold_next: AtomicU64,
}

/// What a request has come to.
#[derive(Clone, Copy)]
struct Progress {
    status: u16,
    digest: Digest,
    whole_at: Instant,
    handed: bool,
    waited: Duration,
}

fn thread_cpu() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn burn(mut more: impl FnMut() -> bool) {
    const BYTES: [u8; BURN_BYTES] = [0; BURN_BYTES];
    while more() {
        std::hint::black_box(sha::digest(&BYTES));
    }
}

/// By a mapping of its own, since the heap would give back pages that were touched before.
fn touch(bytes: usize) -> Result<(), Error> {
    if bytes == 0 {
        return Ok(());
    }
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    for at in (0..bytes).step_by(PAGE_BYTES) {
        unsafe { memory.cast::<u8>().add(at).write_volatile(1) };
    }
    unsafe { libc::munmap(memory, bytes) };
    Ok(())
}

fn make_file(directory: &str) -> Result<File, Error> {
    let path = format!("{directory}/whylate-server-{}", std::process::id());
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let file = written
        .write_all(&vec![0; FILE_BYTES as usize])
        .and_then(|()| written.sync_all())
        .and_then(|()| OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(&path));
    std::fs::remove_file(&path)?;
    file
}

impl Worker {
    pub fn new(options: Arc<Options>) -> Self {
        let (stats, lock, cold) = (Arc::new(Stats::default()), Mutex::new(()), OnceLock::new());
        Self { options, stats, lock, cold, cold_next: AtomicU64::new(0) }
    }

    fn file(&self) -> Option<&File> {
        let directory = &self.options.directory;
        let made = self.cold.get_or_init(|| match make_file(directory) {
            Ok(file) => Some(file),
            Err(why) => {
                eprintln!(
                    "cannot read past the page cache in {directory}: {why}; read_kb is answered 500, see --directory"
                );
                None
            }
        });
        made.as_ref()
    }

    /// Whole pages: what passes by the page cache comes in no smaller pieces, and into whole pages.
    fn read_file(&self, bytes: usize) -> Result<(), Error> {
        let file = self.file().ok_or(std::io::ErrorKind::NotFound)?;
        let mut memory = vec![0; PIECE_BYTES + PAGE_BYTES];
        let aligned = memory.as_ptr().align_offset(PAGE_BYTES);
        let mut left = bytes.next_multiple_of(PAGE_BYTES);
        while left > 0 {
            let take = left.min(PIECE_BYTES);
            let at = self.cold_next.fetch_add(PIECE_BYTES as u64, Relaxed) % FILE_BYTES;
            file.read_exact_at(&mut memory[aligned..aligned + take], at)?;
            left -= take;
        }
        Ok(())
    }

    /// Held by sleeping, as in the reference servers.
    fn hold_lock(&self, length: Duration) {
        let held = self.lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        std::thread::sleep(length);
        drop(held);
    }

    /// A step that happens in this thread.
    fn do_step(&self, step: Step, progress: &mut Progress) {
        let (began, began_cpu) = (Instant::now(), thread_cpu());
        let length = Duration::from_micros(step.amount);
        let mut done = Ok(());
        match step.kind {
            Kind::CpuUs => burn(|| thread_cpu() - began_cpu < length),
            Kind::WallUs => burn(|| began.elapsed() < length),
            // The mistake that it is there to show: waiting counts as work.
            Kind::SeedUs => burn(|| progress.whole_at.elapsed() < length),
            Kind::Sha if step.amount > 0 => progress.digest = sha::chain(step.amount),
            Kind::LockUs => self.hold_lock(length),
            Kind::ReadKb => done = self.read_file(step.amount as usize * 1024),
            Kind::AllocKb => done = touch(step.amount as usize * 1024),
            Kind::Sha | Kind::SleepUs | Kind::Upstream => {}
        }
        if done.is_err() {
            progress.status = 500;
        }
        self.stats.add_work(step.kind, Some(thread_cpu() - began_cpu), began.elapsed());
    }

    fn do_steps(&self, steps: &[Step], progress: &mut Progress) {
        for step in steps {
            if progress.status == 200 {
                self.do_step(*step, progress);
            }
        }
    }

    fn is_for_pool(&self, kind: Kind) -> bool {
        match kind {
            Kind::LockUs | Kind::ReadKb => true,
            Kind::SleepUs | Kind::Upstream => false,
            _ => !self.options.cpu_work_inline,
        }
    }

    async fn hand_over(self: &Arc<Self>, steps: Vec<Step>, mut progress: Progress) -> Progress {
        let (worker, handed_at) = (self.clone(), Instant::now());
        self.stats.queue.enter();
        let done = tokio::task::spawn_blocking(move || {
            let waited = handed_at.elapsed();
            progress.waited += waited;
            worker.stats.queue.leave(!progress.handed, waited, progress.waited);
            progress.handed = true;
            worker.do_steps(&steps, &mut progress);
            progress
        });
        done.await.expect("no step panics")
    }

    /// Sleep, or ask the upstream; the others are not awaited but done.
    async fn do_here(&self, step: Step, progress: &mut Progress) {
        let began = Instant::now();
        match step.kind {
            Kind::SleepUs => tokio::time::sleep(Duration::from_micros(step.amount)).await,
            // Apart, so that not every connection has the room for it.
            Kind::Upstream => progress.status = Box::pin(upstream::ask(&self.options, step.amount)).await,
            _ => return self.do_step(step, progress),
        }
        self.stats.add_work(step.kind, None, began.elapsed());
    }

    /// The steps of a request with BODY, all of which the server had at WHOLE_AT.  Returns the status to answer, and
    /// the digest to show.
    pub async fn run(self: &Arc<Self>, plan: &[Step], body: &[u8], whole_at: Instant) -> (u16, Digest) {
        let digest = sha::of_body(body);
        let mut progress = Progress { status: 200, digest, whole_at, handed: false, waited: Duration::ZERO };
        let mut left = plan;
        while progress.status == 200 && !left.is_empty() {
            let for_pool = left.iter().take_while(|step| self.is_for_pool(step.kind)).count();
            if for_pool > 0 {
                progress = self.hand_over(left[..for_pool].to_vec(), progress).await;
            } else {
                self.do_here(left[0], &mut progress).await;
            }
            left = &left[for_pool.max(1)..];
        }
        (progress.status, progress.digest)
    }
}

/// What /process answers.  Not by write!, which takes longer for 32 bytes than their digest does.
pub fn result_text(digest: &Digest) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(80);
    text.push_str("result: ");
    for byte in digest {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.push('\n');
    text
}
