//! The journal's file. The only place of the change engine that names the key-value store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use querysmith_shared::id::ChangeId;
use redb::{Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use sha2::{Digest, Sha256};

use super::entry::Entry;
use super::{Hash, Head, JournalError};
use crate::apply::fencing::Obeyed;
use crate::apply::lease::Budget;

/// Sequence → hash of the chain up to here, then the line as JSON.
const LINES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("lines");
/// Change and sequence of each of its lines.
const LINES_OF_CHANGE: TableDefinition<'_, (u128, u64), ()> = TableDefinition::new("lines_of_change");
/// `head`: sequence and hash of the last line. Kept apart, so that a cut tail is noticed.
const HEAD: TableDefinition<'_, &str, (u64, Hash)> = TableDefinition::new("head");
/// `reported`: the last line that was handed on as a report.
const MARKS: TableDefinition<'_, &str, u64> = TableDefinition::new("marks");
/// Change → what is left of its time on trial, as JSON.
const BUDGETS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("budgets");

/// `controller`: the newest record that was obeyed, as JSON.
const OBEYED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("obeyed");

/// Memory for pages of the journal, bytes: it is read rarely.
const CACHE_BYTES: usize = 512 << 10;

#[derive(Debug)]
pub(super) struct Store {
    database: Database,
}

/// What went wrong, without the path.
#[derive(Debug)]
pub(super) enum Error {
    File(Box<dyn std::error::Error + Send + Sync>),
    Broken { sequence: u64, what: String },
}

impl Error {
    pub(super) fn at(self, path: &Path) -> JournalError {
        match self {
            Self::File(source) => JournalError::Unusable { path: path.to_owned(), source },
            Self::Broken { sequence, what } => JournalError::Broken { sequence, what },
        }
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::File(Box::new(error))
            }
        })*
    };
}
from_redb!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError,
    std::io::Error
);

impl Store {
    /// Opens the file; makes it only where its marker says that there never was one.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let marker = path.with_extension("made");
        if !path.exists() {
            if marker.exists() {
                return Err(JournalError::Missing { path: path.to_owned(), marker });
            }
            Self::make(path).map_err(|error| error.at(path))?;
        }
        let database = match builder().open(path) {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(JournalError::InUse(path.to_owned())),
            Err(error) => return Err(Error::File(Box::new(error)).at(path)),
        };
        if !marker.exists() {
            mark(path, &marker).map_err(|error| Error::from(error).at(path))?;
        }
        Ok(Self { database })
    }

    /// Makes an empty journal under another name first: a file of this name is a whole one, wherever the
    /// agent was killed while it was made.
    fn make(path: &Path) -> Result<(), Error> {
        let unfinished = path.with_extension("new");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        let store = Self { database: builder().create(&unfinished)? };
        let transaction = store.database.begin_write()?;
        transaction.open_table(LINES)?;
        transaction.open_table(LINES_OF_CHANGE)?;
        transaction.open_table(HEAD)?;
        transaction.open_table(MARKS)?;
        transaction.open_table(BUDGETS)?;
        transaction.open_table(OBEYED)?;
        transaction.commit()?;
        drop(store);
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, path)?;
        Ok(())
    }

    /// Adds `entry` behind `head`, on the disk, and returns the new head.
    pub(super) fn append(&self, entry: &Entry, head: Head) -> Result<Head, Error> {
        let line = serde_json::to_vec(entry).map_err(|error| Error::File(Box::new(error)))?;
        let hash = chain(&head.hash, entry.sequence, &line);
        let mut value = hash.to_vec();
        value.extend_from_slice(&line);

        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut lines = transaction.open_table(LINES)?;
            if lines.insert(entry.sequence, value.as_slice())?.is_some() {
                return Err(Error::Broken {
                    sequence: entry.sequence,
                    what: "it is there already".to_owned(),
                });
            }
            let mut of_change = transaction.open_table(LINES_OF_CHANGE)?;
            of_change.insert((entry.change.0.as_u128(), entry.sequence), ())?;
            transaction.open_table(HEAD)?.insert("head", (entry.sequence, hash))?;
        }
        transaction.commit()?;
        Ok(Head { sequence: entry.sequence, hash })
    }

    /// Reads every line, shows it to `see`, and returns the verified end of the chain.
    pub(super) fn verify(&self, mut see: impl FnMut(&Entry)) -> Result<Head, Error> {
        let transaction = self.database.begin_read()?;
        let mut head = Head::default();
        for item in transaction.open_table(LINES)?.iter()? {
            let (key, value) = item?;
            let sequence = head.sequence + 1;
            let broken = |what: &str| Error::Broken { sequence, what: what.to_owned() };
            if key.value() != sequence {
                return Err(broken("it is missing"));
            }
            let (stored_hash, line) = split(value.value()).ok_or_else(|| broken("it is cut"))?;
            let hash = chain(&head.hash, sequence, line);
            if hash != stored_hash {
                return Err(broken("its hash doesn't follow from the lines before it"));
            }
            see(&parse(sequence, line)?);
            head = Head { sequence, hash };
        }
        let stored = transaction.open_table(HEAD)?.get("head")?.map(|head| head.value()).unwrap_or_default();
        if stored != (head.sequence, head.hash) {
            let what = "the lines end elsewhere than the last one written".to_owned();
            return Err(Error::Broken { sequence: head.sequence + 1, what });
        }
        Ok(head)
    }

    pub(super) fn history(&self, change: ChangeId) -> Result<Vec<Entry>, Error> {
        let transaction = self.database.begin_read()?;
        let lines = transaction.open_table(LINES)?;
        let id = change.0.as_u128();
        let mut entries = Vec::new();
        for item in transaction.open_table(LINES_OF_CHANGE)?.range((id, 0)..=(id, u64::MAX))? {
            let sequence = item?.0.value().1;
            let missing = || Error::Broken { sequence, what: "it is missing".to_owned() };
            let value = lines.get(sequence)?.ok_or_else(missing)?;
            entries.push(entry(sequence, value.value())?);
        }
        Ok(entries)
    }

    pub(super) fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let transaction = self.database.begin_read()?;
        let lines = transaction.open_table(LINES)?;
        let mut entries = Vec::new();
        for item in lines.range(sequence + 1..)?.take(limit) {
            let (key, value) = item?;
            entries.push(entry(key.value(), value.value())?);
        }
        Ok(entries)
    }

    pub(super) fn reported(&self) -> Result<u64, Error> {
        let transaction = self.database.begin_read()?;
        Ok(transaction.open_table(MARKS)?.get("reported")?.map_or(0, |mark| mark.value()))
    }

    pub(super) fn set_reported(&self, from: u64, to: u64) -> Result<bool, Error> {
        let mut transaction = self.database.begin_write()?;
        // Losing the mark only repeats reports; it needs no write to the disk of its own.
        transaction.set_durability(Durability::None)?;
        {
            let mut marks = transaction.open_table(MARKS)?;
            let known = marks.get("reported")?.map_or(0, |mark| mark.value());
            if known != from {
                return Ok(false);
            }
            marks.insert("reported", to)?;
        }
        transaction.commit()?;
        Ok(true)
    }

    pub(super) fn obeyed(&self) -> Result<Option<Obeyed>, Error> {
        let transaction = self.database.begin_read()?;
        let table = match transaction.open_table(OBEYED) {
            Ok(table) => table,
            // A journal of a version that kept none.
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(written) = table.get("controller")? else { return Ok(None) };
        // Not to be told from a fence that lets everything pass, so it isn't passed over.
        serde_json::from_slice(written.value()).map(Some).map_err(|error| Error::File(Box::new(error)))
    }

    pub(super) fn set_obeyed(&self, obeyed: &Obeyed, report_anew: bool) -> Result<(), Error> {
        let json = serde_json::to_vec(obeyed).map_err(|error| Error::File(Box::new(error)))?;
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.open_table(OBEYED)?.insert("controller", json.as_slice())?;
        if report_anew {
            transaction.open_table(MARKS)?.insert("reported", 0)?;
        }
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn budget(&self, change: ChangeId) -> Result<Option<Budget>, Error> {
        let transaction = self.database.begin_read()?;
        let budgets = match transaction.open_table(BUDGETS) {
            Ok(budgets) => budgets,
            // A journal of a version that kept none.
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(written) = budgets.get(change.0.as_u128())? else { return Ok(None) };
        // What can't be read counts as not written: then the journal's own line tells since when.
        Ok(serde_json::from_slice(written.value()).ok())
    }

    pub(super) fn set_budgets(&self, budgets: &[(ChangeId, Budget)]) -> Result<(), Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(BUDGETS)?;
            table.retain(|id, _| budgets.iter().any(|(change, _)| change.0.as_u128() == id))?;
            for (change, budget) in budgets {
                let json = serde_json::to_vec(budget).map_err(|error| Error::File(Box::new(error)))?;
                table.insert(change.0.as_u128(), json.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// The journal's name is on the disk before the marker says that it is.
fn mark(path: &Path, marker: &Path) -> std::io::Result<()> {
    let directory = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    File::open(&directory)?.sync_all()?;
    fs::write(
        marker,
        "A journal of changes was made beside this file. Without it the agent changes nothing.\n",
    )?;
    File::open(marker)?.sync_all()?;
    File::open(&directory)?.sync_all()
}

fn chain(previous: &Hash, sequence: u64, line: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(sequence.to_le_bytes());
    hash.update(line);
    hash.finalize().into()
}

fn split(value: &[u8]) -> Option<(Hash, &[u8])> {
    let (hash, line) = value.split_first_chunk::<32>()?;
    Some((*hash, line))
}

fn entry(sequence: u64, value: &[u8]) -> Result<Entry, Error> {
    let cut = || Error::Broken { sequence, what: "it is cut".to_owned() };
    let (_, line) = split(value).ok_or_else(cut)?;
    parse(sequence, line)
}

fn parse(sequence: u64, line: &[u8]) -> Result<Entry, Error> {
    serde_json::from_slice(line).map_err(|error| Error::Broken {
        sequence,
        what: format!("this version of the agent can't read it: {error}"),
    })
}
