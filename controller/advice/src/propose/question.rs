//! A question to the planner.

use querysmith_shared::change::{CreateIndex, TableName};
use querysmith_shared::id::{FindingId, InstanceId, QuestionId, StatementId};
use querysmith_shared::wire::order::WhatIf;
use serde::{Deserialize, Serialize};

/// Which plans would these indexes bring to these statements, each index alone?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Made from what is asked: the same question has the same id.
    pub id: QuestionId,
    /// Which server.
    pub instance: InstanceId,
    /// Which database.
    pub database: String,
    /// The table the candidates are on.
    pub table: TableName,
    /// Candidates; their names are empty, for a what-if index has none.
    pub candidates: Vec<CreateIndex>,
    /// Every statement that touches the table, most time first.
    pub statements: Vec<StatementId>,
    /// The findings it is asked for.
    pub findings: Vec<FindingId>,
}

impl Question {
    /// As the order that the agent gets.
    pub fn to_order(&self) -> WhatIf {
        WhatIf {
            question: self.id,
            instance: self.instance,
            database: self.database.clone(),
            candidates: self.candidates.clone(),
            statements: self.statements.clone(),
        }
    }
}
