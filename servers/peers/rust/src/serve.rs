// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! From the command line to the exit status: the runtime, the listener, limits and the drain.
use crate::options::{HELP, Options};
use crate::sha;
use crate::stats::{Stats, locked};
use crate::switch;
use crate::work::Worker;
use std::io::{Error, ErrorKind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

const BACKLOG: u32 = 4096;
/// Descriptors that are no connection: standard ones, the listener, epoll, and those of requests upstream.
const OTHER_FILES: u64 = 64;
/// Accepted above the limit to be told so; more than these are closed at once.
const REFUSALS: u64 = 64;
/// For what a refused client still sends, so that it does not reset our answer.
const LINGER: Duration = Duration::from_secs(1);
/// How long nobody is accepted once files or memory ran out.
const PAUSE: Duration = Duration::from_millis(100);

pub struct Model {
    pub name: &'static str,
    pub summary: &'static str,
}

pub struct Server {
    pub model: Model,
    pub options: Arc<Options>,
    pub worker: Arc<Worker>,
    pub draining: watch::Receiver<bool>,
}

/// Lives as long as its connection.
pub struct Open {
    stats: Arc<Stats>,
    _alive: mpsc::Sender<()>,
}

impl Open {
    fn new(stats: Arc<Stats>, alive: mpsc::Sender<()>) -> Self {
        stats.accepted.fetch_add(1, Relaxed);
        Self { stats, _alive: alive }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.stats.closed.fetch_add(1, Relaxed);
    }
}

/// Returns how many connections there can be; what was asked for and cannot be is refused now.
fn take_files(options: &Options) -> Result<u64, String> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
    }
    let (asked, most) = (options.max_connections, limit.rlim_cur.saturating_sub(OTHER_FILES).max(1));
    if asked > most {
        let (wanted, allowed) = (asked + OTHER_FILES, limit.rlim_cur);
        return Err(format!(
            "{asked} connections need {wanted} open files, and {allowed} are allowed; raise ulimit -n"
        ));
    }
    Ok(if asked > 0 { asked } else { most })
}

fn listen(options: &Options) -> Result<TcpListener, Error> {
    let socket = if options.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(options.address)?;
    socket.listen(BACKLOG)
}

async fn refuse(mut stream: TcpStream, open: Open) {
    const BODY: &str = "503 Service Unavailable\n";
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nDate: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{BODY}",
        httpdate::fmt_http_date(SystemTime::now()),
        BODY.len()
    );
    open.stats.add_answer(503);
    let talk = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, Error>(())
    };
    let _ = tokio::time::timeout(LINGER, talk).await;
}

async fn stop_signal(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Files or memory ran out.  Any other failure to accept is of a connection that is gone.
fn is_shortage(why: &Error) -> bool {
    matches!(why.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

struct Acceptor<F> {
    server: Arc<Server>,
    most: u64,
    alive: mpsc::Sender<()>,
    serve: F,
}

impl<F: Fn(Arc<Server>, TcpStream, Open) -> T, T: Future<Output = ()> + Send + 'static> Acceptor<F> {
    fn take(&self, stream: TcpStream) {
        let stats = &self.server.worker.stats;
        let before = stats.open();
        let open = Open::new(stats.clone(), self.alive.clone());
        let _ = stream.set_nodelay(true);
        if before < self.most {
            tokio::spawn((self.serve)(self.server.clone(), stream, open));
            return;
        }
        stats.refused.fetch_add(1, Relaxed);
        if before < self.most + REFUSALS {
            tokio::spawn(refuse(stream, open));
        }
    }

    async fn accept(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.take(stream),
                Err(why) if is_shortage(&why) => tokio::time::sleep(PAUSE).await,
                Err(_) => {}
            }
        }
    }

    /// The last ones, until the socket says that nobody waits: tokio's listener is not ready as well where its
    /// task has had its turn, or epoll was not asked yet.
    fn accept_waiting(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        // Not more than can wait: whoever comes meanwhile would be a reason never to end.
        for _ in 0..=BACKLOG {
            match listener.accept() {
                Ok((stream, _)) => {
                    let ours = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                    if let Ok(stream) = ours {
                        self.take(stream);
                    }
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock || is_shortage(&why) => return,
                Err(_) => {}
            }
        }
    }
}

/// Until the signal, and then until all that was begun is answered.  Returns how many connections were cut off.
async fn run<F, T>(model: Model, options: Options, most: u64, serve: F) -> Result<u64, String>
where
    F: Fn(Arc<Server>, TcpStream, Open) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let address = options.address;
    let listener = listen(&options).map_err(|why| format!("cannot listen on {address}: {why}"))?;
    let catch = |kind| signal(kind).map_err(|why| format!("cannot catch signals: {why}"));
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    let (drain, draining) = watch::channel(false);
    let (alive, mut all_ended) = mpsc::channel(1);
    let options = Arc::new(options);
    let worker = Arc::new(Worker::new(options.clone()));
    let server = Arc::new(Server { model, options, worker, draining });
    let name = listener.local_addr().map_err(|why| format!("cannot tell the port of {address}: {why}"))?;
    println!("ready {name}");
    let acceptor = Acceptor { server: server.clone(), most, alive, serve };
    tokio::select! {
        _ = acceptor.accept(&listener) => {}
        _ = stop_signal(&mut terminate, &mut interrupt) => {}
    }
    acceptor.accept_waiting(listener);
    drop(acceptor);
    let _ = drain.send(true);
    let limit = server.options.drain_timeout;
    let expired = async {
        match limit.is_zero() {
            true => std::future::pending().await,
            false => tokio::time::sleep(limit).await,
        }
    };
    tokio::select! {
        _ = all_ended.recv() => Ok(0),
        _ = expired => Ok(server.worker.stats.open()),
        // The second one means it.
        _ = stop_signal(&mut terminate, &mut interrupt) => std::process::exit(1),
    }
}

fn start_runtime(options: &Options) -> Result<Runtime, String> {
    let mut builder = Builder::new_multi_thread();
    if let Some(workers) = options.workers {
        builder.worker_threads(workers);
    }
    let started = builder.max_blocking_threads(options.blocking_threads).enable_all().build();
    started.map_err(|why| format!("cannot start tokio's threads: {why}"))
}

/// --switch-cost: that, and nothing else.
fn tell_switch_cost(name: &str, options: Options) -> Result<(), String> {
    let runtime = start_runtime(&Options { workers: Some(1), ..options })?;
    eprintln!("{name}: a switch takes {:.1} ns in user space", switch::cost_ns(&runtime));
    Ok(())
}

/// The whole program: SERVE has each connection that is not refused.
pub fn main<F, T>(model: Model, serve: F) -> ExitCode
where
    F: Fn(Arc<Server>, TcpStream, Open) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let name = model.name;
    let fail = |status: u8, why: String| {
        eprintln!("{name}: {why}");
        ExitCode::from(status)
    };
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("build/peers/{name} [OPTION VALUE]...\n{}\n{HELP}", model.summary);
            return ExitCode::SUCCESS;
        }
        Err(why) => return fail(2, why),
    };
    if options.switch_cost {
        return tell_switch_cost(name, options).map_or_else(|why| fail(1, why), |_| ExitCode::SUCCESS);
    }
    let prepared = take_files(&options).and_then(|most| Ok((most, start_runtime(&options)?)));
    let (most, runtime) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return fail(1, why),
    };
    let workers = runtime.metrics().num_workers();
    eprintln!("{name}: tokio {}, hyper {}, {workers} workers", locked("tokio"), locked("hyper"));
    eprintln!("{name}: sha takes {} ns a round", sha::round_ns());
    let ended = runtime.block_on(run(model, options, most, serve));
    runtime.shutdown_background();
    match ended {
        Ok(0) => ExitCode::SUCCESS,
        Ok(cut) => fail(1, format!("{cut} connections were cut off at the drain timeout")),
        Err(why) => fail(1, why),
    }
}
