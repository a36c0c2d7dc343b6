//! What Redis itself does with the script that holds, as `redis-benchmark` tells: no onsale in between, no pipelining.
//!
//! Invariant: it is the script that onsale runs, on a stock that onsale made; every request counted was a hold that was
//! accepted.

use std::fs;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use onsale_testkit::servers::redis::Redis;

use super::seats::SEATS_EACH;
use crate::workspace::Workspace;

/// The keys that a script names, in this order; see `stock.lua`.
const KEYS: [&str; 14] = [
    "meta", "states", "holds", "due", "owners", "ended", "endings", "words", "said", "returned", "areas",
    "sales", "paying", "changes",
];
const SOURCES: [&str; 2] = ["crates/hot/src/redis/lua/stock.lua", "crates/hot/src/redis/lua/hold.lua"];
/// Names that `redis-benchmark` makes up are different ones, but for a few.
const NAMES: &str = "1000000000";
/// The fields that `redis-benchmark --csv` gives behind the name of a test.
const FIELDS: usize = 7;

/// The script on copies of one stock.
pub(super) struct Scripted<'a> {
    redis: &'a Redis,
    sha: String,
    performance: String,
    connections: usize,
    runs: u32,
}

impl<'a> Scripted<'a> {
    /// On a performance of one area with [`SEATS_EACH`] free places. onsale must have held something already.
    pub(super) fn of(
        workspace: &Workspace,
        redis: &'a Redis,
        performance: &str,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let mut source = String::new();
        for path in SOURCES {
            let path = workspace.root.join(path);
            source +=
                &fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        }
        let before = cached_scripts(redis)?;
        let sha = redis.ask(&["SCRIPT", "LOAD", &source])?;
        let sha = sha.lines().nth(1).context("Redis does not name the script")?.to_owned();
        ensure!(
            cached_scripts(redis)? == before,
            "onsale holds with another script than the one in the sources"
        );
        Ok(Self { redis, sha, performance: performance.to_owned(), connections, runs: 0 })
    }

    /// Holds a second, on a fresh copy of the stock.
    pub(super) fn per_second(&mut self) -> anyhow::Result<f64> {
        self.runs += 1;
        let copies: Vec<String> = KEYS.iter().map(|key| format!("bench:{{{}}}:{key}", self.runs)).collect();
        for (key, copy) in KEYS.iter().zip(&copies) {
            let original = format!("onsale:{{{}}}:{key}", self.performance);
            let copied = self.redis.ask(&["COPY", &original, copy])?;
            ensure!(copied == ":1", "{original} is not there");
        }
        let count = SEATS_EACH.to_string();
        let mut command = Command::new("redis-benchmark");
        command.args(["-h", "127.0.0.1", "-p", &self.redis.port().to_string(), "--csv"]);
        command.args(["-c", &self.connections.to_string(), "-n", &count, "-r", NAMES]);
        command.args(["EVALSHA", &self.sha, &KEYS.len().to_string()]).args(&copies);
        // Now, hold, owner, call, a place of an area, which, how many, for how long, most of one owner, no key, no choice.
        command.args(["", "hold__rand_int__", "ownr__rand_int__", "callcall"]);
        command.args(["a", "1", "1", "3600000", "50", "", ""]);
        let output = command.output().context("cannot run redis-benchmark")?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("redis-benchmark: {}{text}", String::from_utf8_lossy(&output.stderr));
        }
        let held = self.redis.ask(&["HLEN", &copies[2]])?;
        // One entry has no name and is no hold.
        let held = held.trim_start_matches(':').parse::<usize>()?.saturating_sub(1);
        ensure!(held * 1_000 >= SEATS_EACH * 999, "only {held} of {SEATS_EACH} holds were accepted: {text}");
        let unlink: Vec<&str> = std::iter::once("UNLINK").chain(copies.iter().map(String::as_str)).collect();
        self.redis.ask(&unlink)?;
        per_second(&text).with_context(|| format!("redis-benchmark is not understood: {text}"))
    }
}

fn cached_scripts(redis: &Redis) -> anyhow::Result<String> {
    let info = redis.ask(&["INFO", "memory"])?;
    let line = info.lines().find(|line| line.starts_with("number_of_cached_scripts:"));
    Ok(line.context("Redis does not say how many scripts it knows")?.trim().to_owned())
}

/// The requests a second of the one test: the first field behind its name, which may hold anything.
fn per_second(csv: &str) -> Option<f64> {
    let line = csv.lines().rfind(|line| !line.trim().is_empty())?;
    let fields: Vec<_> = line.trim().rsplitn(FIELDS + 1, ',').collect();
    fields.get(FIELDS - 1)?.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::per_second;

    #[test]
    fn reads_the_requests_a_second() {
        let csv = "\"test\",\"rps\",\"avg\",\"min\",\"p50\",\"p95\",\"p99\",\"max\"\n\
                   \"EVALSHA a,b\",\"61349.70\",\"0.9\",\"0.3\",\"0.9\",\"1.1\",\"1.4\",\"3.1\"\n";
        assert_eq!(per_second(csv), Some(61_349.7));
        assert_eq!(per_second("error"), None);
    }
}
