//! The programs that the checks need beside the toolchain, and how they get here.
//!
//! Invariant: nothing is installed on a developer's machine that was not asked for; nextest alone is fetched without
//! asking, since nothing can be tested without a test runner.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::workspace::Workspace;

/// Programs the build and the tests start, and the Debian packages that bring them.
/// `cc` compiles the C of SQLite, ring and the allocator.
const SYSTEM_PROGRAMS: &[(&str, &str)] = &[("cc", "build-essential")];

/// A cargo subcommand that is not part of the toolchain.
#[derive(Clone, Copy)]
pub(crate) enum Tool {
    Deny,
    Machete,
    Nextest,
}

impl Tool {
    fn package(self) -> &'static str {
        match self {
            Self::Deny => "cargo-deny",
            Self::Machete => "cargo-machete",
            Self::Nextest => "cargo-nextest",
        }
    }

    /// Fixed, so that a new release cannot turn an old commit red.
    fn version(self) -> &'static str {
        match self {
            Self::Deny => "0.20.2",
            Self::Machete => "0.9.2",
            Self::Nextest => "0.9.143",
        }
    }

    fn subcommand(self) -> &'static str {
        self.package().trim_start_matches("cargo-")
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.package())
    }
}

/// Whether the tool is there to be used, after installing it where that is wanted. From source, on two cores, that
/// takes 2 min 10 s for cargo-deny, 55 s for cargo-machete: little enough for every cold run of continuous
/// integration, too much to spring on somebody who only wants to run the tests.
pub(crate) fn provide(workspace: &Workspace, tool: Tool, install: bool) -> anyhow::Result<bool> {
    if is_present(workspace, tool) {
        return Ok(true);
    }
    if !install {
        return Ok(false);
    }
    println!("installing {tool} …");
    let package = format!("{tool}@{}", tool.version());
    let status = workspace.cargo().args(["install", "--locked", "--quiet", &package]).status()?;
    ensure!(status.success(), "{tool} could not be installed");
    Ok(true)
}

fn is_present(workspace: &Workspace, tool: Tool) -> bool {
    let mut command = workspace.cargo();
    command.args([tool.subcommand(), "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Sees to it that the programs of the system are there: as root through apt, else by naming what to install.
pub(crate) fn provide_system_packages() -> anyhow::Result<()> {
    let missing = missing_packages(SYSTEM_PROGRAMS, &std::env::var("PATH").unwrap_or_default());
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !rustix::process::geteuid().is_root() {
        bail!("missing: run `sudo apt-get install {packages}`");
    }
    println!("installing {packages} …");
    apt_get(&["update", "-qq"])?;
    apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], &missing[..]].concat())
}

fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let status = command.status().context("cannot run apt-get")?;
    ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
    Ok(())
}

fn missing_packages<'a>(programs: &[(&str, &'a str)], search_path: &str) -> Vec<&'a str> {
    let present =
        |program: &str| search_path.split(':').any(|folder| Path::new(folder).join(program).is_file());
    programs.iter().filter(|(program, _)| !present(program)).map(|(_, package)| *package).collect()
}

#[cfg(test)]
mod tests {
    use super::{Tool, missing_packages};

    #[test]
    fn names_the_packages_of_missing_programs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("here"), b"").unwrap();
        let path = format!("/nowhere:{}", folder.path().display());
        assert_eq!(missing_packages(&[("here", "one"), ("absent", "other")], &path), ["other"]);
    }

    #[test]
    fn a_tool_is_called_through_cargo() {
        assert_eq!(Tool::Nextest.subcommand(), "nextest");
    }
}
