//! One query block after the other: its FROM list, its conditions, its order.
//!
//! Blocks are looked at one by one, inner ones too; what a block takes from an outer one is a value to it.

use pg_query::protobuf::{JoinExpr, Node, ParseResult, RangeVar, SelectStmt};
use pg_query::{NodeEnum, NodeRef};
use querysmith_shared::change::TableName;

use super::condition::{self, Condition};
use super::output;
use super::{Equality, StatementShape, TableUse, Write};
use crate::catalog::Catalog;
use crate::evidence::TableEvidence;

/// The tables a block can name columns of.
pub(super) struct Scope<'a> {
    pub(super) items: Vec<ScopeItem<'a>>,
}

/// One entry of a FROM list.
pub(super) struct ScopeItem<'a> {
    pub(super) alias: String,
    /// `None` for a sub-query, a function or a common table expression.
    pub(super) table: Option<&'a TableEvidence>,
    write: Option<Write>,
}

impl Scope<'_> {
    /// The entry and column that a reference means; `None` for a column of an outer block.
    pub(super) fn resolve(&self, parts: &[&str]) -> Option<(usize, String)> {
        let (qualifier, column) = match parts {
            [column] => (None, *column),
            [.., qualifier, column] => (Some(*qualifier), *column),
            [] => return None,
        };
        let has = |item: &ScopeItem<'_>| item.table.is_some_and(|table| table.column(column).is_some());
        let found = match qualifier {
            Some(qualifier) => self.items.iter().position(|item| item.alias == qualifier)?,
            None => self.items.iter().position(has)?,
        };
        has(&self.items[found]).then(|| (found, column.to_owned()))
    }
}

/// The shape of a parsed statement.
pub(super) fn shape(tree: &ParseResult, catalog: &Catalog<'_>, planned: &[TableName]) -> StatementShape {
    let mut shape = StatementShape::default();
    for raw in &tree.stmts {
        let Some(root) = raw.stmt.as_ref().and_then(|node| node.node.as_ref()) else { continue };
        let nodes = root.nodes();
        let ctes: Vec<&str> = nodes
            .iter()
            .filter_map(|(node, ..)| match node {
                NodeRef::CommonTableExpr(cte) => Some(cte.ctename.as_str()),
                _ => None,
            })
            .collect();
        let blocks = Blocks { catalog, planned, ctes };
        blocks.node(root.to_ref(), &mut shape);
        for (node, ..) in nodes.into_iter().skip(1) {
            blocks.node(node, &mut shape);
        }
    }
    shape
}

struct Blocks<'a> {
    catalog: &'a Catalog<'a>,
    planned: &'a [TableName],
    ctes: Vec<&'a str>,
}

impl<'a> Blocks<'a> {
    fn node(&self, node: NodeRef<'_>, shape: &mut StatementShape) {
        match node {
            NodeRef::SelectStmt(select) => self.select(select, shape),
            NodeRef::InsertStmt(insert) => {
                let mut scope = Scope { items: Vec::new() };
                self.target(&mut scope, insert.relation.as_ref(), Write::Insert);
                self.finish(&scope, &[], &[], shape, None);
            }
            NodeRef::UpdateStmt(update) => {
                let columns = targets(&update.target_list);
                let mut scope = Scope { items: Vec::new() };
                self.target(&mut scope, update.relation.as_ref(), Write::Update(columns));
                let mut quals = self.sources(&mut scope, &update.from_clause);
                quals.extend(update.where_clause.as_deref());
                let everything: Vec<&Node> = update
                    .target_list
                    .iter()
                    .chain(&update.from_clause)
                    .chain(quals.iter().copied())
                    .collect();
                self.finish(&scope, &quals, &everything, shape, None);
            }
            NodeRef::DeleteStmt(delete) => {
                let mut scope = Scope { items: Vec::new() };
                self.target(&mut scope, delete.relation.as_ref(), Write::Delete);
                let mut quals = self.sources(&mut scope, &delete.using_clause);
                quals.extend(delete.where_clause.as_deref());
                self.finish(&scope, &quals, &quals.clone(), shape, None);
            }
            _ => {}
        }
    }

    fn select(&self, select: &SelectStmt, shape: &mut StatementShape) {
        let mut scope = Scope { items: Vec::new() };
        let mut quals = self.sources(&mut scope, &select.from_clause);
        quals.extend(select.where_clause.as_deref());
        let mut everything: Vec<&Node> = Vec::new();
        everything.extend(&select.target_list);
        everything.extend(&select.from_clause);
        everything.extend(&select.group_clause);
        everything.extend(&select.sort_clause);
        everything.extend(select.where_clause.as_deref());
        everything.extend(select.having_clause.as_deref());
        self.finish(&scope, &quals, &everything, shape, Some(select));
    }

    fn target(&self, scope: &mut Scope<'a>, relation: Option<&RangeVar>, write: Write) {
        if let Some(relation) = relation {
            let mut item = self.item(relation);
            item.write = Some(write);
            scope.items.push(item);
        }
    }

    fn item(&self, relation: &RangeVar) -> ScopeItem<'a> {
        let schema = (!relation.schemaname.is_empty()).then_some(relation.schemaname.as_str());
        let is_cte = schema.is_none() && self.ctes.contains(&relation.relname.as_str());
        let table = if is_cte { None } else { self.catalog.find(schema, &relation.relname, self.planned) };
        let alias = relation.alias.as_ref().map_or(&relation.relname, |alias| &alias.aliasname);
        ScopeItem { alias: alias.clone(), table, write: None }
    }

    /// Adds a FROM list to the scope and gives back the conditions of its joins.
    fn sources<'n>(&self, scope: &mut Scope<'a>, nodes: &'n [Node]) -> Vec<&'n Node> {
        let mut quals = Vec::new();
        for node in nodes {
            self.source(scope, node, &mut quals);
        }
        quals
    }

    fn source<'n>(&self, scope: &mut Scope<'a>, node: &'n Node, quals: &mut Vec<&'n Node>) {
        match node.node.as_ref() {
            Some(NodeEnum::RangeVar(relation)) => scope.items.push(self.item(relation)),
            Some(NodeEnum::JoinExpr(join)) => self.join(scope, join, quals),
            Some(NodeEnum::RangeSubselect(sub)) => {
                let alias = sub.alias.as_ref().map_or_else(String::new, |alias| alias.aliasname.clone());
                scope.items.push(ScopeItem { alias, table: None, write: None });
            }
            _ => {}
        }
    }

    fn join<'n>(&self, scope: &mut Scope<'a>, join: &'n JoinExpr, quals: &mut Vec<&'n Node>) {
        for side in [&join.larg, &join.rarg].into_iter().flatten() {
            self.source(scope, side, quals);
        }
        quals.extend(join.quals.as_deref());
        quals.extend(&join.using_clause);
    }

    fn finish(
        &self,
        scope: &Scope<'_>,
        quals: &[&Node],
        everything: &[&Node],
        shape: &mut StatementShape,
        select: Option<&SelectStmt>,
    ) {
        let mut uses: Vec<Option<TableUse>> = scope.items.iter().map(new_use).collect();
        for qual in quals {
            for condition in condition::conditions(qual, scope) {
                add(&mut uses, condition);
            }
        }
        if let Some(select) = select {
            output::order(&mut uses, scope, select);
        }
        output::mentions(&mut uses, scope, everything);
        shape.uses.extend(uses.into_iter().flatten());
    }
}

fn new_use(item: &ScopeItem<'_>) -> Option<TableUse> {
    Some(TableUse {
        table: item.table?.table.name.clone(),
        alias: item.alias.clone(),
        equalities: Vec::new(),
        ranges: Vec::new(),
        joins: Vec::new(),
        order: Vec::new(),
        limited: false,
        mentioned: Some(Vec::new()),
        write: item.write.clone(),
    })
}

fn add(uses: &mut [Option<TableUse>], condition: Condition) {
    let (item, column) = match &condition {
        Condition::Equal { item, column, .. }
        | Condition::Range { item, column }
        | Condition::Join { item, column } => (*item, column.clone()),
    };
    let Some(table_use) = uses[item].as_mut() else { return };
    match condition {
        Condition::Equal { several, is_null, .. } => {
            if !table_use.has_equality(&column) {
                table_use.equalities.push(Equality { column, several, is_null });
            }
        }
        Condition::Range { .. } => push_new(&mut table_use.ranges, column),
        Condition::Join { .. } => push_new(&mut table_use.joins, column),
    }
}

pub(super) fn push_new(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn targets(list: &[Node]) -> Vec<String> {
    list.iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::ResTarget(target)) => Some(target.name.clone()),
            _ => None,
        })
        .collect()
}
