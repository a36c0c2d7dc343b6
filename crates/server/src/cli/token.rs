//! `onsale token`: buyers for load tests.

use clap::Args;
use onsale_app::{Caller, CallerKind, ports::ledger::Role};
use onsale_domain::{ids::AccountId, time::Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::Folder;
use crate::{
    settings::Settings,
    tokens::{DAY_TOKEN_S, Identity, Tokens},
    wire,
};

/// More than anybody plays at once; a slip of the finger should not fill a disk.
const MAX_COUNT: u32 = 10_000_000;

#[derive(Args)]
pub(super) struct Token {
    /// How many buyers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_COUNT)))]
    count: u32,
    #[command(flatten)]
    pub(super) folder: Folder,
}

pub(super) fn run(settings: &Settings, token: &Token) -> anyhow::Result<()> {
    use std::io::Write;
    std::fs::create_dir_all(&settings.data_dir)?;
    let tokens = Tokens::new(&wire::secrets(settings)?);
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for _ in 0..token.count {
        let account = AccountId(Uuid::now_v7());
        let caller = Caller { account, kind: CallerKind::Guest, role: Role::Buyer };
        let signed = tokens.sign(Identity { caller, login: None }, now, DAY_TOKEN_S)?;
        writeln!(out, "{}", json!({"account_id": account, "access_token": signed}))?;
    }
    out.flush()?;
    Ok(())
}
