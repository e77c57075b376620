//! How a change reads as SQL, for each engine. Pure: the same change is the same text on both ends,
//! which is how an approval can be of exactly the text that will run.

pub mod identifier;
pub mod postgres;

use sha2::{Digest, Sha256};

/// One change as the statements that will be run, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Brings the change about.
    pub apply: Vec<String>,
    /// Reads back whether it is there.
    pub verify: String,
    /// Takes it back; empty where that is impossible.
    pub undo: Vec<String>,
    /// The terms of its trial, in words; empty where there is no undo.
    pub terms: String,
}

impl Rendered {
    /// SHA-256 over the database's name, every statement and the terms, each preceded by its length: what an
    /// approval is of.
    pub fn digest(&self, database: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part(database);
        for group in [&self.apply, std::slice::from_ref(&self.verify), &self.undo] {
            part(&group.len().to_string());
            for statement in group {
                part(statement);
            }
        }
        part(&self.terms);
        hash.finalize().into()
    }
}
