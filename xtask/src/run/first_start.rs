//! The first start of `cargo xtask run`: an organizer with a generated password, and events to look at.
//!
//! Invariant: a folder that holds anything already is never seeded, nor is one whose first start broke off taken for
//! a whole one.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};

use super::onsale;
use crate::workspace::Workspace;

const ORGANIZER: &str = "organizer@example.com";
const PASSWORD_LENGTH: usize = 20;
/// Letters and digits that are not mistaken for one another; 32 of them, so that a random byte picks evenly.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Kept beside the stores, so that a later run can print it again. Readable by its owner alone.
const ORGANIZER_FILE: &str = "organizer.txt";
/// There for as long as the first start is under way.
const UNFINISHED_FILE: &str = "first-start-unfinished";

/// What is there to look at after the first start: arguments of `onsale seed`.
const EVENTS: &[&[&str]] = &[
    &["--rows", "3", "--columns", "3", "--title", "Nine seats"],
    &["--plan", "crates/domain/plans/theatre.json", "--title", "An evening at the theatre"],
    &["--plan", "crates/domain/plans/arena-10000.json", "--title", "Arena, 10,000 seats"],
];

/// Seeds the folder if it is missing or empty, and leaves it alone otherwise.
pub(super) fn prepare(workspace: &Workspace, binary: &Path, data: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let unfinished = data.join(UNFINISHED_FILE);
    if unfinished.exists() {
        bail!("an earlier first start did not finish: remove {} and run again", data.display());
    }
    if fs::read_dir(data)?.next().is_some() {
        return Ok(());
    }
    fs::write(&unfinished, b"")?;
    println!("first start: filling {} …", data.display());
    let password = generate_password()?;
    // Written before the account exists: a password that nobody knows could not be recovered.
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(data.join(ORGANIZER_FILE))?;
    write!(file, "  organizer  {ORGANIZER}\n  password   {password}\n")?;
    seed(workspace, binary, data, &password)?;
    fs::remove_file(&unfinished)?;
    Ok(())
}

/// The organizer made at the first start, as printed; `None` for a folder that was filled by other means.
pub(super) fn organizer(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(ORGANIZER_FILE)).ok()
}

fn seed(workspace: &Workspace, binary: &Path, data: &Path, password: &str) -> anyhow::Result<()> {
    let call = |arguments: &[&str], input: Option<&str>| -> anyhow::Result<()> {
        let shown = format!("onsale {}", arguments.join(" "));
        let mut command = onsale(binary, data);
        command.current_dir(&workspace.root).args(arguments).stdin(Stdio::piped());
        let mut child = command.spawn().with_context(|| shown.clone())?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input may have closed it; its status tells what went wrong.
            let _ = writeln!(stdin, "{}", input.unwrap_or_default());
        }
        ensure!(child.wait()?.success(), "{shown} failed");
        Ok(())
    };
    call(&["migrate"], None)?;
    let create = ["account", "create", "--email", ORGANIZER, "--role", "organizer", "--password-stdin"];
    call(&create, Some(password))?;
    for event in EVENTS {
        let arguments = [&["seed", "--owner", ORGANIZER][..], event].concat();
        call(&arguments, None)?;
    }
    Ok(())
}

/// 100 bits from the kernel.
fn generate_password() -> anyhow::Result<String> {
    let mut random = [0_u8; PASSWORD_LENGTH];
    fs::File::open("/dev/urandom")?.read_exact(&mut random).context("cannot read /dev/urandom")?;
    Ok(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::{ORGANIZER_FILE, PASSWORD_LENGTH, UNFINISHED_FILE, generate_password, organizer, prepare};
    use crate::workspace::Workspace;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// A stand-in for onsale that writes down how it was called.
    fn stand_in(folder: &Path, status: u8) -> PathBuf {
        let (text, program) = (folder.join("onsale.sh"), folder.join("onsale"));
        let script = format!("#!/bin/sh\necho \"$*\" >> \"$ONSALE_DATA_DIR/calls\"\nexit {status}\n");
        fs::write(&text, script).unwrap();
        // Not written by this process: a test that forks meanwhile would keep it open, and "text file busy" follows.
        let install = Command::new("install").args(["-m", "755"]).args([&text, &program]).status();
        assert!(install.unwrap().success());
        program
    }

    fn workspace(folder: &Path) -> Workspace {
        Workspace { root: folder.to_owned(), target: folder.join("target") }
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (generate_password().unwrap(), generate_password().unwrap());
        assert_eq!(one.len(), PASSWORD_LENGTH);
        assert_ne!(one, other);
    }

    #[test]
    fn an_empty_folder_is_seeded_once() {
        let folder = tempfile::tempdir().unwrap();
        let (binary, data) = (stand_in(folder.path(), 0), folder.path().join("data"));
        for _ in 0..2 {
            prepare(&workspace(folder.path()), &binary, &data).unwrap();
        }
        let calls = fs::read_to_string(data.join("calls")).unwrap();
        assert_eq!(calls.lines().count(), 5, "{calls}");
        assert!(calls.starts_with("migrate\naccount create --email organizer@example.com"), "{calls}");
        let mode = fs::metadata(data.join(ORGANIZER_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(organizer(&data).unwrap().contains("organizer@example.com"));
    }

    #[test]
    fn a_first_start_that_broke_off_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (binary, data) = (stand_in(folder.path(), 1), folder.path().join("data"));
        let first = prepare(&workspace(folder.path()), &binary, &data).unwrap_err();
        assert_eq!(first.to_string(), "onsale migrate failed");
        assert!(data.join(UNFINISHED_FILE).exists());
        assert!(prepare(&workspace(folder.path()), &binary, &data).is_err());
    }
}
