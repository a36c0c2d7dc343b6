//! How a node reaches Redis: one server, the master that sentinels name, or a cluster.
//!
//! Invariants:
//! - nothing waits longer than its limit, whatever Redis does;
//! - a connection that broke is made anew by whoever needs it next, one attempt at a time, and while attempts fail
//!   everybody is told so at once;
//! - a command may reach Redis twice where its answer was lost: scripts tell a repeated call by its number.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use onsale_app::ports::StoreError;
use parking_lot::Mutex;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError,
    RedisResult, ServerErrorKind, Value,
    aio::{AsyncPushSender, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo},
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::runtime::Handle;

/// How long a command may take, retries included: so that a request is answered within two seconds.
pub(super) const WITHIN: Duration = Duration::from_millis(1_500);

/// How long making a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// After an attempt to connect failed, so long nobody tries again.
const REST: Duration = Duration::from_millis(50);

/// A connection that was cut is noticed by the kernel after so long without an acknowledgement.
const UNANSWERED: Duration = Duration::from_secs(5);

/// Where Redis is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    One(Client),
    Sentinels { urls: Vec<redis::ConnectionAddr>, master: String, access: Access },
    Cluster(Vec<redis::ConnectionInfo>),
}

/// Who we are towards a master named by sentinels.
#[derive(Clone, Debug)]
pub(super) struct Access {
    username: Option<String>,
    password: Option<String>,
    db: i64,
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true).set_user_timeout(UNANSWERED)
}

/// What is wrong with a URL; it does not repeat the URL, in which there may be a password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadUrl(String);

impl Place {
    /// Reads `redis://…`, `rediss://…`, `redis+cluster://a,b,c`, `redis+sentinel://a,b,c/master[/db]`.
    pub(super) fn parse(url: &str) -> Result<Self, BadUrl> {
        let bad = |error: RedisError| BadUrl(error.to_string());
        if let Some(nodes) = url.strip_prefix("redis+cluster://") {
            return Self::cluster("redis", nodes);
        }
        if let Some(nodes) = url.strip_prefix("rediss+cluster://") {
            return Self::cluster("rediss", nodes);
        }
        if let Some(rest) = url.strip_prefix("redis+sentinel://") {
            return Self::sentinels(rest);
        }
        if !["redis://", "rediss://", "unix://", "redis+unix://"].iter().any(|scheme| url.starts_with(scheme))
        {
            return Err(BadUrl(
                "it begins with none of redis://, rediss://, redis+cluster://, redis+sentinel://".into(),
            ));
        }
        let info = url.into_connection_info().map_err(bad)?.set_tcp_settings(tcp());
        Client::open(info).map(Self::One).map_err(bad)
    }

    fn cluster(scheme: &str, nodes: &str) -> Result<Self, BadUrl> {
        // Who we are is said once, in front of the first node, and holds for all.
        let (access, nodes) = nodes.rsplit_once('@').map_or(("", nodes), |(access, nodes)| (access, nodes));
        let at = if access.is_empty() { "" } else { "@" };
        let info = |node: &str| {
            let url = format!("{scheme}://{access}{at}{node}");
            url.into_connection_info().map_err(|error| BadUrl(error.to_string()))
        };
        let nodes: Vec<_> = nodes
            .trim_end_matches('/')
            .split(',')
            .filter(|node| !node.is_empty())
            .map(info)
            .collect::<Result<_, _>>()?;
        if nodes.is_empty() { Err(BadUrl("it names no node".into())) } else { Ok(Self::Cluster(nodes)) }
    }

    fn sentinels(rest: &str) -> Result<Self, BadUrl> {
        let (access, rest) = rest.rsplit_once('@').map_or(("", rest), |(access, rest)| (access, rest));
        let mut parts = rest.split('/');
        let hosts = parts.next().unwrap_or_default();
        let master = parts.next().filter(|name| !name.is_empty()).ok_or_else(|| {
            BadUrl("it does not name the master: redis+sentinel://host:26379,host:26379/master".into())
        })?;
        let db = parts.next().filter(|db| !db.is_empty()).map_or(Ok(0), str::parse);
        let db = db.map_err(|_| BadUrl("what follows the master is no number of a database".into()))?;
        let address = |host: &str| {
            let info = format!("redis://{host}").into_connection_info();
            info.map(|info| info.addr().clone()).map_err(|error| BadUrl(error.to_string()))
        };
        let urls: Vec<_> =
            hosts.split(',').filter(|host| !host.is_empty()).map(address).collect::<Result<_, _>>()?;
        if urls.is_empty() {
            return Err(BadUrl("it names no sentinel".into()));
        }
        let (username, password) = access.split_once(':').map_or((access, ""), |parts| parts);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let access = Access { username: some(username), password: some(password), db };
        Ok(Self::Sentinels { urls, master: master.to_owned(), access })
    }
}

/// A connection that many may use at once.
#[derive(Clone)]
pub(super) enum Link {
    Direct(Arc<Direct>),
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects; fails where Redis does not answer in time.
    pub(super) async fn open(place: &Place) -> Result<Self, StoreError> {
        let link = match place {
            Place::One(client) => Self::Direct(Arc::new(Direct::to(Source::One(Box::new(client.clone()))))),
            Place::Sentinels { urls, master, access } => {
                let client =
                    sentinel_builder(urls.clone(), master, access).and_then(SentinelClientBuilder::build);
                let client = client.map_err(|error| trouble(&error))?;
                Self::Direct(Arc::new(Direct::to(Source::Sentinels(Box::new(client)))))
            }
            Place::Cluster(nodes) => {
                let client = cluster_builder(nodes).build().map_err(|error| trouble(&error))?;
                let opened = tokio::time::timeout(CONNECT_WITHIN * 3, client.get_async_connection()).await;
                let connection = opened.map_err(|_| too_slow())?.map_err(|error| trouble(&error))?;
                return Ok(Self::Cluster(connection));
            }
        };
        link.run(&redis::cmd("PING")).await?;
        Ok(link)
    }

    /// Runs a command within [`WITHIN`].
    pub(super) async fn run(&self, command: &Cmd) -> Result<Value, StoreError> {
        self.run_within(command, WITHIN).await.map_err(|error| trouble(&error))
    }

    /// Runs a command; the caller looks at the error.
    pub(super) async fn run_within(&self, command: &Cmd, within: Duration) -> RedisResult<Value> {
        match self {
            Self::Direct(direct) => direct.run(command, within).await,
            Self::Cluster(connection) => {
                let mut connection = connection.clone();
                let answered = tokio::time::timeout(within, command.query_async(&mut connection)).await;
                answered.unwrap_or_else(|_| Err(silence()))
            }
        }
    }

    /// Asks every server that takes writes.
    pub(super) async fn ask_all(&self, command: Cmd) -> Result<Vec<Value>, StoreError> {
        match self {
            Self::Direct(_) => Ok(vec![self.run(&command).await?]),
            Self::Cluster(connection) => {
                let mut connection = connection.clone();
                let routing = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                let answered = tokio::time::timeout(WITHIN, connection.route_command(command, routing)).await;
                match answered.map_err(|_| too_slow())?.map_err(|error| trouble(&error))? {
                    Value::Map(answers) => Ok(answers.into_iter().map(|(_, answer)| answer).collect()),
                    Value::Array(answers) => Ok(answers),
                    one => Ok(vec![one]),
                }
            }
        }
    }
}

fn cluster_builder(nodes: &[redis::ConnectionInfo]) -> ClusterClientBuilder {
    ClusterClientBuilder::new(nodes.iter().cloned())
        .tcp_settings(tcp())
        .connection_timeout(CONNECT_WITHIN)
        .response_timeout(WITHIN)
        .overall_response_timeout(None)
        .retries(12)
        .min_retry_wait(5)
        .max_retry_wait(100)
}

fn sentinel_builder(
    urls: Vec<redis::ConnectionAddr>,
    master: &str,
    access: &Access,
) -> RedisResult<SentinelClientBuilder> {
    let mut builder = SentinelClientBuilder::new(urls, master, SentinelServerType::Master)?
        .set_client_to_redis_db(access.db)
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
    if let Some(username) = &access.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = &access.password {
        builder = builder.set_client_to_redis_password(password);
    }
    Ok(builder)
}

/// A connection on which shard channels are listened to.
pub(super) enum Subscription {
    Direct(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Subscription {
    /// Connects; whatever is pushed goes to `told`.
    pub(super) async fn open(place: &Place, told: impl AsyncPushSender) -> Result<Self, StoreError> {
        let opened = tokio::time::timeout(CONNECT_WITHIN * 3, Self::connect(place, told)).await;
        opened.map_err(|_| too_slow())?.map_err(|error| trouble(&error))
    }

    async fn connect(place: &Place, told: impl AsyncPushSender) -> RedisResult<Self> {
        let config = || {
            AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_WITHIN))
                .set_response_timeout(Some(WITHIN))
        };
        match place {
            Place::One(client) => {
                let info = client.get_connection_info().clone();
                let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
                let client = Client::open(info.set_redis_settings(settings))?;
                let config = config().set_push_sender(told);
                client.get_multiplexed_async_connection_with_config(&config).await.map(Self::Direct)
            }
            Place::Sentinels { urls, master, access } => {
                let mut client = sentinel_builder(urls.clone(), master, access)?
                    .set_client_to_redis_protocol(ProtocolVersion::RESP3)
                    .build()?;
                let config = config().set_push_sender(told);
                client.get_async_connection_with_config(&config).await.map(Self::Direct)
            }
            Place::Cluster(nodes) => {
                let client =
                    cluster_builder(nodes).use_protocol(ProtocolVersion::RESP3).push_sender(told).build()?;
                client.get_async_connection().await.map(Self::Cluster)
            }
        }
    }

    /// Listens to a shard channel, or no longer.
    pub(super) async fn listen(&mut self, channel: &str, listen: bool) -> Result<(), StoreError> {
        let asked = async {
            match (self, listen) {
                (Self::Direct(connection), _) => {
                    let verb = if listen { "SSUBSCRIBE" } else { "SUNSUBSCRIBE" };
                    redis::cmd(verb).arg(channel).exec_async(connection).await
                }
                (Self::Cluster(connection), true) => connection.ssubscribe(channel).await,
                (Self::Cluster(connection), false) => connection.sunsubscribe(channel).await,
            }
        };
        let answered = tokio::time::timeout(WITHIN, asked).await;
        answered.map_err(|_| too_slow())?.map_err(|error| trouble(&error))
    }

    /// Fails where the other end is gone without a word.
    pub(super) async fn is_there(&mut self) -> Result<(), StoreError> {
        let ping = redis::cmd("PING");
        let asked = async {
            match self {
                Self::Direct(connection) => ping.exec_async(connection).await,
                Self::Cluster(connection) => {
                    let routing = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                    connection.route_command(ping, routing).await.map(drop)
                }
            }
        };
        let answered = tokio::time::timeout(WITHIN, asked).await;
        answered.map_err(|_| too_slow())?.map_err(|error| trouble(&error))
    }
}

/// A connection to one server at a time.
pub(super) struct Direct {
    current: Mutex<Current>,
    source: Arc<tokio::sync::Mutex<Source>>,
    /// Where connections live: whoever finds one broken may be on a runtime that ends before the others.
    home: Handle,
}

enum Source {
    One(Box<Client>),
    Sentinels(Box<SentinelClient>),
}

impl Source {
    async fn connect(&mut self, config: &AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
        match self {
            Self::One(client) => client.get_multiplexed_async_connection_with_config(config).await,
            Self::Sentinels(client) => client.get_async_connection_with_config(config).await,
        }
    }
}

#[derive(Default)]
struct Current {
    /// Counts connections, so that who found one broken does not throw away its successor.
    generation: u64,
    connection: Option<MultiplexedConnection>,
    /// The last attempt that failed, and why.
    failed: Option<(Instant, RedisError)>,
}

impl Direct {
    fn to(source: Source) -> Self {
        Self {
            current: Mutex::default(),
            source: Arc::new(tokio::sync::Mutex::new(source)),
            home: Handle::current(),
        }
    }

    async fn run(&self, command: &Cmd, within: Duration) -> RedisResult<Value> {
        let deadline = tokio::time::Instant::now() + within;
        let mut again = true;
        loop {
            let connected = tokio::time::timeout_at(deadline, self.connection()).await;
            let (generation, mut connection) = connected.unwrap_or_else(|_| Err(silence()))?;
            let answered = tokio::time::timeout_at(deadline, command.query_async(&mut connection)).await;
            match answered {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) if is_broken(&error) => {
                    self.forget(generation);
                    // Only an outage that is over at once is bridged here; the rest is for whoever asks again.
                    if !std::mem::take(&mut again) {
                        return Err(error);
                    }
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    // It may be cut without anybody saying so; another one costs little.
                    self.forget(generation);
                    return Err(silence());
                }
            }
        }
    }

    fn forget(&self, generation: u64) {
        let mut current = self.current.lock();
        if current.generation == generation {
            current.connection = None;
        }
    }

    fn at_hand(&self) -> Option<RedisResult<(u64, MultiplexedConnection)>> {
        let current = self.current.lock();
        if let Some(connection) = &current.connection {
            return Some(Ok((current.generation, connection.clone())));
        }
        let (at, error) = current.failed.as_ref()?;
        (at.elapsed() < REST).then(|| Err(error.clone()))
    }

    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        if let Some(known) = self.at_hand() {
            return known;
        }
        let mut source = Arc::clone(&self.source).lock_owned().await;
        // Somebody else may have been here meanwhile.
        if let Some(known) = self.at_hand() {
            return known;
        }
        // The guard goes along, so that one connects at a time even where nobody waits for it any more.
        let connecting = self.home.spawn(async move {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_WITHIN))
                .set_response_timeout(None);
            let made = tokio::time::timeout(CONNECT_WITHIN, source.connect(&config)).await;
            made.unwrap_or_else(|_| Err(silence()))
        });
        let made = connecting.await.unwrap_or_else(|_| Err(silence()));
        let mut current = self.current.lock();
        match made {
            Ok(connection) => {
                current.generation += 1;
                current.failed = None;
                current.connection = Some(connection.clone());
                Ok((current.generation, connection))
            }
            Err(error) => {
                current.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

/// Whether the connection is of no more use: it is gone, or what is at its end is no master any more.
fn is_broken(error: &RedisError) -> bool {
    error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.is_io_error()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

fn silence() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "Redis did not answer in time").into()
}

fn too_slow() -> StoreError {
    StoreError::unavailable("Redis did not answer in time")
}

/// What an error of Redis means for a store. A script that stumbled is damage; everything else passes.
pub(super) fn trouble(error: &RedisError) -> StoreError {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot)
        | ErrorKind::UnexpectedReturnType
        | ErrorKind::Parse => StoreError::corrupt(format!("Redis: {error}")),
        _ => StoreError::unavailable(format!("Redis: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_url_is_read() {
        assert!(matches!(Place::parse("redis://u:p@127.0.0.1:1/3"), Ok(Place::One(_))));
        assert!(matches!(Place::parse("rediss://cache.example"), Ok(Place::One(_))));
        match Place::parse("redis+cluster://u:p@a:1,b:2,c").unwrap() {
            Place::Cluster(nodes) => {
                assert_eq!(nodes.len(), 3);
                assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("p")));
                assert_eq!(nodes[2].addr().to_string(), "c:6379");
            }
            other => panic!("{other:?}"),
        }
        match Place::parse("redis+sentinel://:secret@a:1,b:2/tickets/5").unwrap() {
            Place::Sentinels { urls, master, access } => {
                assert_eq!((urls.len(), master.as_str(), access.db), (2, "tickets", 5));
                assert_eq!((access.username, access.password.as_deref()), (None, Some("secret")));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_repeating_it() {
        for url in [
            "http://u:hush@h",
            "redis+cluster://",
            "redis+sentinel://u:hush@h:1",
            "redis+sentinel://u:hush@/tickets",
            "redis+sentinel://u:hush@h/tickets/five",
            "redis://u:hush@h:port",
        ] {
            let said = Place::parse(url).unwrap_err().to_string();
            assert!(!said.is_empty() && !said.contains("hush"), "{url}: {said}");
        }
    }
}
