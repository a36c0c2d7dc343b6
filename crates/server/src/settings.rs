//! Settings: `onsale.toml`, then `ONSALE_*`, then flags; the later wins.
//!
//! Invariant: settings that exist have been checked; what is wrong with them is said with the setting, its
//! value and what is allowed, before anything is started.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use config::{Config, Environment, File, FileFormat};
use ipnet::IpNet;
use serde::Deserialize;

mod mail;
mod payments;
mod proxies;
mod retention;
mod role;
mod secret;
mod stores;
mod tls;
mod traces;
mod webhooks;

use mail::RawMail;
pub(crate) use mail::{Mail, MailTls};
pub(crate) use payments::Payments;
use payments::RawPayments;
pub(crate) use proxies::ForwardedHeader;
use proxies::{forwarded_header, networks};
use retention::RawRetention;
pub(crate) use retention::Retention;
pub(crate) use role::Role;
use secret::checked_secret;
pub(crate) use secret::{MIN_SECRET_BYTES, Secret};
pub(crate) use stores::DatabaseLimits;
use stores::{RawDatabase, check_database_url, check_redis_url};
use tls::RawTls;
pub(crate) use tls::Tls;
use traces::RawTraces;
pub(crate) use traces::Traces;
use webhooks::RawWebhooks;
pub(crate) use webhooks::Webhooks;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Checked settings.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    /// What TLS is spoken with; without it, HTTP.
    pub(crate) tls: Option<Tls>,
    pub(crate) data_dir: PathBuf,
    /// PostgreSQL; without it SQLite in `data_dir`.
    pub(crate) database_url: Option<String>,
    pub(crate) database: DatabaseLimits,
    /// Redis, shared by several processes; without it the stock is kept in this process.
    pub(crate) redis_url: Option<String>,
    /// Do not start on a Redis that may lose what it accepted.
    pub(crate) redis_strict: bool,
    /// What of onsale this process serves.
    pub(crate) role: Role,
    /// Whether what one address may do is limited.
    pub(crate) limits_enabled: bool,
    /// Networks whose addresses have no limit of their own.
    pub(crate) limits_exempt: Vec<IpNet>,
    pub(crate) payments: Payments,
    /// How e-mail is sent; without it there is none.
    pub(crate) mail: Option<Mail>,
    pub(crate) webhooks: Webhooks,
    /// How long personal data is kept.
    pub(crate) retention: Retention,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) forwarded_header: ForwardedHeader,
    pub(crate) identity_header: Option<String>,
    pub(crate) cors_allowed_origins: Vec<String>,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
    /// Where traces go; without it there are none.
    pub(crate) traces: Option<Traces>,
    pub(crate) secret: Option<Secret>,
    pub(crate) previous_secrets: Vec<Secret>,
}

impl Settings {
    /// Whether a peer is a trusted proxy. Listening on `[::]`, one sees IPv4 addresses as IPv6 ones.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted_proxies.iter().any(|net| net.contains(&peer))
    }

    /// The same installation with both stores in its folder.
    pub(crate) fn embedded(&self) -> Self {
        Self { database_url: None, redis_url: None, ..self.clone() }
    }

    /// The same installation with its stores at these places, or else where the settings say.
    pub(crate) fn shared(
        &self,
        database_url: Option<String>,
        redis_url: Option<String>,
    ) -> Result<Self, BadSetting> {
        let Some(database_url) = database_url.or_else(|| self.database_url.clone()) else {
            return Err(bad("database_url", "missing", "postgres://…, here or with --to-database"));
        };
        let Some(redis_url) = redis_url.or_else(|| self.redis_url.clone()) else {
            return Err(bad("redis_url", "missing", "redis://…, here or with --to-redis"));
        };
        check_database_url(&database_url)?;
        check_redis_url(&redis_url)?;
        Ok(Self { database_url: Some(database_url), redis_url: Some(redis_url), ..self.clone() })
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("setting {setting} is {value}; allowed is {allowed}")]
pub(crate) struct BadSetting {
    setting: String,
    value: String,
    allowed: String,
}

/// Says that a setting cannot be used, and what could.
pub(crate) fn bad(setting: &str, value: impl fmt::Display, allowed: &str) -> BadSetting {
    // Cut as text: a precision would give a number 200 decimals.
    let value = value.to_string().chars().take(200).collect();
    BadSetting { setting: setting.to_owned(), value, allowed: allowed.to_owned() }
}

/// A flag that was given: the setting and its value as text.
pub(crate) type Override = (&'static str, String);

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    listen: Option<String>,
    tls: RawTls,
    data_dir: Option<String>,
    database_url: Option<String>,
    database: RawDatabase,
    redis_url: Option<String>,
    redis_strict: Option<String>,
    role: Option<String>,
    queue_url: Option<String>,
    payments: RawPayments,
    mail: RawMail,
    webhooks: RawWebhooks,
    retention: RawRetention,
    limits: RawLimits,
    trusted_proxies: List,
    forwarded_header: Option<String>,
    identity_header: Option<String>,
    cors: RawCors,
    log: RawLog,
    traces: RawTraces,
    secret: Option<String>,
    previous_secrets: List,
    /// Where the file is, which is known by now: the variable of the flag `--config` looks like a setting.
    #[serde(rename = "config_file")]
    _config_file: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawLimits {
    enabled: Option<String>,
    exempt: List,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawCors {
    allowed_origins: List,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawLog {
    format: Option<String>,
    level: Option<String>,
}

/// A list in the file, or text with commas in the environment and in flags.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum List {
    #[default]
    Nothing,
    Items(Vec<String>),
    Text(String),
}

impl List {
    fn items(self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Items(items) => items,
            Self::Text(text) => {
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
            }
        }
    }
}

/// Reads and checks the settings. Without `file`, `onsale.toml` is read where it exists.
pub(crate) fn load(file: Option<&Path>, overrides: &[Override]) -> Result<Settings, BadSetting> {
    let path = file.unwrap_or(Path::new("onsale.toml"));
    let mut builder = Config::builder()
        .add_source(File::from(path).format(FileFormat::Toml).required(file.is_some()))
        .add_source(
            Environment::with_prefix("ONSALE").prefix_separator("_").separator("__").ignore_empty(true),
        );
    for (key, value) in overrides {
        builder = builder
            .set_override(*key, value.as_str())
            .map_err(|error| bad(key, value, &error.to_string()))?;
    }
    let raw: Raw = builder.build().and_then(Config::try_deserialize).map_err(|error| {
        bad("file or environment", path.display(), &format!("what is documented ({error})"))
    })?;
    raw.checked()
}

impl Raw {
    fn checked(self) -> Result<Settings, BadSetting> {
        if let Some(url) = &self.database_url {
            check_database_url(url)?;
        }
        self.fit_for_several_processes()?;
        let role = Role::checked(self.role.as_deref(), self.queue_url)?;
        let listen = self.listen.unwrap_or_else(|| "127.0.0.1:8080".into());
        let listen = listen
            .parse()
            .map_err(|_| bad("listen", &listen, "an address and a port, such as 127.0.0.1:8080"))?;
        let limits_enabled = parsed("limits.enabled", self.limits.enabled, true)?;
        let identity_header = self.identity_header.map(|name| name.to_ascii_lowercase());
        if let Some(name) = &identity_header
            && axum::http::HeaderName::try_from(name).is_err()
        {
            return Err(bad("identity_header", name, "the name of an HTTP header"));
        }
        let cors_allowed_origins = self.cors.allowed_origins.items();
        if let Some(origin) = cors_allowed_origins.iter().find(|origin| !origin.starts_with("http")) {
            return Err(bad("cors.allowed_origins", origin, "origins such as https://shop.example.com"));
        }
        Ok(Settings {
            listen,
            tls: self.tls.checked()?,
            data_dir: self.data_dir.unwrap_or_else(|| "./data".into()).into(),
            database_url: self.database_url,
            database: self.database.checked()?,
            redis_url: self.redis_url,
            redis_strict: parsed("redis_strict", self.redis_strict, false)?,
            role,
            limits_enabled,
            limits_exempt: networks("limits.exempt", self.limits.exempt.items())?,
            payments: self.payments.checked()?,
            mail: self.mail.checked()?,
            webhooks: self.webhooks.checked()?,
            retention: self.retention.checked()?,
            trusted_proxies: networks("trusted_proxies", self.trusted_proxies.items())?,
            forwarded_header: forwarded_header(self.forwarded_header.as_deref())?,
            identity_header,
            cors_allowed_origins,
            log_format: match self.log.format.as_deref() {
                None | Some("text") => LogFormat::Text,
                Some("json") => LogFormat::Json,
                Some(other) => return Err(bad("log.format", other, "text or json")),
            },
            log_level: log_level(self.log.level)?,
            traces: self.traces.checked()?,
            secret: self.secret.map(|secret| checked_secret("secret", secret)).transpose()?,
            previous_secrets: self
                .previous_secrets
                .items()
                .into_iter()
                .map(|secret| checked_secret("previous_secrets", secret))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Raw {
    /// A hot store that several processes share needs a ledger that they share, and a secret that all of them
    /// check tokens with.
    fn fit_for_several_processes(&self) -> Result<(), BadSetting> {
        let Some(redis_url) = &self.redis_url else { return Ok(()) };
        check_redis_url(redis_url)?;
        if self.database_url.is_none() {
            return Err(bad(
                "redis_url",
                redacted(redis_url),
                "only together with database_url = postgres://…, a ledger that the processes share",
            ));
        }
        if self.secret.is_none() {
            return Err(bad(
                "secret",
                "missing",
                "at least 32 bytes, the same for all processes of one redis_url",
            ));
        }
        Ok(())
    }
}

/// A whole number that has to be in a range.
fn within<T>(
    setting: &str,
    value: Option<String>,
    default: T,
    allowed: std::ops::RangeInclusive<T>,
) -> Result<T, BadSetting>
where
    T: std::str::FromStr + PartialOrd + fmt::Display,
{
    let number = parsed(setting, value, default)?;
    if allowed.contains(&number) {
        return Ok(number);
    }
    Err(bad(setting, number, &format!("from {} to {}", allowed.start(), allowed.end())))
}

fn parsed<T: std::str::FromStr>(setting: &str, value: Option<String>, default: T) -> Result<T, BadSetting> {
    let Some(value) = value else { return Ok(default) };
    value.parse().map_err(|_| {
        let allowed = match std::any::type_name::<T>() {
            "bool" => "true or false",
            "f64" => "a number",
            _ => "a whole number",
        };
        bad(setting, &value, allowed)
    })
}

fn log_level(level: Option<String>) -> Result<String, BadSetting> {
    let level = level.unwrap_or_else(|| "info".into());
    match level.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(level),
        Err(_) => Err(bad(
            "log.level",
            level,
            "error, warn, info, debug, trace, or directives such as onsale=debug,info",
        )),
    }
}

/// An address without what is in front of the `@` and behind the `?`: either may have a password in it.
pub(crate) fn redacted(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(overrides: &[Override]) -> Result<Settings, BadSetting> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.toml");
        std::fs::write(&file, "").unwrap();
        load(Some(&file), overrides)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(settings.data_dir, PathBuf::from("./data"));
        assert!(settings.trusted_proxies.is_empty() && settings.identity_header.is_none());
    }

    #[test]
    fn a_trusted_proxy_is_one_however_its_address_is_written() {
        let settings = with(&[("trusted_proxies", "10.0.0.0/8".into())]).unwrap();
        assert!(settings.trusts("10.0.0.1".parse().unwrap()));
        assert!(settings.trusts("::ffff:10.0.0.1".parse().unwrap()), "listening on [::]");
        assert!(!settings.trusts("::ffff:192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn what_is_wrong_is_said_with_setting_value_and_what_is_allowed() {
        let cases: [(Override, &str); 16] = [
            (("listen", "nowhere".into()), "setting listen is nowhere; allowed is an address"),
            (("payments.simulated.failure_rate", "2".into()), "is 2; allowed is from 0 to 1"),
            (("payments.simulated.failure_rate", "often".into()), "is often; allowed is a number"),
            (("payments.simulated.delay_ms", "-1".into()), "is -1; allowed is a whole number"),
            (("limits.enabled", "maybe".into()), "is maybe; allowed is true or false"),
            (("trusted_proxies", "10.0.0.0/99".into()), "setting trusted_proxies is 10.0.0.0/99"),
            (("log.format", "xml".into()), "is xml; allowed is text or json"),
            (("secret", "short".into()), "setting secret is 5 bytes long; allowed is at least 32 bytes"),
            (
                ("redis_url", "redis://u:p@h/0".into()),
                "setting redis_url is redis://…@h/0; allowed is only together",
            ),
            (
                ("redis_url", "http://u:p@h/0".into()),
                "setting redis_url is http://…@h/0; allowed is redis://host",
            ),
            (("webhooks.allow_private", "perhaps".into()), "is perhaps; allowed is true or false"),
            (
                ("retention.guests_days", "-1".into()),
                "setting retention.guests_days is -1; allowed is a whole number",
            ),
            (("redis_strict", "very".into()), "setting redis_strict is very; allowed is true or false"),
            (
                ("database_url", "mysql://u:p@h/0?password=p".into()),
                "setting database_url is mysql://…@h/0; allowed is",
            ),
            (
                ("database.max_connections", "1".into()),
                "setting database.max_connections is 1; allowed is from 2 to",
            ),
            (("database.statement_timeout_ms", "0".into()), "is 0; allowed is from 100 to 600000"),
        ];
        for (setting, expected) in cases {
            let message = with(&[setting]).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn processes_that_share_a_hot_store_share_a_ledger_and_a_secret() {
        let redis: Override = ("redis_url", "redis://h/0".into());
        let postgres: Override = ("database_url", "postgres://u:p@h/onsale".into());
        let secret: Override = ("secret", "x".repeat(32));
        let said =
            |settings: &[Override]| with(settings).err().map(|error| error.to_string()).unwrap_or_default();
        let without_ledger = said(&[redis.clone(), secret.clone()]);
        assert!(without_ledger.contains("setting redis_url") && without_ledger.contains("database_url"));
        let without_secret = said(&[redis.clone(), postgres.clone()]);
        assert!(without_secret.contains("setting secret is missing"), "{without_secret}");
        let shared = with(&[redis, postgres.clone(), secret, ("redis_strict", "true".into())]).unwrap();
        assert_eq!((shared.redis_url.as_deref(), shared.redis_strict), (Some("redis://h/0"), true));
        let alone = with(std::slice::from_ref(&postgres)).unwrap();
        assert_eq!(
            alone.database_url.as_deref(),
            Some("postgres://u:p@h/onsale"),
            "one process may keep its stock"
        );
    }

    #[test]
    fn a_file_is_read_and_unknown_settings_in_it_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("onsale.toml");
        std::fs::write(
            &file,
            "listen = \"127.0.0.1:9\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n[payments.simulated]\nfailure_rate = 0.5\n",
        )
        .unwrap();
        let settings = load(Some(&file), &[("listen", "127.0.0.1:10".into())]).unwrap();
        assert_eq!(settings.listen.port(), 10, "flags win");
        assert!((settings.payments.simulated_failure_rate - 0.5).abs() < f64::EPSILON);
        assert!(
            settings.trusts("10.1.2.3".parse().unwrap()) && !settings.trusts("11.1.2.3".parse().unwrap())
        );
        std::fs::write(&file, "lisen = \"127.0.0.1:9\"\n").unwrap();
        assert!(load(Some(&file), &[]).err().unwrap().to_string().contains("lisen"));
    }
}
