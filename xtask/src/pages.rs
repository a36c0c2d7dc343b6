//! The pages of `web/`: installed, checked and built through npm, before the server that has them compiled in.
//!
//! Invariant: what is built or installed is left alone while its sources are the same, so that the server, which
//! watches the built pages, is not compiled again for nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, bail, ensure};

use crate::workspace::Workspace;

/// The oldest Node.js that the build tools run on.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// What the pages are made of, relative to the root.
const SOURCES: &[&str] = &[
    "package-lock.json",
    "web/package.json",
    "web/index.html",
    "web/vite.config.ts",
    "web/svelte.config.js",
    "web/tsconfig.json",
    "web/src",
];

/// Builds the pages into `web/dist`, unless what is there is newer than its sources.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    install(workspace)?;
    let built = modified(&workspace.root.join("web/dist/index.html"));
    let mut newest = None;
    for source in SOURCES {
        newest = newest.max(newest_in(&workspace.root.join(source))?);
    }
    if built.is_some() && built >= newest {
        return Ok(());
    }
    println!("building the pages …");
    npm(workspace, &["run", "--silent", "build"])
}

/// Types, lint, format and unit tests of the pages.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    install(workspace)?;
    npm(workspace, &["run", "--silent", "check"])
}

/// The pages in a real browser, on a server that is started for each file of tests.
pub(crate) fn try_in_a_browser(workspace: &Workspace) -> anyhow::Result<()> {
    install(workspace)?;
    let onsale = workspace.target.join("debug/onsale");
    let mut command = command(workspace, &["run", "--silent", "e2e"]);
    passes(command.env("ONSALE_BIN", onsale), "npm run e2e")
}

/// Brings the packages that the lock file names, unless those are there.
fn install(workspace: &Workspace) -> anyhow::Result<()> {
    require_node()?;
    let lock = fs::read(workspace.root.join("package-lock.json")).context("package-lock.json")?;
    let installed = workspace.root.join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    println!("installing the packages of the pages …");
    npm(workspace, &["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    fs::write(&installed, lock).context("node_modules")
}

fn npm(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<()> {
    passes(&mut command(workspace, arguments), &format!("npm {}", arguments.join(" ")))
}

fn command(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(arguments).current_dir(&workspace.root).stdin(Stdio::null());
    npm
}

fn passes(npm: &mut Command, shown: &str) -> anyhow::Result<()> {
    let status = npm.status().context("cannot run npm")?;
    ensure!(status.success(), "{shown}");
    Ok(())
}

fn require_node() -> anyhow::Result<()> {
    let (major, minor) = OLDEST_NODE;
    let found = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    let version = found.map(|found| String::from_utf8_lossy(&found.stdout).trim().to_owned());
    match version.as_deref() {
        Ok(version) if parse_version(version).is_some_and(|version| version >= OLDEST_NODE) => Ok(()),
        Ok(version) if !version.is_empty() => {
            bail!("the pages need Node.js {major}.{minor} or newer with npm: this is {version}")
        }
        _ => bail!("missing: install Node.js {major}.{minor} or newer with npm, which builds the pages"),
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

/// When something in here was last changed; folders count, since their time is that of the last removal.
fn newest_in(path: &Path) -> anyhow::Result<Option<SystemTime>> {
    let mut newest = modified(path);
    if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| path.display().to_string())? {
            newest = newest.max(newest_in(&entry?.path())?);
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::{newest_in, parse_version};
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    #[test]
    fn reads_the_version_of_node() {
        assert_eq!(parse_version("v20.19.2"), Some((20, 19)));
        assert_eq!(parse_version("20"), None);
    }

    #[test]
    fn notices_what_was_changed_deep_inside() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        let file = File::create(folder.path().join("inner/file")).unwrap();
        let later = SystemTime::now() + Duration::from_mins(1);
        file.set_modified(later).unwrap();
        assert_eq!(newest_in(folder.path()).unwrap(), Some(later));
    }
}
