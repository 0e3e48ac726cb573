// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! What a request to /process asks for, as in servers/plan.h.

/// The order is that of /stats and of the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    CpuUs,
    WallUs,
    SeedUs,
    Sha,
    SleepUs,
    LockUs,
    ReadKb,
    AllocKb,
    Upstream,
}

const MINUTE_US: u64 = 60_000_000;
const MAX_STEPS: usize = 9;

/// With the most that one step may ask for.
pub const KINDS: [(Kind, &str, u64); 9] = [
    (Kind::CpuUs, "cpu_us", MINUTE_US),
    (Kind::WallUs, "wall_us", MINUTE_US),
    (Kind::SeedUs, "seed_us", MINUTE_US),
    (Kind::Sha, "sha", 1_000_000),
    (Kind::SleepUs, "sleep_us", MINUTE_US),
    (Kind::LockUs, "lock_us", MINUTE_US),
    (Kind::ReadKb, "read_kb", 1 << 20),
    (Kind::AllocKb, "alloc_kb", 1 << 20),
    (Kind::Upstream, "upstream", 1000),
];

#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub kind: Kind,
    pub amount: u64,
}

/// Understand a query, "cpu_us=2000&sha=1"; without one DEFAULTS are the plan.  None: it cannot be done.
pub fn read(query: Option<&str>, defaults: &[Step]) -> Option<Vec<Step>> {
    match query {
        None | Some("") => Some(defaults.to_vec()),
        Some(query) => {
            // What ends in "&" has no step behind it, as in servers/plan.c.
            let steps: Option<Vec<_>> =
                query.strip_suffix('&').unwrap_or(query).split('&').map(read_step).collect();
            steps.filter(|steps| steps.len() <= MAX_STEPS)
        }
    }
}

fn read_step(text: &str) -> Option<Step> {
    let (name, number) = text.split_once('=')?;
    let (kind, _, most) = KINDS.iter().find(|(_, known, _)| *known == name)?;
    let amount = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok()).flatten()?;
    (amount <= *most).then_some(Step { kind: *kind, amount })
}
