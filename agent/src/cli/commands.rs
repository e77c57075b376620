//! The commands that look at the watched servers.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use querysmith_configuration::error::ConfigError;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::collector::Problem;
use uuid::Uuid;

use crate::apply::allow_list::{self, AllowList, AllowListError, Approvals};
use crate::apply::context::ApplyConfig;
use crate::config::{Config, Instance};
use crate::engines::{self, HostPermission};

/// Name of the changing role where the configuration has none.
const APPLY_ROLE: &str = "querysmith_apply";

/// An allow-list that `run` could not read is an error; where changes are configured, its absence is told.
pub(super) fn check_allow_list(config: &Config) -> Result<()> {
    match AllowList::load(&config.apply.allow_list) {
        Ok(_) => Ok(()),
        Err(missing @ AllowListError::Missing(_)) => {
            if config.instances.iter().any(|instance| instance.apply_url.is_some()) {
                writeln!(std::io::stderr(), "warning: {missing}").context("writing")?;
            }
            Ok(())
        }
        Err(error) => Err(ConfigError::Invalid(error.to_string()).into()),
    }
}

/// Prints what is missing on every server; the exit code tells whether anything is.
pub(super) async fn check(config: &Config) -> Result<ExitCode> {
    some_instance(config)?;
    let mut complete = true;
    for instance in &config.instances {
        // What is looked at here is reported to nobody, so any id will do.
        let engine = engines::connect(instance, InstanceId(Uuid::nil()), Arc::new(|| HostPermission::NONE))?;
        let missing = engine.check().await;
        let mut out = std::io::stdout().lock();
        let is_complete = missing.problems.is_empty();
        let verdict = if is_complete { "complete" } else { "something is missing" };
        let version = engine.server().map_or_else(String::new, |server| format!(" {}", server.version));
        writeln!(out, "{}: {}{version}, {verdict}", instance.name, engine.kind()).context("writing")?;
        writeln!(out, "  changes: {}", changes(config, instance)).context("writing")?;
        for problem in &missing.problems {
            print(&mut out, "missing", problem).context("writing")?;
        }
        for problem in &missing.optional {
            print(&mut out, "optional", problem).context("writing")?;
        }
        drop(out);
        engine.close().await;
        complete &= is_complete;
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Whether changes can be made on an instance, and on whose word.
fn changes(config: &Config, instance: &Instance) -> String {
    if instance.apply_url.is_none() {
        return "none, as it has no apply_url".to_owned();
    }
    let apply = ApplyConfig::new(config.state.directory.clone());
    let list = match allow_list::obstacle(&config.apply.allow_list, &apply.stop_file) {
        Ok(list) if list.enabled => list,
        Ok(_) => return "none, as the allow-list has enabled = false".to_owned(),
        Err(reason) => return format!("none: {reason}"),
    };
    let approvers = list.approvals.approvers(&instance.name);
    let names: Vec<&str> = approvers.iter().map(|approver| approver.name.as_str()).collect();
    match names.as_slice() {
        [] if list.approvals == Approvals::Unsigned => "allowed on the controller's word".to_owned(),
        [] => "none, as no approver is named for it".to_owned(),
        names => format!("allowed when signed by {}", names.join(", ")),
    }
}

fn print(out: &mut impl Write, what: &str, problem: &Problem) -> std::io::Result<()> {
    let place =
        problem.database.as_ref().map_or_else(String::new, |database| format!(" in database {database}"));
    writeln!(out, "  {what}{place}: {}", problem.message)?;
    if let Some(remedy) = &problem.remedy {
        writeln!(out, "      {remedy};")?;
    }
    Ok(())
}

/// Prints the SQL that makes the roles.
pub(super) fn grants(
    config: &Config,
    apply: bool,
    read_role: Option<&str>,
    apply_role: Option<&str>,
) -> Result<()> {
    // Without a configuration, the defaults are good enough to read.
    let default = [Instance { name: "default".to_owned(), ..Instance::default() }];
    let instances = if config.instances.is_empty() { &default[..] } else { &config.instances };
    // A list that can't be read allows no parameter: `check-config` says what is wrong with it.
    let allowed = AllowList::load(&config.apply.allow_list).ok();
    let mut printed: Vec<String> = Vec::new();
    for instance in instances {
        let unnamed = (apply && instance.apply_url.is_none()).then_some(APPLY_ROLE);
        let parameters = allowed.iter().flat_map(|list| list.parameters(&instance.name));
        let parameters: Vec<String> = parameters.map(str::to_owned).collect();
        let sql = engines::grants(instance, read_role, apply_role.or(unnamed), &parameters)?;
        // Several servers with the same roles need the same text.
        if !printed.contains(&sql) {
            let mut out = std::io::stdout().lock();
            write!(out, "-- Instance {}\n\n{sql}", instance.name.replace('\n', " ")).context("writing")?;
            printed.push(sql);
        }
    }
    Ok(())
}

fn some_instance(config: &Config) -> Result<(), ConfigError> {
    if config.instances.is_empty() {
        return Err(ConfigError::Invalid(
            "no [[instance]] is configured: there is nothing to look at".into(),
        ));
    }
    Ok(())
}
