//! `onsale move`: takes an installation from its folder to Redis and PostgreSQL, with the server stopped.
//!
//! Invariants: until everything has arrived and been counted on both sides, the folder is what is true and the target
//! refuses to be served from; the folder is closed before the target is opened, so that there is no moment in which both
//! would sell. Whatever stops it on the way, running it again brings it to its end.

use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;
use onsale_app::moving::StockCount;
use onsale_domain::ids::PerformanceId;
use serde_json::json;

use super::{print, say};
use crate::{
    settings::Settings,
    wire::{
        self,
        marks::Mark,
        moving::{Source, Tally, Target},
    },
};

const HELP: &str = "\
Stop the server, run this, and start with database_url, redis_url and the same secret:
the table of counts is for people, the JSON object on standard output for programs.
Both stores have to be empty. Should anything stop the move, run it again: until its
end the folder is as it was and can be served, and the target cannot. At its end a file
`moved` in the folder keeps it from being served; deleting that file is the way back.";

#[derive(Args)]
#[command(after_long_help = HELP)]
pub(super) struct Move {
    /// PostgreSQL to move the ledger to [default: the setting database_url]
    #[arg(long, value_name = "URL")]
    to_database: Option<String>,
    /// Redis to move the stock to [default: the setting redis_url]
    #[arg(long, value_name = "URL")]
    to_redis: Option<String>,
    /// Say what would be moved and whether the target is empty, and move nothing; a server may run
    #[arg(long)]
    check: bool,
    /// Folder of the embedded stores [default: ./data]
    #[arg(long)]
    pub(super) data_dir: Option<String>,
}

pub(super) async fn run(settings: Settings, command: Move) -> anyhow::Result<()> {
    let there = settings.shared(command.to_database, command.to_redis)?;
    let folder = settings.data_dir.clone();
    match Mark::ended(&folder)? {
        Some(mark) if command.check => bail!(mark.describe(&folder)),
        Some(mark) => return finish(&mark, &folder, &there).await,
        None if command.check => return check(&settings, &there).await,
        None => {}
    }
    let source = Source::open(&settings).await?;
    let target = Target::open(&there).await?;
    target.refuse_used(Mark::begun(&folder)?.map(|mark| mark.id)).await?;
    let carried = carry(&source, &target, &folder, &there).await;
    if carried.is_err() && Mark::begun(&folder)?.is_some() {
        say(
            "onsale: nothing is lost, the folder is as it was. The target is not to be served from before this \
             command has come to its end",
        );
    }
    let (mark, report) = carried?;
    let id = mark.id;
    mark.end(&folder)?;
    source.close().await;
    let opened = target.open_for_sale(id).await;
    opened.context("all of it is there, but not opened; run this command again")?;
    print(&report);
    say("onsale: moved, and the same on both sides");
    advise_on_secret(&settings, &folder)
}

/// Brings everything to the other side and compares; gives the move, to be ended, and what was moved.
async fn carry(
    source: &Source,
    target: &Target,
    folder: &Path,
    there: &Settings,
) -> anyhow::Result<(Mark, String)> {
    let (settled, since) = source.come_to_rest().await?;
    if settled > 0 {
        say(&format!("onsale: payments that were under way and are settled: {settled}"));
    }
    let performances = source.app.every_performance().await?;
    let without_event = source.without_event(&performances).await?;
    let mut images = Vec::new();
    for p in performances {
        images.push((p, source.app.stock_at_rest(p, since).await?));
    }
    let mark = Mark::begin(folder, there)?;
    target.bring_ledger(source, mark.id).await?;
    let mut stock = Vec::new();
    for (p, image) in images {
        let here =
            StockCount::of(&image).with_context(|| format!("two claims in performance {p} overlap"))?;
        stock.push(Compared { what: p, here, there: target.app.bring_stock(p, image).await? });
    }
    // Counted again, each where it is: nobody may have written here meanwhile, and there it is committed.
    let (here, there) = (source.tallies().await?, target.tallies().await?);
    let ledger: Vec<_> =
        here.into_iter().zip(there).map(|(here, there)| Compared { what: here.table, here, there }).collect();
    show_ledger(&ledger);
    show_stock(&stock);
    let apart = ledger.iter().filter(|table| !table.is_same()).count()
        + stock.iter().filter(|performance| !performance.is_same()).count();
    if apart > 0 {
        bail!("{apart} of these lines differ; was something written to the folder's ledger meanwhile?");
    }
    say_what_stays(&source.waiting(), without_event);
    Ok((mark, report(&ledger, &stock)))
}

/// A move that has come to its end here, and perhaps not there.
async fn finish(mark: &Mark, folder: &Path, there: &Settings) -> anyhow::Result<()> {
    let target = Target::open(there).await?;
    if !target.has_ledger_of(mark.id).await? {
        bail!(mark.describe(folder));
    }
    target.open_for_sale(mark.id).await?;
    Mark::forget_beginning(folder)?;
    say("onsale: this folder was moved there before; all of it is there and may be served");
    Ok(())
}

/// What there is on both sides.
struct Compared<W, T> {
    what: W,
    here: T,
    there: T,
}

impl<W, T: PartialEq> Compared<W, T> {
    fn is_same(&self) -> bool {
        self.here == self.there
    }
}

type Ledger = Vec<Compared<&'static str, Tally>>;
type Stock = Vec<Compared<PerformanceId, StockCount>>;

/// A dry run.
async fn check(settings: &Settings, there: &Settings) -> anyhow::Result<()> {
    let glance = wire::moving::glance(settings).await?;
    match &glance.tables {
        None => {
            say("onsale: the ledger is of an earlier version; it is brought to this one before it is moved");
        }
        Some(tables) => {
            for tally in tables {
                say(format!("{:<20} {:>12}  {}", tally.table, tally.rows, money(tally)).trim_end());
            }
        }
    }
    match &glance.stock {
        None => say(
            "onsale: a server runs on the folder, so its stock was not looked at; stop it before the move",
        ),
        Some(stock) => {
            for (p, count) in stock {
                say(&format!("{p}  {}", states(count)));
            }
        }
    }
    if glance.open_payments > 0 {
        say(&format!("onsale: payments that will be settled first: {}", glance.open_payments));
    }
    say_what_stays(&glance.waiting, 0);
    let id = Mark::begun(&settings.data_dir)?.map(|mark| mark.id);
    Target::open(there).await?.refuse_used(id).await?;
    say("onsale: the target is ready to be moved into");
    Ok(())
}

/// What is not moved, said in so many words.
fn say_what_stays(waiting: &[(String, usize)], without_event: usize) {
    for (event, places) in waiting {
        say(&format!(
            "onsale: the waiting room of event {event} is not moved: {places} who have a place in it have to join again"
        ));
    }
    if without_event > 0 {
        say(&format!("onsale: the stock of deleted performances is not moved: {without_event}"));
    }
}

fn show_ledger(ledger: &Ledger) {
    say(&format!("{:<20} {:>12} {:>12}  money, the same on both sides", "table", "here", "there"));
    for table in ledger {
        let sum = if table.is_same() {
            money(&table.here)
        } else {
            format!("DIFFERENT: {} here, {} there", money(&table.here), money(&table.there))
        };
        let rows = format!("{:<20} {:>12} {:>12}  {sum}", table.what, table.here.rows, table.there.rows);
        say(rows.trim_end());
    }
}

fn show_stock(stock: &Stock) {
    for performance in stock {
        let p = performance.what;
        say(&format!("{p}  here: {}", states(&performance.here)));
        let different = if performance.is_same() { "" } else { "  DIFFERENT" };
        say(&format!("{:36} there: {}{different}", "", states(&performance.there)));
    }
}

fn money(tally: &Tally) -> String {
    let sums: Vec<String> = tally.money.iter().map(|(currency, sum)| format!("{currency} {sum}")).collect();
    sums.join(", ")
}

fn states(count: &StockCount) -> String {
    let counts = count.counts;
    let areas = count.areas.iter().map(|(area, free)| format!(", area {area} free {free}"));
    format!(
        "available {} held {} paying {} sold {} blocked {} in {} holds{}",
        counts.available,
        counts.held,
        counts.paying,
        counts.sold,
        counts.blocked,
        count.holds,
        areas.collect::<String>()
    )
}

fn report(ledger: &Ledger, stock: &Stock) -> String {
    let tables: Vec<_> = ledger
        .iter()
        .map(|table| json!({"table": table.what, "rows": table.there.rows, "money": table.there.money}))
        .collect();
    let performances: Vec<_> = stock
        .iter()
        .map(|performance| {
            let StockCount { counts, areas, holds } = &performance.there;
            let areas: Vec<_> = areas.iter().map(|(id, free)| json!({"id": id, "available": free})).collect();
            json!({"performance_id": performance.what, "available": counts.available, "held": counts.held,
                "paying": counts.paying, "sold": counts.sold, "blocked": counts.blocked, "holds": holds,
                "areas": areas})
        })
        .collect();
    json!({"tables": tables, "performances": performances}).to_string()
}

/// Tokens go on being valid only where they are checked with what they were signed with.
fn advise_on_secret(settings: &Settings, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("secret");
    if !path.exists() {
        say("onsale: give every process the secret that the server had, or everybody has to log in again");
        return Ok(());
    }
    let folders_own = Settings { secret: None, previous_secrets: Vec::new(), ..settings.embedded() };
    let kept = wire::secrets(&folders_own)?;
    let known = |secret: &Vec<u8>| {
        let mut set = settings.secret.iter().chain(&settings.previous_secrets);
        set.any(|set| set.0 == *secret)
    };
    if kept.iter().all(known) {
        return Ok(());
    }
    say(&format!(
        "onsale: give every process the secret in {} as `secret`{}; with another one everybody has to log in again, \
         unless this one is among `previous_secrets`",
        path.display(),
        if kept.len() > 1 { " (its first line, the others as `previous_secrets`)" } else { "" }
    ));
    Ok(())
}
