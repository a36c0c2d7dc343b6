//! What a Redis has to be so that it keeps what it accepted.
//!
//! Invariant: nothing is sold over a Redis that is too old for the scripts; one that may lose what it accepted is
//! refused where the settings say so, and is never used in silence.

use std::time::{Duration, Instant};

use onsale_app::ports::StoreError;
use onsale_domain::time::Timestamp;
use redis::Value;

use super::{
    OpenError,
    connection::{Link, Place},
};

/// Shard channels and script flags came with this version.
const OLDEST: (u32, u32) = (7, 0);

/// Asks every server, and refuses or warns.
pub(super) async fn check(link: &Link, strict: bool) -> Result<(), OpenError> {
    let infos = infos(link).await?;
    for text in &infos {
        let info = Info(text);
        let version = info.get("redis_version").unwrap_or("unknown");
        if !is_new_enough(version) {
            return Err(OpenError::Unfit(format!("its version is {version}; 7.0 is the oldest supported")));
        }
    }
    let flaws = told(&infos);
    if flaws.is_empty() {
        return Ok(());
    }
    let told = flaws.join("; ");
    if strict {
        return Err(OpenError::Unfit(format!("{told} (setting redis_strict is true)")));
    }
    tracing::warn!(flaws = %told, "Redis may lose what it accepted; set redis_strict to refuse such a Redis");
    Ok(())
}

/// What may make it lose what it accepted, over all servers.
pub(super) async fn flaws(link: &Link) -> Result<Vec<&'static str>, StoreError> {
    Ok(told(&infos(link).await?))
}

/// How often a Redis is asked to time it.
const ASKED: u32 = 20;

/// What a Redis is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The versions of its servers, the oldest first.
    pub versions: Vec<String>,
    /// Whether all of them are new enough.
    pub is_new_enough: bool,
    /// What may make it lose what it accepted.
    pub flaws: Vec<&'static str>,
    /// Its time.
    pub now: Timestamp,
    /// How long a short question takes, the fastest of a few.
    pub asked_in: Duration,
}

/// Looks at a Redis without leaving anything there.
pub async fn examine(url: &str) -> Result<Examined, StoreError> {
    let place = Place::parse(url).map_err(StoreError::unavailable)?;
    let link = Link::open(&place).await?;
    let infos = infos(&link).await?;
    let version = |text: &String| Info(text).get("redis_version").unwrap_or("unknown").to_owned();
    let mut versions: Vec<String> = infos.iter().map(version).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut asked_in = Duration::MAX;
    for _ in 0..ASKED {
        let begun = Instant::now();
        link.run(&redis::cmd("PING")).await?;
        asked_in = asked_in.min(begun.elapsed());
    }
    let now = link.run(&redis::cmd("TIME")).await?;
    let (seconds, micros): (i64, i64) = redis::from_redis_value(now).map_err(StoreError::corrupt)?;
    Ok(Examined {
        is_new_enough: versions.iter().all(|version| is_new_enough(version)),
        flaws: told(&infos),
        now: Timestamp(seconds * 1_000 + micros / 1_000),
        versions,
        asked_in,
    })
}

fn told(infos: &[String]) -> Vec<&'static str> {
    let mut flaws: Vec<_> = infos.iter().flat_map(|text| Info(text).flaws()).collect();
    flaws.sort_unstable();
    flaws.dedup();
    flaws
}

async fn infos(link: &Link) -> Result<Vec<String>, StoreError> {
    let answers = link.ask_all(redis::cmd("INFO")).await?;
    let text = |answer| match answer {
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => Ok(text),
        _ => Err(StoreError::corrupt("INFO is answered with something else")),
    };
    answers.into_iter().map(text).collect()
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST)
}

/// The lines of `INFO`.
struct Info<'a>(&'a str);

impl Info<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))
    }

    fn flaws(&self) -> Vec<&'static str> {
        let mut flaws = Vec::new();
        if self.get("aof_enabled") == Some("0") {
            flaws.push("appendonly is off, so a restart loses every hold; set `appendonly yes`");
        }
        if self.get("maxmemory_policy").is_some_and(|policy| policy != "noeviction") {
            flaws.push("memory that runs short makes it forget; set `maxmemory-policy noeviction`");
        }
        if self.get("aof_last_write_status").is_some_and(|status| status != "ok") {
            flaws.push("it could not write its append-only file; look at its disk and its log");
        }
        flaws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, is_enough) in
            [("7.0.15", true), ("7.2.4", true), ("10.0.0", true), ("6.2.14", false), ("", false)]
        {
            assert_eq!(is_new_enough(version), is_enough, "{version}");
        }
    }

    #[test]
    fn each_flaw_is_found_and_a_sound_server_has_none() {
        let sound = "# Memory\r\nmaxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n";
        assert!(Info(sound).flaws().is_empty());
        assert_eq!(Info(&sound.replace("aof_enabled:1", "aof_enabled:0")).flaws().len(), 1);
        assert_eq!(Info(&sound.replace("noeviction", "allkeys-lru")).flaws().len(), 1);
        let failing = format!("{sound}aof_last_write_status:err\r\n");
        assert_eq!(Info(&failing).flaws().len(), 1);
        assert!(Info(&failing.replace("err", "ok")).flaws().is_empty());
    }
}
