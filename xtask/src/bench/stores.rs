//! A Redis and a PostgreSQL of a benchmark's own, which end with it.

use std::time::Duration;

use anyhow::Context;
use onsale_testkit::servers::postgres::{self, Postgres};
use onsale_testkit::servers::redis::{self, Durability, Redis};

use crate::processes::wait_until;

/// How long a rewrite of the append-only file may go on.
const REST_LIMIT: Duration = Duration::from_mins(2);
const SECRET: &str = "only for this measurement, 32 bytes";

/// The servers under onsale.
pub(crate) struct Stores {
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
}

impl Stores {
    pub(crate) fn start(durability: Durability) -> anyhow::Result<Self> {
        // As many sessions as PostgreSQL has by itself, of which the tests' servers have fewer.
        let settings = [("shared_buffers", "128MB"), ("max_connections", "100")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options =
            postgres::Options { durable: true, tcp: true, settings, ..postgres::Options::default() };
        let postgres = Postgres::with(options)?.context("PostgreSQL is not on this machine")?;
        let settings = vec![("maxmemory-policy".to_owned(), "noeviction".to_owned())];
        let options = redis::Options { durability, settings, ..redis::Options::default() };
        let redis = Redis::with(&options)?.context("Redis is not on this machine")?;
        Ok(Self { postgres, redis })
    }

    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("ONSALE_DATABASE_URL", self.postgres.url()),
            ("ONSALE_REDIS_URL", self.redis.url()),
            ("ONSALE_REDIS_STRICT", "true".to_owned()),
            ("ONSALE_SECRET", SECRET.to_owned()),
        ]
    }

    /// How many changes of these performances PostgreSQL does not have.
    pub(crate) fn backlog(&self, performances: &[String]) -> anyhow::Result<u64> {
        performances.iter().try_fold(0, |sum, performance| {
            let length = self.redis.ask(&["XLEN", &format!("onsale:{{{performance}}}:changes")])?;
            anyhow::Ok(sum + length.trim_start_matches(':').parse::<u64>()?)
        })
    }

    /// Waits until Redis does nothing but answer.
    pub(crate) fn wait_for_rewrite(&self) -> anyhow::Result<()> {
        let done = wait_until(REST_LIMIT, || {
            let info = self.redis.ask(&["INFO", "persistence"])?;
            let busy = ["aof_rewrite_in_progress:1", "aof_rewrite_scheduled:1"];
            Ok((!busy.iter().any(|sign| info.contains(sign))).then_some(()))
        })?;
        done.context("Redis does not come to an end with rewriting its file")
    }
}
