//! What a detector says.

use querysmith_shared::id::{FindingId, InstanceId, StatementId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Findings' ids are made within this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b2f_40d1_5c1e_4f6b_9d1b_7a0f_83c6_21aa);

/// One problem, with its evidence. The same problem has the same id in every run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Derived from [`Identity`].
    pub id: FindingId,
    /// What kind of problem.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The statement it is about.
    pub statement: Option<StatementId>,
    /// The database it is in.
    pub database: String,
    /// The object it is about: a table `public.orders` or an index `public.orders_pkey`.
    pub object: Option<String>,
    /// One line for a list.
    pub title: String,
    /// What is wrong and what it costs, in two or three sentences.
    pub summary: String,
    /// What to do.
    pub advice: String,
    /// The figures it rests on.
    pub evidence: Vec<EvidenceItem>,
    /// Share of the instance's statement time that is lost, 0 to 1.
    pub time_share: Option<f64>,
    /// Statement time lost, ms per hour.
    pub lost_ms_per_hour: Option<f64>,
    /// Changes when the evidence changes in kind or by a factor, not with noise.
    pub digest: String,
    /// The table it is about, for the proposer.
    pub table: Option<querysmith_shared::change::TableName>,
    /// The index whose absence caused it, as its definition, for the proposer.
    pub lost_index: Option<String>,
}

/// One figure and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceItem {
    /// What it is.
    pub label: String,
    /// The figure with its unit, ready to show.
    pub value: String,
    /// Where it was read or how it was made.
    pub source: String,
}

impl EvidenceItem {
    /// One item.
    pub fn new(label: &str, value: impl Into<String>, source: &str) -> Self {
        Self { label: label.to_owned(), value: value.into(), source: source.to_owned() }
    }
}

/// The kinds of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A statement reads many rows to keep few.
    MissingIndex,
    /// An index that nothing reads.
    UnusedIndex,
    /// Two indexes that are the same.
    DuplicateIndex,
    /// The planner's statistics of a table are wrong.
    StaleStatistics,
    /// A statement is slower than it used to be.
    Regression,
    /// A statement with a large share of the time.
    TopConsumer,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::MissingIndex,
        Self::UnusedIndex,
        Self::DuplicateIndex,
        Self::StaleStatistics,
        Self::Regression,
        Self::TopConsumer,
    ];

    /// The name used in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingIndex => "missing_index",
            Self::UnusedIndex => "unused_index",
            Self::DuplicateIndex => "duplicate_index",
            Self::StaleStatistics => "stale_statistics",
            Self::Regression => "regression",
            Self::TopConsumer => "top_consumer",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How much a finding matters; ordered, most last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth doing.
    Medium,
    /// Worth doing today.
    High,
    /// Worth doing now.
    Critical,
}

impl Severity {
    /// Every severity.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name used in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == name)
    }
}

/// What makes two sightings the same finding.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The instance.
    pub instance: InstanceId,
    /// The kind.
    pub kind: FindingKind,
    /// The database.
    pub database: &'a str,
    /// The object, if the finding is about one.
    pub object: Option<&'a str>,
    /// The statement, if the finding is about one.
    pub statement: Option<StatementId>,
}

impl Identity<'_> {
    /// The id.
    pub fn id(&self) -> FindingId {
        let statement = self.statement.map(|id| id.to_string()).unwrap_or_default();
        let text = [
            self.instance.to_string().as_str(),
            self.kind.as_str(),
            self.database,
            self.object.unwrap_or_default(),
            &statement,
        ]
        .map(|part| format!("{}:{part}", part.len()))
        .join("|");
        FindingId(Uuid::new_v5(&NAMESPACE, text.as_bytes()))
    }
}
