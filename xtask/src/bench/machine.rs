//! What the figures were measured on, for the reader who compares them with another machine's.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// The machine, as far as it matters to the figures.
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gb: f64,
    kernel: String,
    /// Of the folder the stores are in.
    file_system: String,
    compiler: String,
}

impl Machine {
    /// Looks at this machine. Refuses a data folder that is not on a disk, where a commit would cost nothing.
    pub(crate) fn describe(data: &Path) -> anyhow::Result<Self> {
        let file_system = file_system(&fs::read_to_string("/proc/self/mountinfo")?, &data.canonicalize()?)
            .context("cannot tell the file system of the data folder")?;
        if ["tmpfs", "ramfs"].contains(&file_system.as_str()) {
            bail!("{} is in memory ({file_system}): give a folder on a disk with --data", data.display());
        }
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let memory_kib =
            field(&meminfo, "MemTotal").and_then(|value| value.trim_end_matches(" kB").parse().ok());
        let memory_kib: f64 = memory_kib.context("/proc/meminfo is not understood")?;
        let compiler = Command::new("rustc").arg("--version").output().context("cannot run rustc")?.stdout;
        Ok(Self {
            processor: field(&cpuinfo, "model name").unwrap_or("unknown processor").to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_gb: memory_kib * 1024.0 / 1e9,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            file_system,
            compiler: String::from_utf8_lossy(&compiler).trim().to_owned(),
        })
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GB of memory, Linux {}, stores on {}, {}",
            self.processor, self.cores, self.memory_gb, self.kernel, self.file_system, self.compiler
        )
    }
}

/// The value of the first `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.trim() == name)
        .map(|(_, v)| v.trim())
}

/// The type of the file system a path is on: that of the mount point that covers most of the path, the last one
/// where several are mounted over each other.
fn file_system(mountinfo: &str, path: &Path) -> Option<String> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        Some((Path::new(before.split(' ').nth(4)?), after.split(' ').next()?))
    });
    let covering = mounts.filter(|(point, _)| path.starts_with(point));
    covering.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{field, file_system};
    use std::path::Path;

    #[test]
    fn finds_the_file_system_of_a_path() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/a rw\n23 22 0:2 / /tmp rw shared:1 - tmpfs tmpfs rw\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/x")).as_deref(), Some("tmpfs"));
        assert_eq!(file_system(mounts, Path::new("/tmpx")).as_deref(), Some("ext4"));
    }

    #[test]
    fn reads_fields() {
        assert_eq!(field("a: 1\nmodel name\t: Some CPU\n", "model name"), Some("Some CPU"));
    }
}
