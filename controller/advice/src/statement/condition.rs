//! The conditions of a block that an index could answer.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, BoolExprType, Node, NullTestType, SubLinkType, a_const};

use super::block::Scope;

/// One condition on one column of one entry of the scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// Equals a value, or one of several.
    Equal { item: usize, column: String, several: bool, is_null: bool },
    /// Lies in a range.
    Range { item: usize, column: String },
    /// Equals a column of another entry, of an outer block or of a sub-query.
    Join { item: usize, column: String },
}

/// The conditions of an expression that must all hold.
pub(super) fn conditions(node: &Node, scope: &Scope<'_>) -> Vec<Condition> {
    match node.node.as_ref() {
        Some(NodeEnum::BoolExpr(expression)) => match expression.boolop() {
            BoolExprType::AndExpr => expression.args.iter().flat_map(|arg| conditions(arg, scope)).collect(),
            BoolExprType::OrExpr => one_of(&expression.args, scope),
            BoolExprType::NotExpr => expression.args.first().map_or_else(Vec::new, |arg| boolean(arg, scope)),
            BoolExprType::Undefined => Vec::new(),
        },
        Some(NodeEnum::AExpr(expression)) => comparison(expression, scope),
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == NullTestType::IsNull => {
            let found = test.arg.as_deref().and_then(|node| column(node, scope));
            let null = |(item, column)| Condition::Equal { item, column, several: false, is_null: true };
            found.map(null).into_iter().collect()
        }
        Some(NodeEnum::SubLink(link)) if link.sub_link_type() == SubLinkType::AnySublink => {
            let found = link.testexpr.as_deref().and_then(|test| column(test, scope));
            found.map(|(item, column)| Condition::Join { item, column }).into_iter().collect()
        }
        // USING (a, b): the name stands for a column of both sides.
        Some(NodeEnum::String(name)) => using(&name.sval, scope),
        Some(NodeEnum::ColumnRef(_)) => boolean(node, scope),
        _ => Vec::new(),
    }
}

fn using(name: &str, scope: &Scope<'_>) -> Vec<Condition> {
    let has = |item: &usize| scope.items[*item].table.is_some_and(|table| table.column(name).is_some());
    let join = |item| Condition::Join { item, column: name.to_owned() };
    (0..scope.items.len()).filter(has).map(join).collect()
}

/// A boolean column by itself is compared with true.
fn boolean(node: &Node, scope: &Scope<'_>) -> Vec<Condition> {
    equal(Some(node), scope, false)
}

fn equal(node: Option<&Node>, scope: &Scope<'_>, several: bool) -> Vec<Condition> {
    let found = node.and_then(|node| column(node, scope));
    found
        .map(|(item, column)| Condition::Equal { item, column, several, is_null: false })
        .into_iter()
        .collect()
}

/// `a = 1 OR a = 2` is `a IN (1, 2)`; anything else of an OR needs several indexes at once.
fn one_of(args: &[Node], scope: &Scope<'_>) -> Vec<Condition> {
    let mut same: Option<(usize, String)> = None;
    for arg in args {
        let found = conditions(arg, scope);
        let [Condition::Equal { item, column, .. }] = found.as_slice() else { return Vec::new() };
        let this = (*item, column.clone());
        if same.as_ref().is_some_and(|other| *other != this) {
            return Vec::new();
        }
        same = Some(this);
    }
    same.map(|(item, column)| Condition::Equal { item, column, several: true, is_null: false })
        .into_iter()
        .collect()
}

fn comparison(expression: &AExpr, scope: &Scope<'_>) -> Vec<Condition> {
    let operator = match strings(&expression.name).last() {
        Some(operator) => *operator,
        None => return Vec::new(),
    };
    let (left, right) = (expression.lexpr.as_deref(), expression.rexpr.as_deref());
    match expression.kind() {
        AExprKind::AexprOp => match operator {
            "=" => equality(left, right, scope),
            "<" | ">" | "<=" | ">=" => range(left, right, scope),
            _ => Vec::new(),
        },
        AExprKind::AexprIn | AExprKind::AexprOpAny if operator == "=" => match right {
            Some(right) if is_value(right, scope) => equal(left, scope, true),
            _ => Vec::new(),
        },
        AExprKind::AexprBetween | AExprKind::AexprBetweenSym => match right {
            Some(right) if is_value(right, scope) => as_range(left, scope),
            _ => Vec::new(),
        },
        AExprKind::AexprNotDistinct => equality(left, right, scope),
        _ => Vec::new(),
    }
}

fn equality(left: Option<&Node>, right: Option<&Node>, scope: &Scope<'_>) -> Vec<Condition> {
    let (Some(left), Some(right)) = (left, right) else { return Vec::new() };
    match (column(left, scope), column(right, scope)) {
        (Some((a, left)), Some((b, right))) if a != b => {
            vec![Condition::Join { item: a, column: left }, Condition::Join { item: b, column: right }]
        }
        (Some((item, column)), None) => value(item, column, right, scope),
        (None, Some((item, column))) => value(item, column, left, scope),
        _ => Vec::new(),
    }
}

fn value(item: usize, column: String, other: &Node, scope: &Scope<'_>) -> Vec<Condition> {
    if is_outer_reference(other, scope) {
        vec![Condition::Join { item, column }]
    } else if is_value(other, scope) {
        vec![Condition::Equal { item, column, several: false, is_null: false }]
    } else {
        Vec::new()
    }
}

fn range(left: Option<&Node>, right: Option<&Node>, scope: &Scope<'_>) -> Vec<Condition> {
    let (Some(left), Some(right)) = (left, right) else { return Vec::new() };
    // A comparison of rows is decided by its first column.
    let (left, right) = (first_of_row(left), first_of_row(right));
    if is_value(right, scope) {
        as_range(Some(left), scope)
    } else if is_value(left, scope) {
        as_range(Some(right), scope)
    } else {
        Vec::new()
    }
}

fn first_of_row(node: &Node) -> &Node {
    match node.node.as_ref() {
        Some(NodeEnum::RowExpr(row)) => row.args.first().unwrap_or(node),
        _ => node,
    }
}

fn as_range(node: Option<&Node>, scope: &Scope<'_>) -> Vec<Condition> {
    let found = node.and_then(|node| column(node, scope));
    found.map(|(item, column)| Condition::Range { item, column }).into_iter().collect()
}

/// The column an expression is, if it is nothing but one of this scope's tables.
pub(super) fn column(node: &Node, scope: &Scope<'_>) -> Option<(usize, String)> {
    scope.resolve(&reference(node)?)
}

/// The parts of a column reference.
pub(super) fn reference(node: &Node) -> Option<Vec<&str>> {
    match node.node.as_ref() {
        Some(NodeEnum::ColumnRef(reference)) => Some(strings(&reference.fields)),
        _ => None,
    }
}

/// The strings among nodes.
pub(super) fn strings(nodes: &[Node]) -> Vec<&str> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
            _ => None,
        })
        .collect()
}

/// An integer constant.
pub(super) fn integer(node: &Node) -> Option<i32> {
    match node.node.as_ref() {
        Some(NodeEnum::AConst(constant)) => match constant.val.as_ref() {
            Some(a_const::Val::Ival(value)) => Some(value.ival),
            _ => None,
        },
        _ => None,
    }
}

fn is_outer_reference(node: &Node, scope: &Scope<'_>) -> bool {
    reference(node).is_some_and(|parts| scope.resolve(&parts).is_none())
}

/// An expression that holds no column of this scope's tables: it is known before a row is read.
fn is_value(node: &Node, scope: &Scope<'_>) -> bool {
    let Some(inner) = node.node.as_ref() else { return false };
    if let NodeEnum::List(list) = inner {
        return list.items.iter().all(|item| is_value(item, scope));
    }
    let own = std::iter::once(inner.to_ref());
    own.chain(inner.nodes().into_iter().map(|(node, ..)| node)).all(|node| match node {
        pg_query::NodeRef::ColumnRef(reference) => scope.resolve(&strings(&reference.fields)).is_none(),
        // Compared by another collation than the column's, which its plain index does not know.
        pg_query::NodeRef::CollateClause(_) => false,
        _ => true,
    })
}
