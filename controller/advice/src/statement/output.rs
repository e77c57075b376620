//! What a block puts out: its order, and the columns it needs.

use pg_query::protobuf::{Node, SelectStmt, SortByDir, SortByNulls};
use pg_query::{NodeEnum, NodeRef};

use super::block::{Scope, push_new};
use super::condition;
use super::{OrderKey, TableUse};

/// ORDER BY counts only if all of it is plain columns of one table: an index gives all of the order or none.
pub(super) fn order(uses: &mut [Option<TableUse>], scope: &Scope<'_>, select: &SelectStmt) {
    let limited = select.limit_count.is_some();
    for table_use in uses.iter_mut().flatten() {
        table_use.limited = limited;
    }
    let mut keys = Vec::new();
    let mut of_item = None;
    for node in &select.sort_clause {
        let Some(NodeEnum::SortBy(sort)) = node.node.as_ref() else { return };
        let Some(key) = sort.node.as_deref() else { return };
        let key = output_column(select, key).unwrap_or(key);
        let Some((item, column)) = condition::column(key, scope) else { return };
        if of_item.is_some_and(|other| other != item) {
            return;
        }
        of_item = Some(item);
        let descending = match sort.sortby_dir() {
            SortByDir::SortbyDesc => true,
            SortByDir::SortbyUsing => return,
            SortByDir::Undefined | SortByDir::SortbyDefault | SortByDir::SortbyAsc => false,
        };
        let unusual_nulls = match sort.sortby_nulls() {
            SortByNulls::SortbyNullsFirst => !descending,
            SortByNulls::SortbyNullsLast => descending,
            SortByNulls::Undefined | SortByNulls::SortbyNullsDefault => false,
        };
        keys.push(OrderKey { column, descending, unusual_nulls });
    }
    if let Some(table_use) = of_item.and_then(|item| uses[item].as_mut())
        && select.group_clause.is_empty()
        && select.distinct_clause.is_empty()
    {
        table_use.order = keys;
    }
}

/// `ORDER BY 2` and `ORDER BY alias` mean an output column.
fn output_column<'n>(select: &'n SelectStmt, key: &Node) -> Option<&'n Node> {
    let target = |node: &'n Node| match node.node.as_ref() {
        Some(NodeEnum::ResTarget(target)) => Some(target.as_ref()),
        _ => None,
    };
    if let Some(position) = condition::integer(key) {
        let node = select.target_list.get(usize::try_from(position).ok()?.checked_sub(1)?)?;
        return target(node)?.val.as_deref();
    }
    let parts = condition::reference(key)?;
    let [name] = parts.as_slice() else { return None };
    select.target_list.iter().filter_map(target).find(|target| target.name == **name)?.val.as_deref()
}

/// Notes which columns of each table are mentioned anywhere in the block.
pub(super) fn mentions(uses: &mut [Option<TableUse>], scope: &Scope<'_>, everything: &[&Node]) {
    let mut star = false;
    for node in everything.iter().filter_map(|node| node.node.as_ref()) {
        let own = std::iter::once(node.to_ref());
        for node in own.chain(node.nodes().into_iter().map(|(node, ..)| node)) {
            let NodeRef::ColumnRef(reference) = node else { continue };
            star |= reference.fields.iter().any(|f| matches!(f.node, Some(NodeEnum::AStar(_))));
            let parts: Vec<&str> = condition::strings(&reference.fields);
            if let Some((item, column)) = scope.resolve(&parts)
                && let Some(list) = uses[item].as_mut().and_then(|table_use| table_use.mentioned.as_mut())
            {
                push_new(list, column);
            }
        }
    }
    for table_use in uses.iter_mut().flatten() {
        if star || table_use.write.is_some() {
            table_use.mentioned = None;
        }
    }
}
