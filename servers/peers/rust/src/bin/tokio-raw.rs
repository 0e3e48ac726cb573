// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! tokio-raw: one read, one answer, one request a connection, on tokio alone; what articles compare with servers.
//!
//! It is no HTTP server: a request that comes in two pieces, or with a body, is not understood.  As tokio-hyper
//! in all else that it does: limits, work, counts, drain.
use peers::plan;
use peers::serve::{Model, Open, Server};
use peers::work::result_text;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST_BYTES: usize = 1024;

struct Answer {
    status: u16,
    reason: &'static str,
    body: String,
}

fn answer_status(status: u16, reason: &'static str) -> Answer {
    Answer { status, reason, body: format!("{status} {reason}\n") }
}

/// The path and the query of a request that is understood.
fn target(request: &str) -> Option<(&str, Option<&str>)> {
    let target = request.strip_prefix("GET ")?.split(' ').next()?;
    Some(target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query))))
}

async fn process(server: &Server, query: Option<&str>, whole_at: Instant) -> Answer {
    let Some(plan) = plan::read(query, &server.options.defaults) else {
        return answer_status(400, "Bad Request");
    };
    match server.worker.run(&plan, b"", whole_at).await {
        (200, digest) => Answer { status: 200, reason: "OK", body: result_text(&digest) },
        (502, _) => answer_status(502, "Bad Gateway"),
        (504, _) => answer_status(504, "Gateway Timeout"),
        _ => answer_status(500, "Internal Server Error"),
    }
}

async fn answer(server: &Server, request: &str) -> Answer {
    let whole_at = Instant::now();
    let stats = &server.worker.stats;
    let told = match target(request) {
        None => answer_status(405, "Method Not Allowed"),
        Some(("/process", query)) => process(server, query, whole_at).await,
        Some(("/healthz", _)) => {
            stats.healthz.fetch_add(1, Relaxed);
            return Answer { status: 200, reason: "OK", body: "ok\n".into() };
        }
        Some(("/stats", _)) => {
            let body = stats.json(server.model.name);
            stats.stats.fetch_add(1, Relaxed);
            return Answer { status: 200, reason: "OK", body };
        }
        Some(_) => answer_status(404, "Not Found"),
    };
    stats.add_answer(told.status);
    told
}

/// None: TALK took longer than LIMIT, if there is one.
async fn within<T>(limit: Duration, talk: impl Future<Output = T>) -> Option<T> {
    match limit.is_zero() {
        true => Some(talk.await),
        false => tokio::time::timeout(limit, talk).await.ok(),
    }
}

/// None: it was cut off.
async fn converse(server: &Server, stream: &mut TcpStream) -> Option<()> {
    let mut bytes = [0; REQUEST_BYTES];
    let nr = within(server.options.read_timeout, stream.read(&mut bytes)).await?.unwrap_or(0);
    if nr == 0 {
        return Some(());
    }
    let answer = answer(server, &String::from_utf8_lossy(&bytes[..nr])).await;
    let text = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        answer.status,
        answer.reason,
        answer.body.len(),
        answer.body
    );
    let _ = within(server.options.write_timeout, stream.write_all(text.as_bytes())).await?;
    Some(())
}

async fn serve(server: Arc<Server>, mut stream: TcpStream, open: Open) {
    if converse(&server, &mut stream).await.is_none() {
        server.worker.stats.timed_out.fetch_add(1, Relaxed);
    }
    drop(stream);
    drop(open);
}

fn main() -> ExitCode {
    let summary = "tokio alone: one read, one answer, one request a connection.";
    peers::serve::main(Model { name: "tokio-raw", summary }, serve)
}
