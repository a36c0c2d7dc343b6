//! `onsale seed`: an event with one performance, to look at and to load.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use onsale_app::{
    App, Caller, CallerKind,
    catalogue::{NewPerformance, PlanChoice},
    ports::ledger::Role,
};
use onsale_domain::{
    events::EventSettings,
    ids::AccountId,
    money::Money,
    seating::{MAX_SEATS, SeatingPlan},
};
use serde_json::json;
use uuid::Uuid;

use super::Folder;
use crate::{settings::Settings, wire};

/// A performance is seeded this far ahead.
const STARTS_IN_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// What the most expensive category costs, in won; each further one costs a quarter less.
const TOP_PRICE: i64 = 160_000;

#[derive(Args)]
pub(super) struct Seed {
    /// So many seats, as square as can be
    #[arg(long, conflicts_with_all = ["plan", "rows"])]
    seats: Option<u32>,
    /// Seats of a pretix seating plan (JSON)
    #[arg(long, value_name = "FILE", conflicts_with = "rows")]
    plan: Option<PathBuf>,
    /// Rows of seats, with --columns
    #[arg(long, requires = "columns")]
    rows: Option<u32>,
    /// Seats in each row
    #[arg(long, requires = "rows")]
    columns: Option<u32>,
    /// What the event is called
    #[arg(long)]
    title: Option<String>,
    /// E-mail address of the organizer it shall belong to [default: nobody's, admins manage it]
    #[arg(long)]
    owner: Option<String>,
    #[command(flatten)]
    pub(super) folder: Folder,
}

pub(super) async fn run(settings: Settings, seed: Seed) -> anyhow::Result<()> {
    let app = wire::ledger_app(&settings).await?;
    let owner = match &seed.owner {
        None => AccountId(Uuid::nil()),
        Some(email) => {
            let found = app.account_by_email(email).await?;
            let found = found.with_context(|| format!("there is no account of {email}"))?;
            if found.role < Role::Organizer {
                bail!("{email} is no organizer; see onsale account role");
            }
            found.id
        }
    };
    let caller = Caller { account: owner, kind: CallerKind::Account, role: Role::Admin };
    let (plan, title) = plan_of(&app, caller, &seed).await?;
    let title = seed.title.unwrap_or(title);
    let event = app.create_event(caller, title, None, EventSettings::default(), None).await?;
    let new = NewPerformance {
        starts_at: app.clock().now().plus_ms(STARTS_IN_MS),
        prices: prices(&app, plan).await?,
        plan,
        areas: Vec::new(),
        sale_opens_at: None,
        sale_closes_at: None,
    };
    let performance = app.create_performance(caller, event.id, new, None).await?;
    super::print(
        &json!({"event_id": event.id, "performance_id": performance.id, "seat_count": performance.seat_count})
            .to_string(),
    );
    Ok(())
}

async fn plan_of(app: &App, caller: Caller, seed: &Seed) -> anyhow::Result<(PlanChoice, String)> {
    if let Some(path) = &seed.plan {
        let json = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let summary = app.create_plan(caller, &json, None).await?;
        return Ok((PlanChoice::Plan(summary.id), summary.name));
    }
    if let (Some(rows), Some(columns)) = (seed.rows, seed.columns) {
        return Ok((PlanChoice::Grid { rows, columns }, format!("{rows} × {columns} seats")));
    }
    let Some(seats) = seed.seats else { bail!("give --seats, --plan, or --rows and --columns") };
    if !(1..=MAX_SEATS).contains(&seats) {
        bail!("--seats must be from 1 to {MAX_SEATS}");
    }
    // The divisor nearest below the square root: 10,000 seats become 100 × 100, a prime one long row.
    let rows = (1..=seats.isqrt()).rev().find(|rows| seats.is_multiple_of(*rows)).unwrap_or(1);
    Ok((PlanChoice::Grid { rows, columns: seats / rows }, format!("{seats} seats")))
}

async fn prices(app: &App, plan: PlanChoice) -> anyhow::Result<Vec<(String, Money)>> {
    let names: Vec<String> = match plan {
        PlanChoice::Plan(id) => app.plan_categories(id).await?,
        PlanChoice::Grid { rows, columns } => {
            SeatingPlan::grid(rows, columns)?.categories.into_iter().map(|category| category.name).collect()
        }
        PlanChoice::None => Vec::new(),
    };
    let currency = EventSettings::default().currency;
    let mut price = TOP_PRICE;
    Ok(names
        .into_iter()
        .map(|name| {
            let money = Money::new(price, currency);
            // Rounded to a thousand won, as prices are.
            price = price * 3 / 4 / 1_000 * 1_000;
            (name, money)
        })
        .collect())
}
