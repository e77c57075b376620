//! Whose word counts on this host.

use std::collections::BTreeSet;

use querysmith_shared::approval::{Approver, PublicKey};
use querysmith_shared::change::{Change, ChangeKind};
use querysmith_shared::wire::order::MissingSignatures;

use super::Rule;

/// Whose word counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Approvals {
    /// The file doesn't say, so nobody's does.
    Unsaid,
    /// The controller's is enough.
    Unsigned,
    /// Only that of these, by their signatures.
    Signed(Vec<Trusted>),
}

/// Somebody whose signature counts, and for what.
#[derive(Debug, Clone, PartialEq)]
pub struct Trusted {
    /// Who.
    pub approver: Approver,
    /// For what.
    pub scope: Rule,
}

/// How many signatures a change needs where its rule doesn't say: what takes something away needs a second pair of
/// eyes.
pub(super) fn usually_needed(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::CreateIndex
        | ChangeKind::Analyze
        | ChangeKind::SetParameter
        | ChangeKind::CreateStatistics
        | ChangeKind::SetStatisticsTarget => 1,
        ChangeKind::DropIndex => 2,
    }
}

impl Approvals {
    /// Those whose signature counts for something on this instance.
    pub fn approvers(&self, instance: &str) -> Vec<Approver> {
        let here = self.trusted().iter().filter(|trusted| trusted.scope.fits_instance(instance));
        here.map(|trusted| trusted.approver.clone()).collect()
    }

    fn trusted(&self) -> &[Trusted] {
        match self {
            Self::Unsaid | Self::Unsigned => &[],
            Self::Signed(trusted) => trusted,
        }
    }

    fn eligible(&self, instance: &str, change: &Change) -> impl Iterator<Item = &Approver> {
        let may = self.trusted().iter().filter(move |trusted| trusted.scope.fits(instance, change));
        may.map(|trusted| &trusted.approver)
    }

    /// The approvers of `change` among the owners of `signers`: each once, with however many keys.
    pub(super) fn signed(&self, instance: &str, change: &Change, signers: &[PublicKey]) -> BTreeSet<&str> {
        self.eligible(instance, change)
            .filter(|approver| approver.keys.iter().any(|key| signers.contains(key)))
            .map(|approver| approver.name.as_str())
            .collect()
    }

    /// What is lacking where `needed` must sign and only `signed` did.
    pub(super) fn lacking(
        &self,
        instance: &str,
        change: &Change,
        needed: u8,
        signed: &BTreeSet<&str>,
    ) -> MissingSignatures {
        let eligible: BTreeSet<&str> =
            self.eligible(instance, change).map(|approver| approver.name.as_str()).collect();
        let names = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        let has =
            if signed.is_empty() { "none".to_owned() } else { format!("only that of {}", names(signed)) };
        let reason = if eligible.len() < usize::from(needed) {
            format!(
                "this host asks for {needed} signatures, and of its approvers {} may sign such a change: name more, or \
                 set signatures in its [[allow]]",
                eligible.len()
            )
        } else {
            format!(
                "this host asks for {needed} of these signatures: {}; the order has {has}",
                names(&eligible)
            )
        };
        MissingSignatures { needed, signed: signed.iter().map(|name| (*name).to_owned()).collect(), reason }
    }
}
