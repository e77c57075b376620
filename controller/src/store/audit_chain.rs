//! The chain over the audit: how an entry is hashed, and what is wrong with a chain. Pure.
//!
//! The hash of a link is SHA-256 over a version tag, the hash of the link before it (zeros for the first), its
//! position and its entry, every text with its length before it. Whoever changes, removes or moves an entry has to
//! make every later hash anew; and then the head is another one than the one that was noted elsewhere.

use std::fmt;
use std::str::FromStr;

use querysmith_shared::hex;
use sha2::{Digest, Sha256};

/// Says what is hashed, and in which layout.
const TAG: &[u8] = b"querysmith audit 1";

/// The hash of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkHash(pub [u8; 32]);

/// The last link of a chain: what to note elsewhere. Written `position:hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// How many links there are.
    pub position: i64,
    /// The hash of the last one; zeros if there is none.
    pub hash: LinkHash,
}

/// An entry of the audit, as it is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub audit_id: i64,
    /// When it was written, microseconds since 1970.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// The particulars, as the store writes them.
    pub detail: String,
}

/// A link as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its place in the chain, from 1.
    pub position: i64,
    /// The number of its entry.
    pub audit_id: i64,
    /// What it should hash to.
    pub hash: LinkHash,
    /// Its entry, if it is still there.
    pub entry: Option<Entry>,
}

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Links are missing in the middle.
    #[error("seal {0} is missing")]
    Gap(i64),
    /// The entry is gone.
    #[error("entry {audit_id}, sealed as {position}, was removed")]
    Removed {
        /// Where it stood.
        position: i64,
        /// Its number.
        audit_id: i64,
    },
    /// The entry, or one before it, is not what was sealed.
    #[error("entry {audit_id}, sealed as {position}, is not what it was when it was sealed")]
    Changed {
        /// Where it stands.
        position: i64,
        /// Its number.
        audit_id: i64,
    },
    /// The chain ends before the head that was noted.
    #[error("the chain ends at {0}, before the head that was noted: its end was cut off")]
    CutOff(i64),
    /// The chain is whole, but not the one whose head was noted.
    #[error("seal {0} is not the one that was noted: the chain was made anew")]
    MadeAnew(i64),
}

impl Head {
    /// The head after one more entry.
    pub fn after(self, entry: &Entry) -> Self {
        let position = self.position + 1;
        let mut hash = Sha256::new();
        hash.update(TAG);
        hash.update(self.hash.0);
        for number in [position, entry.audit_id, entry.at_us] {
            hash.update(number.to_le_bytes());
        }
        for text in [&entry.actor, &entry.action, &entry.subject, &entry.detail] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        Self { position, hash: LinkHash(hash.finalize().into()) }
    }

    /// The head after one more stored link, or what is wrong with that.
    pub fn follow(self, link: &Link) -> Result<Self, Broken> {
        let (position, audit_id) = (link.position, link.audit_id);
        if position != self.position + 1 {
            return Err(Broken::Gap(self.position + 1));
        }
        let entry = link.entry.as_ref().ok_or(Broken::Removed { position, audit_id })?;
        let head = self.after(entry);
        if head.hash != link.hash {
            return Err(Broken::Changed { position, audit_id });
        }
        Ok(head)
    }
}

impl fmt::Display for LinkHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (position, hash) = text.split_once(':')?;
            let position = position.parse().ok().filter(|position| *position > 0)?;
            Some(Self { position, hash: LinkHash(hex::decode(hash)?) })
        };
        read().ok_or_else(|| "a head is a position, a colon and 64 hexadecimal digits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(audit_id: i64, subject: &str, detail: &str) -> Entry {
        Entry {
            audit_id,
            at_us: 1_800_000_000_000_000,
            actor: "anna".to_owned(),
            action: "proposal.approve".to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_owned(),
        }
    }

    fn chain(entries: &[Entry]) -> Vec<Link> {
        let mut head = Head::default();
        let link = |entry: &Entry| {
            head = head.after(entry);
            let (position, hash) = (head.position, head.hash);
            Link { position, audit_id: entry.audit_id, hash, entry: Some(entry.clone()) }
        };
        entries.iter().map(link).collect()
    }

    fn follow(links: &[Link]) -> Result<Head, Broken> {
        links.iter().try_fold(Head::default(), Head::follow)
    }

    #[test]
    fn a_chain_is_followed_to_its_head_and_any_change_of_it_is_found() {
        let whole = chain(&[entry(1, "a", "{}"), entry(3, "b", "{}"), entry(2, "c", "{}")]);
        assert_eq!(follow(&whole).map(|head| head.position), Ok(3));

        let mut edited = whole.clone();
        edited[1].entry = Some(entry(3, "b", "{\"reason\": null}"));
        assert_eq!(follow(&edited), Err(Broken::Changed { position: 2, audit_id: 3 }));
        let mut emptied = whole.clone();
        emptied[0].entry = None;
        assert_eq!(follow(&emptied), Err(Broken::Removed { position: 1, audit_id: 1 }));
        let mut cut = whole.clone();
        cut.remove(1);
        assert_eq!(follow(&cut), Err(Broken::Gap(2)));
        let mut exchanged = whole;
        let (first, second) = (exchanged[0].entry.clone(), exchanged[1].entry.clone());
        (exchanged[0].entry, exchanged[1].entry) = (second, first);
        assert_eq!(follow(&exchanged), Err(Broken::Changed { position: 1, audit_id: 1 }));
    }

    #[test]
    fn texts_that_run_into_each_other_hash_differently() {
        let (a, b) =
            (Head::default().after(&entry(1, "ab", "c")), Head::default().after(&entry(1, "a", "bc")));
        assert_ne!(a.hash, b.hash);
    }

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = Head::default().after(&entry(1, "a", "{}"));
        assert_eq!(head.to_string().parse(), Ok(head));
        for text in ["", "1:", "0:00", "1:zz", "x:00", &format!("1:{}", "é".repeat(32))] {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
    }
}
