//! Finds the programs of a PostgreSQL server on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::EmbeddedError;

/// Where distributions put them, by major version.
const VERSIONED: &str = "/usr/lib/postgresql";
/// The oldest version whose SQL the store uses: `date_bin` came with 14.
const OLDEST: u16 = 14;

/// The programs of one PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Their directory.
    pub directory: PathBuf,
    /// Their major version.
    pub major: u16,
}

impl Binaries {
    /// The path of a program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Every PostgreSQL server found, in the order of preference: of the configured directory only, if one is;
/// otherwise what `pg_config` names, the distribution's newest first, and the search path.
pub fn find(configured: Option<&Path>) -> Vec<Binaries> {
    let directories = match configured {
        Some(directory) => vec![directory.to_owned()],
        None => candidates(),
    };
    let mut found: Vec<Binaries> = Vec::new();
    for directory in directories {
        let is_known = found.iter().any(|binaries| binaries.directory == directory);
        let is_complete = ["postgres", "initdb"].iter().all(|program| directory.join(program).exists());
        if is_known || !is_complete {
            continue;
        }
        if let Some(major) = version(&directory.join("postgres")).filter(|major| *major >= OLDEST) {
            found.push(Binaries { directory, major });
        }
    }
    found
}

/// The programs for data of `version`, or for new data the first ones found.
pub(super) fn choose(configured: Option<&Path>, version: Option<u16>) -> Result<Binaries, EmbeddedError> {
    let found = find(configured);
    let names: Vec<String> = found.iter().map(|binaries| binaries.major.to_string()).collect();
    let is_fit = |binaries: &Binaries| version.is_none_or(|version| version == binaries.major);
    if let Some(fit) = found.into_iter().find(is_fit) {
        return Ok(fit);
    }
    match version {
        Some(needed) if !names.is_empty() => {
            Err(EmbeddedError::OtherVersion { needed, found: names.join(", ") })
        }
        _ => {
            let looked = match configured {
                Some(directory) => directory.display().to_string(),
                None => format!("pg_config --bindir, {VERSIONED}/*/bin, PATH"),
            };
            Err(EmbeddedError::NoBinaries { looked })
        }
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if let Some(directory) = printed(Command::new("pg_config").arg("--bindir")) {
        directories.push(PathBuf::from(directory));
    }
    let mut versions: Vec<u16> = std::fs::read_dir(VERSIONED)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    directories
        .extend(versions.iter().rev().map(|major| Path::new(VERSIONED).join(major.to_string()).join("bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    directories.extend(std::env::split_paths(&path));
    directories
}

fn version(postgres: &Path) -> Option<u16> {
    major(&printed(Command::new(postgres).arg("--version"))?)
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian …)`.
fn major(text: &str) -> Option<u16> {
    let number = text.split("(PostgreSQL) ").nth(1)?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

fn printed(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (text, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres", None),
        ] {
            assert_eq!(major(text), expected, "{text}");
        }
    }

    #[test]
    fn a_directory_without_programs_is_said_so() {
        let error = choose(Some(Path::new("/nonexistent")), None).unwrap_err();
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }
}
