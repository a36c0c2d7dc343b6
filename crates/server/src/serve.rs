//! Serving: from settings to a listening socket, and back down in order.
//!
//! Invariant: stopping takes at most [`STOP_WITHIN`]: no new connections, requests under way are finished,
//! the drain writes the rest, the journal is closed with a checkpoint.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use onsale_app::{App, deliveries::Outbox, ports::carriers::Carrier, returns};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    admission::{self, OnSale},
    connections::Connections,
    desk::Desk,
    http::{Interface, Server},
    mail::MailCarrier,
    notices::NoticeCarrier,
    queue_client::RemoteQueue,
    settings::{Role, Settings},
    telemetry,
    tls::Endpoint,
    traces::Export,
    vitals, wire,
};

/// How long stopping may take in all.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How much of that requests under way may take.
const FINISH_WITHIN: Duration = Duration::from_secs(6);

/// How long what is being delivered may take to come to its end.
const DELIVER_WITHIN: Duration = Duration::from_secs(5);

/// How often it is looked what is sold out.
const SELL_OUTS_EVERY: Duration = Duration::from_secs(5);

/// How often it is looked whose personal data is to be erased.
const ERASE_EVERY: Duration = Duration::from_hours(1);

/// How long a round of offering what has come back may take.
const ROUND_WITHIN: Duration = Duration::from_secs(20);

/// How often payments that were left behind are looked for.
const RECONCILE_EVERY: Duration = Duration::from_secs(5);

/// How much time goes into settling the payments of the last run before the first request.
const RECONCILE_AT_START: Duration = Duration::from_secs(5);

/// Serves until told to stop.
pub(crate) async fn serve(settings: Settings) -> anyhow::Result<()> {
    // Once, for whatever speaks TLS from here; a second call would change nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let metrics = telemetry::start_metrics()?;
    // Before anything is opened: a certificate that cannot be used ends it here.
    let tls = settings.tls.clone().map(Endpoint::open).transpose()?;
    let wired = wire::everything(&settings).await?;
    let secrets = wire::secrets(&settings)?;
    let app = Arc::clone(&wired.app);
    // Where others serve the same stock, what is paying may be theirs and under way.
    if !wired.is_shared && settings.role != Role::Queue {
        settle_last_run(&app).await;
    }
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("setting listen: {} cannot be listened on", settings.listen))?;
    let address = listener.local_addr()?;
    let sells = settings.role != Role::Queue;
    let (traces, export) = settings.traces.as_ref().map(Export::start).transpose()?.unzip();
    let desk = Desk::open()?;
    let server =
        Server::new(Arc::clone(&app), wired.rooms.clone(), settings, &secrets, metrics, traces, desk);
    let server = Arc::new(server);
    let mut jobs = JoinSet::new();
    begin_waiting_room_jobs(&mut jobs, &app, &server, wired.queue);
    let interface = Interface::new(Arc::clone(&server));
    let expiry = tokio::spawn(wired.expiry);
    {
        let server = Arc::clone(&server);
        let is_ledger_here = server.settings.database_url.is_none();
        jobs.spawn(async move { server.overload.watch(&server.app, is_ledger_here).await });
    }
    jobs.spawn(vitals::run(Arc::clone(&server)));
    if let Some(shares) = wired.shares {
        let server = Arc::clone(&server);
        jobs.spawn(async move { server.limits.share(shares).await });
    }
    let drain = Drain::start(Arc::clone(&app))?;
    // Open payments are those of whoever sells, and so is what is told of them.
    let deliveries = if sells { Some(Deliveries::start(&app, &server)?) } else { None };
    if sells {
        jobs.spawn_on(run_reconciler(Arc::clone(&app)), server.desk.handle());
        jobs.spawn_on(run_returns(Arc::clone(&app)), server.desk.handle());
        jobs.spawn_on(
            run_erasing(Arc::clone(&app), server.settings.retention.guests_ms),
            server.desk.handle(),
        );
    }
    announce(address, tls.is_some());
    let connections = Connections::new(tls.clone());
    if let Some(tls) = tls {
        jobs.spawn(tls.follow_files());
    }
    connections.accept_until(told_to_stop(), &listener, &interface).await;
    drop(listener);
    server.begin_stopping();
    tracing::info!("stopping");
    // In the middle of whatever they do: each step is atomic, what is held and not offered is found again or lapses, and
    // what was not told lapses by its own time.
    jobs.abort_all();
    let orderly = async {
        let delivered = async {
            if let Some(deliveries) = deliveries {
                deliveries.stop().await;
            }
        };
        let (finished, ()) =
            tokio::join!(tokio::time::timeout(FINISH_WITHIN, connections.finish()), delivered);
        if finished.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        server.tasks.close();
        server.tasks.wait().await;
        drain.stop().await;
        expiry.abort();
        // Where others serve the same stock, they drain on; the rest would have no end.
        if !wired.is_shared
            && let Err(error) = app.drain_rest().await
        {
            tracing::warn!(%error, "the ledger gets the rest at the next start");
        }
        app.shut_down().await;
        // At the end, so that what the last requests did is told of too.
        if let Some(export) = export {
            export.stop().await;
        }
    };
    if tokio::time::timeout(STOP_WITHIN, orderly).await.is_err() {
        tracing::warn!("stopped before everything was tidied up; nothing accepted is lost");
    }
    Ok(())
}

/// At start everything that is paying was left behind by the process before.
async fn settle_last_run(app: &App) {
    match tokio::time::timeout(RECONCILE_AT_START, app.reconcile_payments(0)).await {
        Ok(Ok(0)) => {}
        Ok(Ok(finished)) => tracing::info!(finished, "payments of the last run settled"),
        Ok(Err(error)) => tracing::warn!(%error, "payments of the last run are settled later"),
        Err(_) => tracing::warn!("payments of the last run are settled later"),
    }
}

/// The line that whoever started the server waits for.
#[expect(clippy::print_stdout, reason = "part of the interface of the command")]
fn announce(address: SocketAddr, over_tls: bool) {
    let scheme = if over_tls { "https" } else { "http" };
    println!("listening on {scheme}://{address}");
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "ready");
}

/// The drain, on a thread of its own: preparing thousands of rows takes milliseconds in which no request should
/// wait.
struct Drain {
    stop: CancellationToken,
    thread: std::thread::JoinHandle<()>,
}

impl Drain {
    fn start(app: Arc<App>) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("drain".into()).spawn(move || {
            runtime.block_on(stopped.run_until_cancelled(app.run_drain()));
        })?;
        Ok(Self { stop, thread })
    }

    /// Stops it in the middle of whatever it does: what it has not acknowledged comes again.
    async fn stop(self) {
        self.stop.cancel();
        // Joining blocks, so not on the runtime's threads.
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the drain ended badly");
        }
    }
}

/// What moves the waiting rooms on, or tells the server that does.
fn begin_waiting_room_jobs(
    jobs: &mut JoinSet<()>,
    app: &Arc<App>,
    server: &Arc<Server>,
    queue: Option<Arc<RemoteQueue>>,
) {
    if let Some(rooms) = &server.rooms {
        let on_sale = match server.settings.role {
            Role::Queue => OnSale::Reported(Arc::clone(&server.reports)),
            Role::All | Role::Sales { .. } => OnSale::Here(Arc::clone(app)),
        };
        jobs.spawn(admission::run(Arc::clone(rooms), on_sale));
        let rooms = Arc::clone(rooms);
        jobs.spawn(async move { rooms.run_completions().await });
    }
    if let Some(queue) = queue {
        let app = Arc::clone(app);
        jobs.spawn(async move { queue.run(&app).await });
    }
}

/// What brings letters to buyers, and notices to organizers' programs.
struct Deliveries {
    outbox: Arc<Outbox>,
    running: tokio::task::JoinHandle<()>,
    sell_outs: tokio::task::JoinHandle<()>,
}

impl Deliveries {
    fn start(app: &Arc<App>, server: &Arc<Server>) -> anyhow::Result<Self> {
        let mail = server.settings.mail.clone().map(|settings| {
            MailCarrier::new(Arc::clone(app), Arc::clone(&server.press), settings)
                .map(|carrier| Arc::new(carrier) as Arc<dyn Carrier>)
        });
        let notices = NoticeCarrier::new(Arc::clone(app), server.settings.webhooks.allow_private)?;
        let outbox = Arc::new(app.outbox(mail.transpose()?, Some(Arc::new(notices))));
        let running = server.desk.handle().spawn(Arc::clone(&outbox).run());
        Ok(Self { outbox, running, sell_outs: tokio::spawn(run_sell_outs(Arc::clone(app))) })
    }

    /// Nothing more is claimed; what is under way has some time to come to its end. What has not is delivered again
    /// when its claim has ended, by whoever is there then.
    async fn stop(self) {
        self.sell_outs.abort();
        self.outbox.stop();
        let abort = self.running.abort_handle();
        if tokio::time::timeout(DELIVER_WITHIN, self.running).await.is_err() {
            tracing::warn!("some deliveries did not end in time");
            abort.abort();
        }
    }
}

async fn run_sell_outs(app: Arc<App>) {
    loop {
        tokio::time::sleep(SELL_OUTS_EVERY).await;
        if let Err(error) = app.notice_sell_outs().await {
            tracing::debug!(%error, "what is sold out is not known");
        }
    }
}

async fn run_reconciler(app: Arc<App>) {
    loop {
        tokio::time::sleep(RECONCILE_EVERY).await;
        if let Err(error) = app.drain_lag().await {
            tracing::debug!(%error, "how far the ledger is behind is not known");
        }
        if let Err(error) = app.reconcile_in_turn().await {
            tracing::warn!(%error, "the reconciler tries again");
        }
    }
}

async fn run_returns(app: Arc<App>) {
    loop {
        tokio::time::sleep(returns::EVERY).await;
        match tokio::time::timeout(ROUND_WITHIN, app.offer_returns()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what has come back waits"),
            Err(_) => tracing::warn!("what has come back waits: a store does not answer"),
        }
    }
}

async fn run_erasing(app: Arc<App>, guests_kept_for_ms: Option<u64>) {
    loop {
        match app.erase_due(guests_kept_for_ms).await {
            Ok(0) => {}
            Ok(orders) => tracing::info!(orders, "looked for people to be forgotten"),
            Err(error) => tracing::warn!(%error, "who is to be forgotten waits"),
        }
        tokio::time::sleep(ERASE_EVERY).await;
    }
}

async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        _ = interrupted => {}
        () = terminated => {}
    }
}
