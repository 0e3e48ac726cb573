// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! The command line, as the reference servers have it.
use crate::plan::{KINDS, Kind, Step};
use lexopt::{Arg, Parser, ValueExt};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// As async-pool's.
const THREADS_MAX: usize = 32768;

pub struct Upstream {
    pub address: SocketAddr,
    pub path: String,
}

pub struct Options {
    pub address: SocketAddr,
    pub workers: Option<usize>, // None: as tokio has it
    pub blocking_threads: usize,
    pub cpu_work_inline: bool,
    pub read_timeout: Duration, // zero, in any: none
    pub write_timeout: Duration,
    pub idle_timeout: Duration,
    pub drain_timeout: Duration,
    pub max_connections: u64, // 0: as many as files allow
    pub directory: String,
    pub upstream: Option<Upstream>,
    pub upstream_timeout: Duration,
    pub defaults: Vec<Step>, // of /process without a query
    pub switch_cost: bool,   // serve nothing, and say what a switch takes
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            workers: None,
            blocking_threads: 512,
            cpu_work_inline: false,
            read_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15),
            drain_timeout: Duration::from_secs(30),
            max_connections: 0,
            directory: "/var/tmp".into(),
            upstream: None,
            upstream_timeout: Duration::from_secs(10),
            defaults: Vec::new(),
            switch_cost: false,
        }
    }
}

pub const HELP: &str = "
  --address A            listen on this address, in numbers (127.0.0.1)
  --port N               and this port; 0: any that is free (8080)
  --workers N            tokio's worker threads (one for each CPU)
  --cpu-work WHERE       blocking: in tokio's pool; inline: on its workers (blocking)
  --blocking-threads N   at most so many in the pool (512)
  --read-timeout T       for a whole request, from its first byte (5s)
  --write-timeout T      for a whole answer (10s)
  --idle-timeout T       between two requests (15s)
  --drain-timeout T      for what is under way at SIGTERM (30s); 0 in any of these: no limit
  --max-connections N    answer 503 to more; 0: as many as files allow (0)
  --directory DIR        where read_kb has its file (/var/tmp)
  --upstream-url U       whom upstream=N asks: http://ADDRESS:PORT/path
  --upstream-timeout T   for its answer (10s)
  --cpu-us N, --wall-us N, --seed-us N, --sha N, --sleep-us N, --lock-us N, --read-kb N, --alloc-kb N, --upstream N
                         steps of /process, where its query has none
  --switch-cost          serve nothing: say what a switch of tasks takes, on one worker, and end
";

fn text(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(|why| why.to_string())
}

fn number(parser: &mut Parser, name: &str) -> Result<u64, String> {
    let given = text(parser)?;
    given.parse().map_err(|_| format!("--{name} takes a whole number, not '{given}'"))
}

fn duration(given: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] =
        [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000)];
    if given == "0" {
        return Some(Duration::ZERO);
    }
    let (amount, unit) = given.split_at(given.find(|c: char| !c.is_ascii_digit())?);
    let (_, ns) = UNITS.iter().find(|(known, _)| *known == unit)?;
    amount.parse::<u64>().ok()?.checked_mul(*ns).map(Duration::from_nanos)
}

fn timeout(parser: &mut Parser, name: &str) -> Result<Duration, String> {
    let given = text(parser)?;
    duration(&given)
        .ok_or(format!("--{name} takes a time with its unit (10s, 500ms), or 0 for none, not '{given}'"))
}

fn upstream(url: &str) -> Result<Upstream, String> {
    let wrong = || format!("--upstream-url takes http://ADDRESS:PORT/path, not '{url}'");
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host: IpAddr =
        host.parse().map_err(|_| format!("--upstream-url takes an address in numbers, not '{host}'"))?;
    let path = if path.is_empty() { "/" } else { path };
    Ok(Upstream { address: SocketAddr::new(host, port), path: path.into() })
}

impl Options {
    /// None: help is asked for.
    pub fn parse(mut parser: Parser) -> Result<Option<Self>, String> {
        let mut options = Self::default();
        let mut amounts = [0; KINDS.len()];
        while let Some(argument) = parser.next().map_err(|why| why.to_string())? {
            match argument {
                Arg::Long("help") => return Ok(None),
                Arg::Long(name) => {
                    let name = name.to_owned();
                    match KINDS.iter().position(|(_, kind, _)| kind.replace('_', "-") == name) {
                        Some(kind) => amounts[kind] = number(&mut parser, &name)?,
                        None => options.take(&name, &mut parser)?,
                    }
                }
                Arg::Short(name) => return Err(format!("unknown option -{name}; see --help")),
                Arg::Value(value) => {
                    let value = value.to_string_lossy();
                    return Err(format!("a server takes no arguments, not '{value}'; see --help"));
                }
            }
        }
        options.take_steps(amounts)?;
        Ok(Some(options))
    }

    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<(), String> {
        match name {
            "address" => {
                let given = text(parser)?;
                self.address.set_ip(given.parse().map_err(|_| {
                    format!("--address takes an address in numbers, as 127.0.0.1 or ::1, not '{given}'")
                })?);
            }
            "port" => {
                let given = number(parser, name)?;
                let port = given.try_into();
                self.address.set_port(
                    port.map_err(|_| format!("--port takes a number from 0 to 65535, not {given}"))?,
                );
            }
            "workers" => self.workers = Some(between(parser, name)?),
            "blocking-threads" => self.blocking_threads = between(parser, name)?,
            "cpu-work" => {
                self.cpu_work_inline = match text(parser)?.as_str() {
                    "blocking" => false,
                    "inline" => true,
                    other => return Err(format!("--cpu-work is blocking or inline, not '{other}'")),
                }
            }
            "read-timeout" => self.read_timeout = timeout(parser, name)?,
            "write-timeout" => self.write_timeout = timeout(parser, name)?,
            "idle-timeout" => self.idle_timeout = timeout(parser, name)?,
            "drain-timeout" => self.drain_timeout = timeout(parser, name)?,
            "upstream-timeout" => self.upstream_timeout = timeout(parser, name)?,
            "max-connections" => self.max_connections = number(parser, name)?,
            "directory" => self.directory = text(parser)?,
            "upstream-url" => self.upstream = Some(upstream(&text(parser)?)?),
            "switch-cost" => self.switch_cost = true,
            _ => return Err(format!("unknown option --{name}; see --help")),
        }
        Ok(())
    }

    fn take_steps(&mut self, amounts: [u64; KINDS.len()]) -> Result<(), String> {
        for ((kind, name, most), amount) in KINDS.iter().zip(amounts) {
            if amount > *most {
                return Err(format!("the default for {name} is at most {most}, not {amount}"));
            }
            if amount > 0 {
                self.defaults.push(Step { kind: *kind, amount });
            }
            if *kind == Kind::Upstream && amount > 0 && self.upstream.is_none() {
                return Err("--upstream needs --upstream-url, whom to ask".into());
            }
        }
        if self.upstream_timeout.is_zero() {
            return Err("--upstream-timeout must be more than 0".into());
        }
        Ok(())
    }
}

fn between(parser: &mut Parser, name: &str) -> Result<usize, String> {
    let given = number(parser, name)? as usize;
    if given == 0 || given > THREADS_MAX {
        return Err(format!("--{name} takes a number from 1 to {THREADS_MAX}, not {given}"));
    }
    Ok(given)
}
