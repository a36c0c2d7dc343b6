//! What a folder says about being moved: `moving` from the beginning of a move, `moved` from its end.
//!
//! Invariants: a folder with `moved` in it is not served from, and that file is there before the place it went to may
//! be; each is on disk, whole, or not there.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::settings::{Settings, redacted};

const MOVING: &str = "moving";
const MOVED: &str = "moved";

/// A move of the installation in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Tells it from any other; the target bears it too, until all is there.
    pub(crate) id: Uuid,
    /// When it began, or came to its end.
    at: String,
    /// Where to, without passwords.
    database: String,
    redis: String,
}

impl Mark {
    /// The move that was begun here and has not come to its end, bound for this target now; or a new one.
    pub(crate) fn begin(folder: &Path, target: &Settings) -> anyhow::Result<Self> {
        let id = Self::begun(folder)?.map_or_else(Uuid::new_v4, |begun| begun.id);
        let place = |url: &Option<String>| redacted(url.as_deref().unwrap_or_default());
        let mark =
            Self { id, at: now(), database: place(&target.database_url), redis: place(&target.redis_url) };
        write(folder, MOVING, &mark)?;
        Ok(mark)
    }

    /// The end: from here on the folder is not served from.
    pub(crate) fn end(mut self, folder: &Path) -> anyhow::Result<()> {
        self.at = now();
        write(folder, MOVED, &self)?;
        Self::forget_beginning(folder)
    }

    /// After the end nobody has to know of the beginning. Doing it again is no mistake.
    pub(crate) fn forget_beginning(folder: &Path) -> anyhow::Result<()> {
        match fs::remove_file(folder.join(MOVING)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The move that has not come to its end, where there is one.
    pub(crate) fn begun(folder: &Path) -> anyhow::Result<Option<Self>> {
        read(folder, MOVING)
    }

    /// The move that has come to its end, where there was one.
    pub(crate) fn ended(folder: &Path) -> anyhow::Result<Option<Self>> {
        read(folder, MOVED)
    }

    /// Says where everything is now, and how to go back.
    pub(crate) fn describe(&self, folder: &Path) -> String {
        format!(
            "setting data_dir: what was in {} was moved to {} and {} at {}. Serve from there, with database_url and \
             redis_url; to go back to what is still here, without all that was sold there since, delete {}",
            folder.display(),
            self.database,
            self.redis,
            self.at,
            folder.join(MOVED).display()
        )
    }
}

/// Refuses a folder that was moved.
pub(crate) fn refuse_moved(folder: &Path) -> anyhow::Result<()> {
    match Mark::ended(folder)? {
        None => Ok(()),
        Some(mark) => bail!(mark.describe(folder)),
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn read(folder: &Path, name: &str) -> anyhow::Result<Option<Mark>> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(text) => {
            let damaged = || format!("{} is damaged", path.display());
            serde_json::from_slice(&text).map(Some).with_context(damaged)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Under another name first, so that there never is half a file of this one.
fn write(folder: &Path, name: &str, mark: &Mark) -> anyhow::Result<()> {
    let begun = folder.join(format!("{name}.new"));
    let mut file = fs::File::create(&begun).with_context(|| format!("{} cannot be made", begun.display()))?;
    writeln!(file, "{}", serde_json::to_string_pretty(mark)?)?;
    file.sync_all()?;
    fs::rename(&begun, folder.join(name))?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.toml");
        fs::write(&file, "").unwrap();
        let settings = crate::settings::load(Some(&file), &[]).unwrap();
        settings.shared(Some("postgres://u:word@h/onsale".into()), Some("redis://:word@h/0".into())).unwrap()
    }

    #[test]
    fn a_move_that_is_begun_again_is_the_same_one_and_ends_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let begun = Mark::begin(folder, &target()).unwrap();
        assert_eq!(Mark::begin(folder, &target()).unwrap().id, begun.id);
        refuse_moved(folder).unwrap();
        begun.clone().end(folder).unwrap();
        let refusal = refuse_moved(folder).unwrap_err().to_string();
        assert!(
            refusal.starts_with("setting data_dir") && refusal.contains("postgres://…@h/onsale"),
            "{refusal}"
        );
        assert!(!fs::read_to_string(folder.join(MOVED)).unwrap().contains("word"));
        assert_eq!(Mark::ended(folder).unwrap().unwrap().id, begun.id);
        fs::remove_file(folder.join(MOVED)).unwrap();
        refuse_moved(folder).unwrap();
        assert_ne!(Mark::begin(folder, &target()).unwrap().id, begun.id, "a move of what is here now");
    }

    #[test]
    fn a_damaged_mark_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MOVED), "{").unwrap();
        assert!(refuse_moved(folder.path()).unwrap_err().to_string().contains("is damaged"));
    }
}
