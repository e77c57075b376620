//! Whether a parameter may be set, and what there is of it.

use querysmith_shared::change::parameter::{SETTINGS_DATABASE, SetParameter};
use querysmith_shared::id::ChangeId;
use querysmith_shared::parameter::{ParameterType, is_same, readable};

use super::{ParameterPreImage, PreImage};
use crate::apply::facts::{FileFacts, ParameterFacts};
use crate::apply::seen::Object;

/// Another change of the server's settings that isn't finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// Which.
    pub change: ChangeId,
    /// Of which parameter.
    pub name: String,
}

/// Judges whether the parameter may be set now: what it was like, or why not, with the remedy. A rival is one of the same
/// parameter, where the undo of the first would be the loss of the second, or one that would be seen in a trial by
/// switchback.
pub fn survey(
    set: &SetParameter,
    facts: Option<&ParameterFacts>,
    rival: Option<&Rival>,
) -> Result<PreImage, String> {
    let name = &set.name;
    let Some(facts) = facts else { return Err(format!("this server has no parameter {name}")) };
    check_kind(name, facts)?;
    if let Some(Rival { change, name: theirs }) = rival {
        return Err(match theirs == name {
            true => format!("change {change} set {name}, and isn't finished: wait for its end"),
            false => format!(
                "change {change} of {theirs} isn't finished, and a trial by switchback needs the settings for itself: wait \
                 for its end"
            ),
        });
    }
    let files = check_rights(name, facts)?;
    check_files(files)?;
    let same = |one: &str, other: &str| is_same(one, other, facts.value_type, facts.unit.as_deref());
    let value = readable(&facts.value, facts.unit.as_deref());
    if !matches!(facts.source.as_str(), "default" | "configuration file") {
        return Err(format!(
            "{name} is {value} by {}, which ALTER SYSTEM does not change",
            in_words(&facts.source)
        ));
    }
    if same(&facts.value, &set.value) {
        return Err(format!("{name} is {value} already"));
    }
    if !same(&facts.value, &set.replaces) {
        return Err(format!(
            "{name} is {value} by now, and was {} when the change was proposed: have it proposed anew",
            set.replaces
        ));
    }
    let as_proposed = match (&files.by_alter_system, &set.before) {
        (None, None) => true,
        (Some(one), Some(other)) => same(one, other),
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !as_proposed {
        let by = |value: &Option<String>| {
            value.as_ref().map_or_else(|| "does not set it".to_owned(), |value| format!("sets it to {value}"))
        };
        return Err(format!(
            "postgresql.auto.conf {} by now, and the undo was approved for a file that {}: have it proposed anew",
            by(&files.by_alter_system),
            by(&set.before)
        ));
    }
    Ok(PreImage::Parameter(ParameterPreImage {
        value,
        source: facts.source.clone(),
        by_alter_system: files.by_alter_system.clone(),
        overrides: facts.overrides.clone(),
    }))
}

/// A parameter that takes text may do anything; the others take effect at a reload or not.
fn check_kind(name: &str, facts: &ParameterFacts) -> Result<(), String> {
    if facts.value_type == ParameterType::String {
        return Err(format!("{name} takes text, and such parameters are never set from here"));
    }
    match facts.context.as_str() {
        "sighup" | "superuser" | "user" => Ok(()),
        "postmaster" => {
            Err(format!("{name} takes effect at a restart only, and this agent restarts no server"))
        }
        "backend" | "superuser-backend" => {
            Err(format!("{name} takes effect in new sessions only, so whether it did can't be read back"))
        }
        _ => Err(format!("{name} can't be set while the server runs")),
    }
}

fn check_rights<'a>(name: &str, facts: &'a ParameterFacts) -> Result<&'a FileFacts, String> {
    let role = &facts.role;
    if !facts.alter_system_is_on {
        return Err(
            "ALTER SYSTEM is off on this server (allow_alter_system): change its settings where they are managed"
                .to_owned(),
        );
    }
    let lacks = |what: &str, grant: String| {
        Err(format!(
            "role {role} may not {what}: in the database {SETTINGS_DATABASE}, {grant} (`querysmith-agent grants --apply` \
             prints it)"
        ))
    };
    match facts.may_set {
        Some(true) => {}
        _ if facts.is_superuser => {}
        Some(false) => {
            return lacks(
                &format!("set {name}"),
                format!("GRANT ALTER SYSTEM ON PARAMETER {name} TO {role}"),
            );
        }
        None => return Err("before PostgreSQL 15 only a superuser may use ALTER SYSTEM".to_owned()),
    }
    if !facts.may_reload {
        return lacks(
            "reload the server's files",
            format!("GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO {role}"),
        );
    }
    match &facts.files {
        Some(files) => Ok(files),
        None => lacks("see what the server's files say", grant_files(role)),
    }
}

/// The grants without which the files can't be seen.
pub fn grant_files(role: &str) -> String {
    format!(
        "GRANT SELECT ON pg_catalog.pg_file_settings TO {role}; \
         GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO {role}"
    )
}

/// A reload takes everything in the files, or nothing.
fn check_files(files: &FileFacts) -> Result<(), String> {
    if files.of_patroni {
        return Err("Patroni runs this server and owns its settings: patronictl edit-config".to_owned());
    }
    if let Some(place) = &files.broken {
        return Err(format!(
            "the server's files have an error at {place}, so that a reload would change nothing: mend it first"
        ));
    }
    if !files.waiting.is_empty() {
        return Err(format!(
            "a reload would bring into force what else waits in the server's files: {}. Reload first, or take it out",
            files.waiting.join(", ")
        ));
    }
    Ok(())
}

fn in_words(source: &str) -> &str {
    match source {
        "command line" => "the server's command line",
        "environment variable" => "the server's environment",
        "session" => "a setting of the agent's own session",
        "user" | "database user" => "a setting of the agent's role",
        "database" => "a setting of the database it is set from",
        other => other,
    }
}

/// What there is of the change, where what was in force before is known. The file is what the change is about; what
/// is in force may have other reasons as well.
pub fn object(set: &SetParameter, facts: &ParameterFacts, files: &FileFacts) -> Object {
    let same = |one: &str, other: &str| is_same(one, other, facts.value_type, facts.unit.as_deref());
    let value = readable(&facts.value, facts.unit.as_deref());
    let in_force = same(&facts.value, &set.value);
    let name = &set.name;
    match (&files.by_alter_system, &set.before) {
        (Some(file), _) if same(file, &set.value) => match in_force {
            true => Object::After(format!("{name} = {value} ({})", facts.source)),
            false => Object::Partial,
        },
        (None, None) if in_force => Object::Partial,
        (None, None) => Object::Before,
        (Some(file), Some(before)) if same(file, before) => match in_force {
            true => Object::Partial,
            false => Object::Before,
        },
        (Some(file), _) => Object::Foreign(format!("{name} = {file} in postgresql.auto.conf")),
        (None, Some(before)) => {
            Object::Foreign(format!("no {name} in postgresql.auto.conf, where {before} was"))
        }
    }
}

#[cfg(test)]
mod tests;
