// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! What it costs that one task lets another one run, on a runtime of one worker.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// As servers/green_cost.c has it.
const BATCHES: usize = 201;
const SWITCHES: u64 = 1000;

/// Of two tasks on one worker, so that only one of them runs at a time.
struct Game {
    last: AtomicU64,  // who ran before
    count: AtomicU64, // switches, of all batches
    times: Mutex<Vec<Instant>>,
}

impl Game {
    /// Yields until all batches are there.  A yield that came back to who yielded is no switch.
    /// tokio calls who yielded once the worker has looked at its files: here after both have, once in two switches.
    async fn play(self: Arc<Self>, own: u64) {
        const ALL: u64 = SWITCHES * (BATCHES as u64 + 1);
        while self.count.load(Relaxed) < ALL {
            if self.last.load(Relaxed) != own {
                self.last.store(own, Relaxed);
                let count = self.count.load(Relaxed) + 1;
                self.count.store(count, Relaxed);
                if count % SWITCHES == 0 {
                    self.times.lock().unwrap().push(Instant::now());
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The median of the batches, on RUNTIME, which has one worker.
pub fn cost_ns(runtime: &Runtime) -> f64 {
    let game = Arc::new(Game { last: 0.into(), count: 0.into(), times: Mutex::default() });
    let tasks = [1, 2].map(|own| runtime.spawn(game.clone().play(own)));
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("a task that only yields fails at nothing");
        }
    });
    let times = game.times.lock().unwrap();
    let mut took: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    took.sort();
    took[BATCHES / 2].as_nanos() as f64 / SWITCHES as f64
}
