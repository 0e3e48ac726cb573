// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! Requests to another server, on a connection each.
use crate::options::{Options, Upstream};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST};
use hyper::{Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::error::Error;
use tokio::net::TcpStream;

async fn ask_once(upstream: &Upstream) -> Result<StatusCode, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(upstream.address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(&upstream.path)
        .header(HOST, upstream.address.to_string())
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let talk = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        answer.into_body().collect().await?;
        Ok::<_, hyper::Error>(status)
    };
    let (status, ended) = tokio::join!(talk, connection);
    ended?;
    Ok(status?)
}

/// One after another.  Returns the status to answer: 200, or 502 and 504 for what went wrong.
pub async fn ask(options: &Options, times: u64) -> u16 {
    for _ in 0..times {
        let Some(upstream) = &options.upstream else { return 502 };
        match tokio::time::timeout(options.upstream_timeout, ask_once(upstream)).await {
            Err(_) => return 504,
            Ok(Ok(status)) if status.is_success() => {}
            Ok(_) => return 502,
        }
    }
    200
}
