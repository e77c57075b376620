//! What this agent may do to its databases, decided on its own host.
//!
//! The file belongs to the host's administrator and can't be written from afar: whatever the controller
//! asks, and whoever approved it, the agent does nothing that isn't allowed here. It is read anew for every
//! decision, so that a line taken out counts at once.

mod approvals;
mod bounds;
mod glob;
mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use querysmith_shared::approval::PublicKey;
use querysmith_shared::change::{Change, ChangeKind};
use querysmith_shared::wire::order::MissingSignatures;

use super::amount;
use super::throttle::Throttle;
pub use approvals::{Approvals, Trusted};
pub use bounds::{Bounds, Range};

/// Where the file is unless configured otherwise.
pub const DEFAULT_PATH: &str = "/etc/querysmith/allow.toml";

/// A file to begin with: indexes and ANALYZE everywhere but in the system's schemas.
pub const SAMPLE: &str = include_str!("../../../packaging/config/allow.toml");

/// Any file longer than this is no list that a person wrote.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The list, as read from the file.
#[derive(Debug, Clone, PartialEq)]
pub struct AllowList {
    /// Changes are allowed at all.
    pub enabled: bool,
    /// Most builds at the same time over all instances of this agent.
    pub max_concurrent_builds: u32,
    /// A further file whose presence stops everything new.
    pub stop_file: Option<PathBuf>,
    /// From which load on nothing begins.
    pub throttle: Throttle,
    /// Whose word counts.
    pub approvals: Approvals,
    /// What is allowed; any one rule suffices.
    pub allow: Vec<Rule>,
    /// What is denied whatever `allow` says.
    pub deny: Vec<Rule>,
}

/// One rule: all of its parts must fit. Names are patterns with `*` and `?`. A parameter is of the whole server, so
/// that a rule for some databases, schemas or tables says nothing about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Kinds of change; a rule that names none allows what adds, and denies all.
    pub kinds: Vec<ChangeKind>,
    /// Instances, as the agent's configuration names them.
    pub instances: Vec<String>,
    /// Databases.
    pub databases: Vec<String>,
    /// Schemas.
    pub schemas: Vec<String>,
    /// Tables.
    pub tables: Vec<String>,
    /// Most columns of an index, key and INCLUDE together.
    pub max_columns: Option<u32>,
    /// Largest estimated size of an index, bytes.
    pub max_index_bytes: Option<u64>,
    /// Parameters of the server by name, and the values they may have; none where no parameter may be set.
    pub parameters: BTreeMap<String, Bounds>,
    /// How many approvers must have signed; `None` is what is usual for the kind.
    pub signatures: Option<u8>,
}

/// Why nothing is allowed.
#[derive(Debug, thiserror::Error)]
pub enum AllowListError {
    /// There is no file.
    #[error(
        "this host allows no changes: {0} does not exist. Create it as root; the one line [[allow]] allows \
         indexes and ANALYZE everywhere, and kinds, databases, schemas and tables below it narrow that down"
    )]
    Missing(PathBuf),
    /// Others than its owner can write the file.
    #[error("{path} can be written by others than its owner, so it allows nothing: chmod go-w {path}")]
    Writable {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to somebody who isn't the administrator.
    #[error("{path} belongs to user {owner}, so it allows nothing: chown root {path}")]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// The file can't be read.
    #[error("{path} can't be read, so it allows nothing: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file says something that isn't understood.
    #[error("{path} is not understood, so it allows nothing: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What isn't understood, and the nearest that would be.
        reason: String,
    },
}

/// The list's answer for one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// It may be done.
    Granted {
        /// Largest estimated size of the index, bytes.
        max_index_bytes: Option<u64>,
        /// The approvers who signed.
        signed_by: Vec<String>,
    },
    /// It may, once more approvers have signed.
    MissingSignatures(MissingSignatures),
    /// It may not.
    Denied {
        /// Why, and how to allow it.
        reason: String,
    },
}

impl Permission {
    /// Why it may not be done as it is; `None` if it may.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Denied { reason } | Self::MissingSignatures(MissingSignatures { reason, .. }) => {
                Some(reason)
            }
            Self::Granted { .. } => None,
        }
    }

    /// Why an index of this estimated size may not be built; `None` if it may.
    pub fn objection(&self, estimated_bytes: u64) -> Option<String> {
        match self {
            Self::Denied { reason } | Self::MissingSignatures(MissingSignatures { reason, .. }) => {
                Some(reason.clone())
            }
            Self::Granted { max_index_bytes: Some(most), .. } if estimated_bytes > *most => Some(format!(
                "the index will take at most about {}, and the allow-list ends at {}",
                amount::bytes(estimated_bytes),
                amount::bytes(*most)
            )),
            Self::Granted { .. } => None,
        }
    }
}

impl AllowList {
    /// Reads the file, if only its owner can write it and that is root or the agent's own user.
    pub fn load(path: &Path) -> Result<Self, AllowListError> {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => AllowListError::Missing(path.to_owned()),
            _ => AllowListError::Unreadable { path: path.to_owned(), reason: error.to_string() },
        };
        let status = fs::metadata(path).map_err(unreadable)?;
        if status.mode() & 0o022 != 0 {
            return Err(AllowListError::Writable { path: path.to_owned() });
        }
        if status.uid() != 0 && status.uid() != Uid::effective().as_raw() {
            return Err(AllowListError::Owner { path: path.to_owned(), owner: status.uid() });
        }
        if status.len() > MAX_FILE_BYTES {
            let reason = format!("it is longer than {}", amount::bytes(MAX_FILE_BYTES));
            return Err(AllowListError::Unreadable { path: path.to_owned(), reason });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text).map_err(|reason| AllowListError::Invalid { path: path.to_owned(), reason })
    }

    /// Reads the text of a file; the error names what isn't understood, and the nearest that would be.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text)
    }

    /// Whether `change` is allowed on the instance of this name, signed as it is by the owners of `signers`.
    pub fn permission(&self, instance: &str, change: &Change, signers: &[PublicKey]) -> Permission {
        let usual = approvals::usually_needed(change.kind());
        self.permission_by(instance, change, signers, |rule| rule.signatures.unwrap_or(usual))
    }

    /// Whether `change`, which was kept, may be taken back: as to make it, but one signature is enough.
    pub fn undo_permission(&self, instance: &str, change: &Change, signers: &[PublicKey]) -> Permission {
        self.permission_by(instance, change, signers, |_| 1)
    }

    /// The parameters that may be set on the instance of this name.
    pub fn parameters(&self, instance: &str) -> BTreeSet<&str> {
        let here = self.allow.iter().filter(|rule| rule.fits_instance(instance));
        here.flat_map(|rule| rule.parameters.keys().map(String::as_str)).collect()
    }

    fn permission_by(
        &self,
        instance: &str,
        change: &Change,
        signers: &[PublicKey],
        needed: impl Fn(&Rule) -> u8,
    ) -> Permission {
        let denied = |reason: String| Permission::Denied { reason };
        if !self.enabled {
            return denied("this host's allow-list has enabled = false".to_owned());
        }
        let what = in_words(change);
        if self.deny.iter().any(|rule| rule.fits(instance, change)) {
            return denied(format!("{what}: this host's allow-list denies it"));
        }
        if self.approvals == Approvals::Unsaid {
            return denied(UNSAID.to_owned());
        }
        let signed = self.approvals.signed(instance, change, signers);
        let needed = |rule: &Rule| match self.approvals {
            Approvals::Signed(_) => needed(rule),
            Approvals::Unsigned | Approvals::Unsaid => 0,
        };
        // The most generous rule counts: each one alone would have allowed it.
        let (mut size, mut too_much, mut fewest) = (None, None, None);
        for rule in self.allow.iter().filter(|rule| rule.fits(instance, change)) {
            match rule.objection(change) {
                Some(objection) => too_much = Some(objection),
                None if signed.len() < usize::from(needed(rule)) => {
                    fewest = Some(fewest.unwrap_or(u8::MAX).min(needed(rule)));
                }
                None => size = wider(size, rule.max_index_bytes),
            }
        }
        match (size, fewest, too_much) {
            (Some(max_index_bytes), ..) => {
                let signed_by = signed.into_iter().map(str::to_owned).collect();
                Permission::Granted { max_index_bytes, signed_by }
            }
            (None, Some(needed), _) => {
                Permission::MissingSignatures(self.approvals.lacking(instance, change, needed, &signed))
            }
            (None, None, Some(objection)) => denied(format!("{what}: {objection}")),
            (None, None, None) => denied(format!(
                "{what}: no rule of this host's allow-list allows it; one with {} would",
                fitting_rule(change)
            )),
        }
    }
}

impl Rule {
    fn fits_instance(&self, instance: &str) -> bool {
        any(&self.instances, instance)
    }

    fn fits(&self, instance: &str, change: &Change) -> bool {
        self.kinds.contains(&change.kind()) && self.fits_instance(instance) && self.fits_place(change)
    }

    fn fits_place(&self, change: &Change) -> bool {
        match (change, change.table()) {
            (Change::SetParameter(set), _) => {
                let everywhere = |patterns: &[String]| patterns.iter().any(|pattern| pattern == "*");
                [&self.databases, &self.schemas, &self.tables].into_iter().all(|part| everywhere(part))
                    && (self.parameters.is_empty() || self.parameters.contains_key(&set.name))
            }
            (_, Some(table)) => {
                any(&self.databases, change.database())
                    && any(&self.schemas, &table.schema)
                    && any(&self.tables, &table.name)
            }
            (_, None) => false,
        }
    }

    /// Why the rule, which fits, doesn't allow quite this.
    fn objection(&self, change: &Change) -> Option<String> {
        match change {
            Change::CreateIndex(index) => {
                let columns = index.keys.len() + index.include.len();
                let most = self.max_columns.filter(|most| columns > *most as usize)?;
                Some(format!("the index has {columns} columns, and this host's allow-list ends at {most}"))
            }
            Change::SetParameter(set) => match self.parameters.get(&set.name) {
                Some(bounds) => bounds.objection(set),
                None => Some(format!("this host's allow-list has no bounds for {}", set.name)),
            },
            Change::Analyze(_)
            | Change::DropIndex(_)
            | Change::CreateStatistics(_)
            | Change::SetStatisticsTarget(_) => None,
        }
    }
}

fn in_words(change: &Change) -> String {
    let kind = change.kind().as_str();
    match (change, change.table()) {
        (Change::SetParameter(set), _) => format!("{kind} {}", set.name),
        (_, Some(table)) => format!("{kind} on {table} in database {}", change.database()),
        (_, None) => kind.to_owned(),
    }
}

/// The parts of a rule that would allow it.
fn fitting_rule(change: &Change) -> String {
    let kind = change.kind().as_str();
    match change {
        Change::SetParameter(set) => {
            format!("kinds = [\"{kind}\"] and parameters.{} = {{ min = …, max = … }}", set.name)
        }
        _ => format!("kinds = [\"{kind}\"]"),
    }
}

fn any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob::fits(pattern, name))
}

/// Said of a list that names nobody.
const UNSAID: &str = "this host's allow-list doesn't say whose approval counts: name each approver's key in an \
                      [[approver]], or write approvals = \"unsigned\" above all sections to take the controller's word";

/// The list, unless something stops every change on this host; then why.
pub fn obstacle(path: &Path, stop_file: &Path) -> Result<AllowList, String> {
    let stopped = |file: &Path| {
        format!("changes are stopped on this host by {}: remove the file to go on", file.display())
    };
    // A file that can't be looked at counts as there: stopping is the safe mistake.
    let is_there = |file: &Path| file.try_exists().unwrap_or(true);
    if is_there(stop_file) {
        return Err(stopped(stop_file));
    }
    let list = AllowList::load(path).map_err(|error| error.to_string())?;
    match &list.stop_file {
        Some(file) if is_there(file) => Err(stopped(file)),
        _ if list.approvals == Approvals::Unsaid => Err(UNSAID.to_owned()),
        _ => Ok(list),
    }
}

/// `None` is no rule yet, `Some(None)` a rule without a limit.
fn wider(so_far: Option<Option<u64>>, limit: Option<u64>) -> Option<Option<u64>> {
    match (so_far, limit) {
        (None, limit) => Some(limit),
        (Some(Some(most)), Some(limit)) => Some(Some(most.max(limit))),
        (Some(_), _) => Some(None),
    }
}

#[cfg(test)]
mod tests;
