//! What an approver signs: a text that a person can read, made by each end from what it knows itself.
//!
//! An agent never signs off bytes that it was sent: it renders the order in its hands, and a signature counts only if
//! it is of exactly that text. So a signature for one server, change, limit or statement is worth nothing for another.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::change::limits::Limits;
use crate::change::switchback::Switchback;
use crate::change::trial::OnPartition;
use crate::dialect::Rendered;
use crate::hex;
use crate::id::{ChangeId, InstanceId};
use crate::timestamp::Timestamp;
use crate::wire::bounded;

/// Most signatures of one order.
pub const MAX_SIGNATURES: usize = 16;
/// Most approvers of one host.
pub const MAX_APPROVERS: usize = 64;
/// Most keys of one approver.
pub const MAX_KEYS: usize = 8;

/// First line of the text that brings a change about.
const APPLY_TITLE: &str = "Querysmith approval, format 1";
/// First line of the text that takes back what was kept.
const UNDO_TITLE: &str = "Querysmith undo of a kept change, format 1";

/// Whether a text can be one to sign: whole, and of a kind that is known here.
pub fn is_signable(text: &str) -> bool {
    [APPLY_TITLE, UNDO_TITLE].iter().any(|title| text.lines().next() == Some(title)) && text.ends_with('\n')
}

/// An Ed25519 public key (RFC 8032).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(pub [u8; 32]);

/// How a key begins where people read and write it.
const PREFIX: &str = "ed25519:";

/// The text is no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a key is `{PREFIX}` and 64 hexadecimal digits")]
pub struct NotAKey;

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotAKey)?;
        hex::decode(digits).map(Self).ok_or(NotAKey)
    }
}

/// An Ed25519 signature (RFC 8032) and the key that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Whose.
    pub key: PublicKey,
    /// R and S.
    pub halves: [[u8; 32]; 2],
}

impl Signature {
    /// The signature with these 64 bytes.
    pub fn new(key: PublicKey, bytes: [u8; 64]) -> Self {
        let mut halves = [[0; 32]; 2];
        halves.as_flattened_mut().copy_from_slice(&bytes);
        Self { key, halves }
    }

    /// The signature that these 128 hexadecimal digits are.
    pub fn parse(key: PublicKey, digits: &str) -> Option<Self> {
        hex::decode(digits).map(|bytes| Self::new(key, bytes))
    }

    /// Its 64 bytes.
    pub fn bytes(&self) -> &[u8] {
        self.halves.as_flattened()
    }
}

/// Somebody whose signature a host accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// As the host's allow-list calls them.
    pub name: String,
    /// Their keys.
    #[serde(deserialize_with = "bounded::vec::<MAX_KEYS, _, _>")]
    pub keys: Vec<PublicKey>,
}

/// What is approved.
#[derive(Debug, Clone, Copy)]
pub struct Approval<'a> {
    /// The change.
    pub change: ChangeId,
    /// The server.
    pub instance: InstanceId,
    /// The server's system identifier.
    pub system_identifier: &'a str,
    /// The database.
    pub database: &'a str,
    /// What would run.
    pub rendered: &'a Rendered,
    /// How long it may wait, run and be on trial.
    pub limits: Limits,
    /// After this it must not begin.
    pub expires_at: Timestamp,
}

impl Approval<'_> {
    /// The text to sign, UTF-8, with one line feed at its end. Two approvals that differ in anything have two texts:
    /// what comes from outside is escaped and indented, so that it can't look like a line of ours.
    pub fn text(&self) -> String {
        let mut text = self.head(APPLY_TITLE);
        text.push_str(&format!("not after: {} ({})\n", self.expires_at, self.expires_at.0));
        statements(&mut text, "apply", &self.rendered.apply);
        statements(&mut text, "verify", std::slice::from_ref(&self.rendered.verify));
        statements(&mut text, "undo", &self.rendered.undo);
        block(&mut text, "terms", &self.rendered.terms);
        let Limits { lock_wait_ms, duration_ms, trial } = self.limits;
        let on_partition = match trial.on_partition {
            OnPartition::Revert => "revert",
            OnPartition::Hold => "hold",
        };
        let mut limits = format!(
            "lock wait {lock_wait_ms} ms, statement {duration_ms} ms, trial {} s, lease {} s, then {on_partition}",
            trial.longest_s, trial.lease_s
        );
        if let Some(Switchback { window_s, washout_s, most_pairs, seed }) = trial.switchback {
            let seed = hex::encode(&seed.0);
            limits.push_str(&format!(
                "\nswitchback: {most_pairs} pairs, windows of {window_s} s after {washout_s} s, coins of {seed}"
            ));
        }
        block(&mut text, "limits", &limits);
        text
    }

    /// The text to sign for taking back what was kept. It has no end: a change is taken back once at most.
    pub fn undo_text(&self) -> String {
        let mut text = self.head(UNDO_TITLE);
        statements(&mut text, "undo", &self.rendered.undo);
        text
    }

    fn head(&self, title: &str) -> String {
        format!(
            "{title}\nchange: {}\ninstance: {}\nserver: {}\ndatabase: {}\n",
            self.change,
            self.instance,
            one_line(self.system_identifier),
            one_line(self.database),
        )
    }
}

fn statements(text: &mut String, title: &str, statements: &[String]) {
    for (at, statement) in statements.iter().enumerate() {
        block(text, &format!("{title} {}", at + 1), statement);
    }
    if statements.is_empty() {
        block(text, title, "nothing: it can't be taken back");
    }
}

fn block(text: &mut String, title: &str, content: &str) {
    text.push_str(title);
    text.push_str(":\n");
    for line in escaped(content).split('\n') {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
}

fn one_line(content: &str) -> String {
    escaped(content).replace('\n', "\\n")
}

/// Everything that shows as something else than it is, or not at all, is written out. Line feeds stay.
fn escaped(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    for character in content.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push('\n'),
            hidden if is_hidden(hidden) => {
                write!(text, "\\u{{{:x}}}", u32::from(hidden)).expect("a String takes everything");
            }
            plain => text.push(plain),
        }
    }
    text
}

/// Control characters, and the format characters that reorder or hide text (Unicode's Bidi_Control and
/// Default_Ignorable_Code_Point, as far as they are assigned outside the supplementary planes' variation selectors).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests;
