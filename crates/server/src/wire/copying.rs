//! Copies of an embedded installation: what is written down, and the secret that its tokens are signed with.
//!
//! The stock is not copied: it is made anew from the ledger, as it is wherever a stock is missing. A copy of both would be
//! of two moments, and a stock older than its ledger would sell seats again that the ledger knows as sold.
//!
//! Invariants: a copy is one moment of the ledger, whole and checked, before it is said to be there; what is copied over
//! nothing is copied over.

use std::{
    fs,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail, ensure};
use onsale_app::audit::{Audit, audit};
use onsale_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LEDGER, LOCK, QUEUE_LOCK, lock_folder, marks, verifying};
use crate::settings::Settings;

/// Says what a copy is of; written last.
const NOTE: &str = "backup.json";

const SECRET: &str = "secret";

/// What is known of a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The version of onsale that made it.
    pub(crate) version: String,
    /// When, RFC 3339.
    pub(crate) taken_at: String,
    /// How large the ledger is.
    pub(crate) ledger_bytes: u64,
    /// What is in it.
    pub(crate) orders: u64,
    pub(crate) units: u64,
}

/// Copies the installation into a folder that is empty or not there yet. A server may run and sell meanwhile.
pub(crate) async fn take(settings: &Settings, to: &Path) -> anyhow::Result<Note> {
    must_be_embedded(settings)?;
    marks::refuse_moved(&settings.data_dir)?;
    prepare(to)?;
    let taken_at = jiff::Timestamp::now();
    let (ledger, _) = verifying::ledger(settings).await?;
    let copied = ledger.copy_to(&to.join(LEDGER)).await;
    ledger.close().await;
    copied.context("the ledger could not be copied")?;
    keep_to_owner(&to.join(LEDGER))?;
    fs::File::open(to.join(LEDGER))?.sync_all()?;
    copy_secret(&settings.data_dir, to)?;
    let audited = check(settings, to).await?;
    let note = Note {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        taken_at: taken_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        ledger_bytes: fs::metadata(to.join(LEDGER))?.len(),
        orders: audited.orders,
        units: audited.units,
    };
    write_whole(&to.join(NOTE), serde_json::to_string_pretty(&note)?.as_bytes())?;
    Ok(note)
}

/// Puts a copy in the place of an installation that is empty or not there yet.
pub(crate) async fn restore(settings: &Settings, from: &Path) -> anyhow::Result<Note> {
    must_be_embedded(settings)?;
    let note = fs::read(from.join(NOTE));
    let note = note.with_context(|| format!("{} is no whole copy: it has no {NOTE}", from.display()))?;
    let note: Note = serde_json::from_slice(&note).with_context(|| format!("{NOTE} is damaged"))?;
    let bytes = fs::metadata(from.join(LEDGER)).map_or(0, |found| found.len());
    ensure!(
        bytes == note.ledger_bytes,
        "the copy's ledger has {bytes} bytes and should have {}",
        note.ledger_bytes
    );
    let folder = &settings.data_dir;
    prepare(folder)?;
    let _here = [lock_folder(folder, LOCK)?, lock_folder(folder, QUEUE_LOCK)?];
    let ledger = fs::File::open(from.join(LEDGER)).context("the copy's ledger cannot be read")?;
    write_whole(&folder.join(LEDGER), ledger)?;
    copy_secret(from, folder)?;
    let audited = check(settings, folder).await?;
    ensure!(
        (audited.orders, audited.units) == (note.orders, note.units),
        "the copy has {} orders and {} units, and should have {} and {}",
        audited.orders,
        audited.units,
        note.orders,
        note.units
    );
    Ok(note)
}

/// Goes through the ledger in a folder.
async fn check(settings: &Settings, folder: &Path) -> anyhow::Result<Audit> {
    let copy = Settings { data_dir: folder.to_owned(), ..settings.clone() };
    let (ledger, _) = verifying::ledger(&copy).await?;
    let damage = ledger.damage().await;
    let audited = audit(ledger.as_ref(), &[], Timestamp(jiff::Timestamp::now().as_millisecond())).await;
    ledger.close().await;
    if let Some(damage) = damage? {
        bail!("the ledger in {} is damaged: {damage}", folder.display());
    }
    let audited = audited?;
    if let Some(finding) = audited.findings.listed.first() {
        tracing::warn!(
            found = audited.findings.found,
            "the ledger does not agree with itself, as `verify ledger` says: {finding}"
        );
    }
    Ok(audited)
}

fn must_be_embedded(settings: &Settings) -> anyhow::Result<()> {
    if settings.database_url.is_some() || settings.redis_url.is_some() {
        bail!(
            "setting database_url: this copies a folder; PostgreSQL has pg_dump, which may run while tickets are sold"
        );
    }
    Ok(())
}

/// Makes a folder that only its owner reads, or takes one that is empty.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    let mut maker = fs::DirBuilder::new();
    maker.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker.create(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let first: Option<PathBuf> = fs::read_dir(folder)?.next().transpose()?.map(|entry| entry.path());
    match first {
        Some(found) => Err(anyhow!(
            "{} is not empty ({} is in it); nothing is copied over",
            folder.display(),
            found.display()
        )),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn keep_to_owner(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_to_owner(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn copy_secret(from: &Path, to: &Path) -> anyhow::Result<()> {
    match fs::File::open(from.join(SECRET)) {
        Ok(secret) => write_whole(&to.join(SECRET), secret),
        // It is in the settings then, or there has been no start yet.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("the secret in {} cannot be read", from.display())),
    }
}

/// Writes a file that was not there, and waits until it and its name are kept.
fn write_whole(path: &Path, mut content: impl Read) -> anyhow::Result<()> {
    let mut write = || {
        let mut file = fs::File::create_new(path)?;
        keep_to_owner(path)?;
        io::copy(&mut content, &mut file)?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
