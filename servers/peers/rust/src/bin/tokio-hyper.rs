// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! tokio-hyper: what the reference servers do, as one would write it with tokio and hyper.
//!
//!     connections   o o o o o o o o          a task each, without a stack
//!                    \ \ \ | / / /
//!     sleep_us,    [worker] [worker] ...     who is ready waits in a worker's queue, and others steal from it
//!     upstream          |  ^
//!                   [ s s s s s ]            steps wait for a thread of the pool
//!                     /    |   \
//!                thread thread thread        CPU work, the lock, reading a file: spawn_blocking
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use peers::phase::{Phase, Watched};
use peers::plan;
use peers::serve::{Model, Open, Server};
use peers::work::result_text;
use std::convert::Infallible;
use std::future::poll_fn;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

/// Of a request; 431 above it.
const HEAD_BYTES: usize = 8192;
const BODY_BYTES: usize = 1024;
const NEVER: Duration = Duration::from_secs(365 * 86400);

type Answer = Response<Full<Bytes>>;

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn answer_status(status: StatusCode) -> Answer {
    let reason = status.canonical_reason().unwrap_or_default();
    answer(status, "text/plain", format!("{} {reason}\n", status.as_u16()))
}

fn answer_and_close(status: StatusCode) -> Answer {
    let mut answer = answer_status(status);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn refuse_method(allow: &'static str) -> Answer {
    let mut answer = answer_status(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// By UNTIL; where the next request begins is not known if it is refused.
async fn read_body(body: Incoming, until: Option<tokio::time::Instant>) -> Result<Bytes, Answer> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let whole = Limited::new(body, BODY_BYTES).collect();
    let read = match until {
        Some(until) => match tokio::time::timeout_at(until, whole).await {
            Ok(read) => read,
            Err(_) => return Err(answer_and_close(StatusCode::REQUEST_TIMEOUT)),
        },
        None => whole.await,
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(why) if why.is::<http_body_util::LengthLimitError>() => {
            Err(answer_and_close(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(_) => Err(answer_and_close(StatusCode::BAD_REQUEST)),
    }
}

async fn process(server: &Server, request: Request<Incoming>, until: Option<tokio::time::Instant>) -> Answer {
    let (head, body) = request.into_parts();
    let body = match read_body(body, until).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let whole_at = Instant::now();
    if ![Method::GET, Method::HEAD, Method::POST].contains(&head.method) {
        return refuse_method("GET, HEAD, POST");
    }
    let Some(plan) = plan::read(head.uri.query(), &server.options.defaults) else {
        return answer_status(StatusCode::BAD_REQUEST);
    };
    match server.worker.run(&plan, &body, whole_at).await {
        (200, digest) => answer(StatusCode::OK, "text/plain", result_text(&digest)),
        (status, _) => answer(StatusCode::from_u16(status).expect("a status of ours"), "text/plain", ""),
    }
}

/// What is told of the server itself.  Counted before it is sent, since who gets it may ask at once.
fn tell(server: &Server, path: &str, method: &Method) -> Answer {
    let stats = &server.worker.stats;
    if ![Method::GET, Method::HEAD].contains(method) {
        return refuse_method("GET, HEAD");
    }
    if path == "/healthz" {
        stats.healthz.fetch_add(1, Relaxed);
        return answer(StatusCode::OK, "text/plain", "ok\n");
    }
    let text = stats.json(server.model.name);
    stats.stats.fetch_add(1, Relaxed);
    answer(StatusCode::OK, "application/json", text)
}

async fn handle(
    server: Arc<Server>,
    phase: Arc<Phase>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let until = phase.begin();
    let path = request.uri().path();
    let is_telling = matches!(path, "/healthz" | "/stats");
    let mut answer = match path {
        "/process" => process(&server, request, until).await,
        "/healthz" | "/stats" => tell(&server, path, request.method()),
        _ => answer_status(StatusCode::NOT_FOUND),
    };
    if !(is_telling && answer.status() == StatusCode::OK) {
        server.worker.stats.add_answer(answer.status().as_u16());
    }
    if *server.draining.borrow() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    phase.answer();
    Ok(answer)
}

/// Bytes have come on FD that are not read yet.
fn has_more(fd: RawFd) -> bool {
    let mut byte = 0u8;
    unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, libc::MSG_PEEK | libc::MSG_DONTWAIT) > 0 }
}

/// _open ends after all that is in here, the stream among it.
async fn converse(server: Arc<Server>, stream: TcpStream, _open: Open) {
    let phase = Arc::new(Phase::new(&server.options));
    let fd = stream.as_raw_fd();
    let io = TokioIo::new(Watched { stream, phase: phase.clone() });
    let service = service_fn(|request| handle(server.clone(), phase.clone(), request));
    let mut connection = pin!(http1::Builder::new().max_buf_size(HEAD_BYTES).serve_connection(io, service));
    let mut draining = server.draining.clone();
    let mut drain = pin!(draining.wait_for(|draining| *draining));
    let mut told = false;
    let never = tokio::time::Instant::now() + NEVER;
    let mut expiry = pin!(sleep_until(phase.deadline().unwrap_or(never)));
    let cut_off = poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        if !told && drain.as_mut().poll(cx).is_ready() {
            told = true;
            // hyper would take the beginning of a request for none, and has not seen what has just come; handle()
            // ends those connections.
            if !phase.is_reading() && !has_more(fd) {
                connection.as_mut().graceful_shutdown();
                cx.waker().wake_by_ref();
            }
        }
        // All that changes the deadline happens in the poll above.  The timer is touched only where it would
        // be late, or would wake a connection that is left alone: it is not for a request that is answered at once.
        let due = phase.deadline();
        if due.is_some_and(|due| due < expiry.deadline()) {
            expiry.as_mut().reset(due.unwrap());
        } else if phase.is_at_rest() && expiry.deadline() < never {
            expiry.as_mut().reset(never);
        }
        while expiry.as_mut().poll(cx).is_ready() {
            if due.is_some_and(|due| due <= tokio::time::Instant::now()) {
                return Poll::Ready(true);
            }
            expiry.as_mut().reset(due.unwrap_or(never));
        }
        Poll::Pending
    })
    .await;
    if cut_off {
        server.worker.stats.timed_out.fetch_add(1, Relaxed);
    }
}

fn main() -> ExitCode {
    let summary =
        "tokio and hyper: a task for each connection, and spawn_blocking for what would hold up others.";
    peers::serve::main(Model { name: "tokio-hyper", summary }, converse)
}
