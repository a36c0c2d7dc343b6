//! `onsale verify`: checks of what was published and of what is written down, without asking any server.

use std::{fs, io::Read, path::PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use onsale_app::findings::Findings;
use onsale_domain::waiting_room::{
    Hash,
    receipts::{self, Verified},
};

/// The largest document that is read: a draw of some million entries.
const MAX_BYTES: u64 = 512 << 20;

pub(super) mod journal;
pub(super) mod ledger;

#[derive(Subcommand)]
pub(super) enum Verify {
    /// Checks the receipt of one place, or a whole published draw; status 1 where something is wrong with it
    Draw(Draw),
    /// Checks that orders, units, payments, refunds and wallets agree to the last unit of money; status 1 where they do not
    Ledger(ledger::Ledger),
    /// Checks, with the server stopped, that every change in the journal of the embedded stock was possible, and that
    /// checkpoints and the ledger have what came of it; status 1 where not
    Journal(journal::Journal),
}

#[derive(Args)]
pub(super) struct Draw {
    /// The document; - for standard input
    file: PathBuf,
    /// The commitment as it was noted before the lobby closed, in hex: that the secret was not changed since, only this
    /// can show
    #[arg(long, value_name = "HEX")]
    commitment: Option<String>,
    /// Of a whole draw: prints place and position of everybody, a line each
    #[arg(long)]
    list: bool,
}

/// Checks a draw.
pub(super) fn draw(draw: &Draw) -> anyhow::Result<()> {
    let document = read(draw)?;
    let commitment = draw.commitment.as_deref().map(hash).transpose()?;
    match receipts::verify(&document, commitment)? {
        Verified::Receipt { place, position } => {
            super::print(&format!(
                "right: entry {} of the lobby, counted from 0, drew position {position}",
                place.0
            ));
        }
        Verified::Draw { order } => {
            super::print(&format!(
                "right: {} entries make the root, and the secret their order",
                order.len()
            ));
            if draw.list {
                for (rank, place) in order.iter().enumerate() {
                    super::print(&format!("{} {}", place.0, rank + 1));
                }
            }
        }
    }
    if commitment.is_none() {
        super::say(
            "onsale: compare the commitment in it with the one published beforehand, or give it with --commitment",
        );
    }
    Ok(())
}

fn read(draw: &Draw) -> anyhow::Result<String> {
    let mut text = String::new();
    let source: Box<dyn Read> = if draw.file.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let name = draw.file.display();
        Box::new(fs::File::open(&draw.file).with_context(|| format!("{name} cannot be opened"))?)
    };
    source.take(MAX_BYTES).read_to_string(&mut text).context("the document cannot be read")?;
    Ok(text)
}

fn hash(text: &str) -> anyhow::Result<Hash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).context("a commitment has 64 hex digits")?;
    Ok(Hash(bytes))
}

/// A count of things, in words.
fn counted(count: u64, of_one: &str) -> String {
    format!("{count} {of_one}{}", if count == 1 { "" } else { "s" })
}

/// Says what is wrong, a line each, and ends in an error where something is.
fn report(findings: &Findings) -> anyhow::Result<()> {
    for finding in &findings.listed {
        super::print(&format!("wrong: {finding}"));
    }
    let unlisted = findings.found - findings.listed.len() as u64;
    if unlisted > 0 {
        super::print(&format!("wrong: and {unlisted} more"));
    }
    if findings.found > 0 {
        bail!(counted(findings.found, "disagreement"));
    }
    super::print("right: everything agrees");
    Ok(())
}
