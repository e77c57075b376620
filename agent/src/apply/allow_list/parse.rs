//! The file's text.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use querysmith_configuration::nearest::nearest;
use querysmith_shared::approval::{Approver, MAX_APPROVERS, MAX_KEYS, PublicKey};
use querysmith_shared::change::ChangeKind;
use serde::Deserialize;
use toml::{Table, Value};

use super::bounds::{self, FileBounds};
use super::{AllowList, Approvals, Rule, Trusted};
use crate::apply::amount;
use crate::apply::throttle::Throttle;

const TOP_KEYS: [&str; 8] =
    ["enabled", "max_concurrent_builds", "stop_file", "throttle", "approvals", "approver", "allow", "deny"];
const THROTTLE_KEYS: [&str; 5] =
    ["cpu_percent", "io_percent", "replication_lag_s", "replication_lag_bytes", "blocked_sessions"];
const APPROVER_KEYS: [&str; 7] = ["name", "keys", "kinds", "instances", "databases", "schemas", "tables"];
const ALLOW_KEYS: [&str; 9] = [
    "kinds",
    "instances",
    "databases",
    "schemas",
    "tables",
    "max_columns",
    "max_index_bytes",
    "parameters",
    "signatures",
];
const DENY_KEYS: [&str; 5] = ["kinds", "instances", "databases", "schemas", "tables"];

/// Longest name of an approver, bytes.
const MOST_NAME_BYTES: usize = 128;

/// Any host that wants more builds at once wants something else.
const MOST_BUILDS: u32 = 16;

pub(super) fn parse(text: &str) -> Result<AllowList, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    check_keys(&table, "", &TOP_KEYS)?;
    if let Some(throttle) = table.get("throttle") {
        let throttle = throttle.as_table().ok_or("throttle must be written as [throttle]")?;
        check_keys(throttle, "throttle.", &THROTTLE_KEYS)?;
    }
    let sections: [(&str, &[&str]); 3] =
        [("approver", &APPROVER_KEYS), ("allow", &ALLOW_KEYS), ("deny", &DENY_KEYS)];
    for (section, keys) in sections {
        let Some(rules) = table.get(section) else { continue };
        let rules = rules.as_array().ok_or_else(|| format!("{section} must be written as [[{section}]]"))?;
        for rule in rules {
            let rule =
                rule.as_table().ok_or_else(|| format!("{section} must be written as [[{section}]]"))?;
            check_keys(rule, &format!("{section}."), keys)?;
        }
    }
    let file: File = Value::Table(table).try_into().map_err(|error: toml::de::Error| error.to_string())?;
    file.into_list()
}

fn check_keys(table: &Table, place: &str, known: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let meant = nearest(key, known.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
            Err(format!("unknown key {place}{key}{meant}"))
        }
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "one")]
    max_concurrent_builds: u32,
    stop_file: Option<PathBuf>,
    #[serde(default)]
    throttle: FileThrottle,
    approvals: Option<String>,
    #[serde(default)]
    approver: Vec<FileApprover>,
    #[serde(default)]
    allow: Vec<FileRule>,
    #[serde(default)]
    deny: Vec<FileRule>,
}

#[derive(Deserialize)]
struct FileApprover {
    name: String,
    keys: Vec<String>,
    #[serde(flatten)]
    scope: FileRule,
}

#[derive(Deserialize)]
struct FileRule {
    kinds: Option<Vec<String>>,
    instances: Option<Vec<String>>,
    databases: Option<Vec<String>>,
    schemas: Option<Vec<String>>,
    tables: Option<Vec<String>>,
    max_columns: Option<u32>,
    max_index_bytes: Option<Size>,
    #[serde(default)]
    parameters: BTreeMap<String, FileBounds>,
    signatures: Option<u8>,
}

#[derive(Deserialize, Default)]
struct FileThrottle {
    cpu_percent: Option<u8>,
    io_percent: Option<u8>,
    replication_lag_s: Option<u32>,
    replication_lag_bytes: Option<Size>,
    blocked_sessions: Option<u32>,
}

impl FileThrottle {
    fn into_throttle(self) -> Result<Throttle, String> {
        let usual = Throttle::default();
        let percent = |name: &str, given: Option<u8>, usual: u8| match given.unwrap_or(usual) {
            percent @ 1..=100 => Ok(percent),
            _ => Err(format!("throttle.{name} must be from 1 to 100, which is no limit")),
        };
        let lag_bytes = self.replication_lag_bytes.map(|size| size.bytes("throttle.replication_lag_bytes"));
        Ok(Throttle {
            cpu_percent: percent("cpu_percent", self.cpu_percent, usual.cpu_percent)?,
            io_percent: percent("io_percent", self.io_percent, usual.io_percent)?,
            replication_lag: self
                .replication_lag_s
                .map_or(usual.replication_lag, |seconds| Duration::from_secs(seconds.into())),
            replication_lag_bytes: lag_bytes.transpose()?.unwrap_or(usual.replication_lag_bytes),
            blocked_sessions: self.blocked_sessions.unwrap_or(usual.blocked_sessions),
        })
    }
}

impl Size {
    fn bytes(self, key: &str) -> Result<u64, String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::WithUnit(text) => amount::parse_bytes(&text).ok_or_else(|| {
                format!("{key} = \"{text}\" is no size: write it like \"20GB\" or \"500 MB\"")
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    WithUnit(String),
}

impl File {
    fn into_list(self) -> Result<AllowList, String> {
        if !(1..=MOST_BUILDS).contains(&self.max_concurrent_builds) {
            return Err(format!("max_concurrent_builds must be from 1 to {MOST_BUILDS}"));
        }
        let rules = |rules: Vec<FileRule>, kinds: &[ChangeKind]| {
            rules.into_iter().map(|rule| rule.into_rule(kinds)).collect::<Result<_, _>>()
        };
        Ok(AllowList {
            enabled: self.enabled,
            max_concurrent_builds: self.max_concurrent_builds,
            stop_file: self.stop_file,
            throttle: self.throttle.into_throttle()?,
            approvals: approvals(self.approvals.as_deref(), self.approver)?,
            allow: named(rules(self.allow, &ADDING)?)?,
            deny: rules(self.deny, &ChangeKind::ALL)?,
        })
    }
}

fn approvals(said: Option<&str>, approvers: Vec<FileApprover>) -> Result<Approvals, String> {
    match (said, approvers.is_empty()) {
        (None, true) => Ok(Approvals::Unsaid),
        (Some("unsigned"), true) => Ok(Approvals::Unsigned),
        (Some("unsigned"), false) => {
            Err("approvals = \"unsigned\" and [[approver]] contradict each other: take one out".to_owned())
        }
        (Some("signed"), true) => Err("approvals = \"signed\" needs an [[approver]]".to_owned()),
        (Some("signed") | None, false) => signed(approvers).map(Approvals::Signed),
        (Some(other), _) => Err(format!("approvals = \"{other}\" must be \"signed\" or \"unsigned\"")),
    }
}

/// Who has two entries would sign twice, and whose key is another's would sign for two.
fn signed(approvers: Vec<FileApprover>) -> Result<Vec<Trusted>, String> {
    if approvers.len() > MAX_APPROVERS {
        return Err(format!("there are more than {MAX_APPROVERS} approvers"));
    }
    let mut all: Vec<Trusted> = Vec::new();
    for approver in approvers {
        let trusted = approver.into_trusted()?;
        let name = &trusted.approver.name;
        if all.iter().any(|other| other.approver.name == *name) {
            return Err(format!("approver \"{name}\" is named twice: give all keys in one [[approver]]"));
        }
        let owner_of = |key| all.iter().find(|other| other.approver.keys.contains(key));
        if let Some(owner) = trusted.approver.keys.iter().find_map(owner_of) {
            let owner = &owner.approver.name;
            return Err(format!("approvers \"{owner}\" and \"{name}\" have the same key"));
        }
        all.push(trusted);
    }
    Ok(all)
}

impl FileApprover {
    fn into_trusted(self) -> Result<Trusted, String> {
        let Self { name, keys, scope } = self;
        if name.is_empty() || name.len() > MOST_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(format!(
                "an approver's name is from 1 to {MOST_NAME_BYTES} bytes long, without control characters"
            ));
        }
        if !(1..=MAX_KEYS).contains(&keys.len()) {
            return Err(format!("approver \"{name}\" must have from 1 to {MAX_KEYS} keys"));
        }
        let key = |text: &String| {
            text.parse::<PublicKey>()
                .map_err(|error| format!("key \"{text}\" of approver \"{name}\": {error}"))
        };
        let keys = keys.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Trusted { approver: Approver { name, keys }, scope: scope.into_rule(&ChangeKind::ALL)? })
    }
}

impl FileRule {
    /// `otherwise` are the kinds of a rule that names none.
    fn into_rule(self, otherwise: &[ChangeKind]) -> Result<Rule, String> {
        let everything = || vec!["*".to_owned()];
        let kinds = match self.kinds {
            None => otherwise.to_vec(),
            Some(names) => names.iter().map(|name| kind(name)).collect::<Result<_, _>>()?,
        };
        if self.signatures == Some(0) {
            return Err(
                "signatures = 0 asks nobody: write approvals = \"unsigned\" above all sections".to_owned()
            );
        }
        let max_index_bytes = self.max_index_bytes.map(|size| size.bytes("max_index_bytes")).transpose()?;
        Ok(Rule {
            kinds,
            instances: self.instances.unwrap_or_else(everything),
            databases: self.databases.unwrap_or_else(everything),
            schemas: self.schemas.unwrap_or_else(everything),
            tables: self.tables.unwrap_or_else(everything),
            max_columns: self.max_columns,
            max_index_bytes,
            parameters: bounds::parse(self.parameters)?,
            signatures: self.signatures,
        })
    }
}

/// Parameters are allowed by name only, and only by a rule that says that it allows parameters.
fn named(rules: Vec<Rule>) -> Result<Vec<Rule>, String> {
    for rule in &rules {
        match (rule.kinds.contains(&ChangeKind::SetParameter), rule.parameters.is_empty()) {
            (true, true) => {
                return Err(
                    "a rule for set_parameter names each parameter: [allow.parameters] and below it, say, \
                            work_mem = { min = \"4MB\", max = \"256MB\" }"
                        .to_owned(),
                );
            }
            (false, false) => {
                return Err("parameters belong to a rule with kinds = [\"set_parameter\"]".to_owned());
            }
            (true, false) | (false, true) => {}
        }
    }
    Ok(rules)
}

/// What an owner allows who names no kinds: nothing that takes something away.
const ADDING: [ChangeKind; 2] = [ChangeKind::CreateIndex, ChangeKind::Analyze];

fn kind(name: &str) -> Result<ChangeKind, String> {
    ChangeKind::parse(name).ok_or_else(|| {
        let meant = nearest(name, ChangeKind::ALL.map(ChangeKind::as_str));
        let meant = meant.map_or_else(String::new, |meant| format!(": did you mean \"{meant}\"?"));
        format!("unknown kind of change \"{name}\"{meant}")
    })
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}
