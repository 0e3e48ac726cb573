// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! How far a connection of hyper's is, seen from both sides of it: what is read and written, and what the service
//! does.  hyper has a timeout for heads alone, and takes an idle connection for one whose head is slow.
use crate::options::Options;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    New,     // nothing has come
    Reading, // a request
    Working,
    Writing, // an answer
    Idle,    // between two requests
}

const ALL: [At; 5] = [At::New, At::Reading, At::Working, At::Writing, At::Idle];

/// Only the connection's task, which owns both sides, changes it.
pub struct Phase {
    accepted_at: Instant,
    limits: [Duration; ALL.len()], // zero: none
    at: AtomicU8,
    since_ns: AtomicU64, // from accepted_at
}

impl Phase {
    pub fn new(options: &Options) -> Self {
        let o = options;
        Self {
            accepted_at: Instant::now(),
            limits: [o.read_timeout, o.read_timeout, Duration::ZERO, o.write_timeout, o.idle_timeout],
            at: AtomicU8::new(At::New as u8),
            since_ns: AtomicU64::new(0),
        }
    }

    fn at(&self) -> At {
        ALL[usize::from(self.at.load(Relaxed))]
    }

    fn enter(&self, at: At) {
        self.at.store(at as u8, Relaxed);
        if !self.limits[at as usize].is_zero() {
            self.since_ns.store(self.accepted_at.elapsed().as_nanos() as u64, Relaxed);
        }
    }

    /// The service has a request's head.  Returns when its body must be there.
    pub fn begin(&self) -> Option<Instant> {
        let until = if self.at() == At::Reading { self.deadline() } else { None };
        self.enter(At::Working);
        until
    }

    /// And has answered it.
    pub fn answer(&self) {
        self.enter(At::Writing);
    }

    /// When the connection is to be cut off, if nothing happens.
    pub fn deadline(&self) -> Option<Instant> {
        let limit = self.limits[self.at() as usize];
        let since = self.accepted_at + Duration::from_nanos(self.since_ns.load(Relaxed));
        (!limit.is_zero()).then(|| since + limit)
    }

    /// Idle, which it may be for ever.
    pub fn is_at_rest(&self) -> bool {
        self.at() == At::Idle && self.limits[At::Idle as usize].is_zero()
    }

    /// A request has begun to come, and the service does not know of it.
    pub fn is_reading(&self) -> bool {
        self.at() == At::Reading
    }
}

pub struct Watched<S> {
    pub stream: S,
    pub phase: Arc<Phase>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before && matches!(self.phase.at(), At::New | At::Idle) {
            self.phase.enter(At::Reading);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper asks for it once all is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.phase.at() == At::Writing {
            self.phase.enter(At::Idle);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
