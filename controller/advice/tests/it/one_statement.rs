//! Whatever the names in a change are, its text is a fixed list of single statements of fixed kinds about exactly
//! those names, as PostgreSQL's own grammar reads it.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, IndexStmt, ObjectType, SortByDir, VariableSetKind, a_const, node};
use proptest::collection::vec;
use proptest::prelude::*;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::change::statistics::{CreateStatistics, SetStatisticsTarget};
use querysmith_shared::change::{Analyze, Change, CreateIndex, DropIndex, IndexKey, TableName};
use querysmith_shared::dialect::postgres::render;

/// Names that try to end the quotes they stand in, and ordinary ones.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[a-z_][a-z0-9_]{0,20}",
        2 => r#"["';\\$ /*().,-]{1,12}"#,
        1 => "\\PC{1,15}",
        1 => proptest::sample::select(vec![
            "select", "order", "a\"; DROP TABLE t; --", "x' OR '1'='1", "$$", "$q$", "/* */", "E'\\'", "\\\"", "\u{feff}", "é",
            "\r\n", "U&\"\\0022\"", "--", "a\u{2028}b",
        ]).prop_map(str::to_owned),
    ]
    .prop_filter("PostgreSQL holds 63 bytes", |name| name.len() <= 63)
}

fn table() -> impl Strategy<Value = TableName> {
    (name(), name()).prop_map(|(schema, name)| TableName { schema, name })
}

fn index() -> impl Strategy<Value = CreateIndex> {
    let key = (name(), any::<bool>()).prop_map(|(column, descending)| IndexKey { column, descending });
    (name(), table(), name(), vec(key, 1..5), vec(name(), 0..3)).prop_map(
        |(database, table, name, keys, include)| CreateIndex { database, table, name, keys, include },
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        index().prop_map(Change::CreateIndex),
        (name(), table()).prop_map(|(database, table)| Change::Analyze(Analyze { database, table })),
        (index(), name()).prop_map(|(index, covered_by)| Change::DropIndex(DropIndex { index, covered_by })),
        (name(), name(), proptest::option::of(name())).prop_map(|(name, value, before)| {
            Change::SetParameter(SetParameter { name, value, replaces: "4MB".into(), before })
        }),
        (name(), table(), name(), vec(name(), 2..9)).prop_map(|(database, table, name, columns)| {
            Change::CreateStatistics(CreateStatistics { database, table, name, columns })
        }),
        (name(), table(), name(), any::<u16>(), any::<Option<u16>>()).prop_map(
            |(database, table, column, target, before)| {
                Change::SetStatisticsTarget(SetStatisticsTarget { database, table, column, target, before })
            }
        ),
    ]
}

/// The one statement that a text is.
fn statement(text: &str) -> NodeEnum {
    let parsed = pg_query::parse(text, 0).unwrap_or_else(|error| panic!("{error}: {text}"));
    let [statement] = &parsed.protobuf.stmts[..] else { panic!("not one statement: {text}") };
    statement.stmt.clone().and_then(|node| node.node).unwrap_or_else(|| panic!("nothing: {text}"))
}

fn strings(nodes: &[pg_query::protobuf::Node]) -> Vec<&str> {
    nodes
        .iter()
        .map(|node| match &node.node {
            Some(node::Node::String(text)) => text.sval.as_str(),
            other => panic!("not a name: {other:?}"),
        })
        .collect()
}

/// The limits come first, and are nothing else.
fn after_limits(statements: &[String], limits: Limits) -> &[String] {
    let (set, rest) = statements.split_at(2);
    for (text, variable, value) in
        [(&set[0], "lock_timeout", limits.lock_wait_ms), (&set[1], "statement_timeout", limits.duration_ms)]
    {
        let NodeEnum::VariableSetStmt(set) = statement(text) else { panic!("{text}") };
        assert_eq!((set.name.as_str(), set.is_local), (variable, false));
        assert_eq!(*text, format!("SET {variable} = {value}"));
    }
    rest
}

fn check_build(text: &str, index: &CreateIndex) {
    let NodeEnum::IndexStmt(build) = statement(text) else { panic!("{text}") };
    let IndexStmt { idxname, relation, index_params, index_including_params, .. } = &*build;
    let relation = relation.as_ref().unwrap();
    assert!(
        build.concurrent && !build.unique && !build.if_not_exists && build.where_clause.is_none(),
        "{text}"
    );
    assert!(build.options.is_empty() && build.table_space.is_empty(), "{text}");
    assert_eq!(*idxname, index.name);
    assert_eq!((&relation.schemaname, &relation.relname), (&index.table.schema, &index.table.name));
    let columns = |nodes: &[pg_query::protobuf::Node]| -> Vec<(String, bool)> {
        let column = |node: &pg_query::protobuf::Node| match &node.node {
            Some(node::Node::IndexElem(element)) => {
                assert!(element.expr.is_none() && element.opclass.is_empty(), "{text}");
                (element.name.clone(), element.ordering() == SortByDir::SortbyDesc)
            }
            other => panic!("not a column: {other:?}"),
        };
        nodes.iter().map(column).collect()
    };
    let keys: Vec<_> = index.keys.iter().map(|key| (key.column.clone(), key.descending)).collect();
    assert_eq!(columns(index_params), keys);
    let include: Vec<_> = index.include.iter().map(|column| (column.clone(), false)).collect();
    assert_eq!(columns(index_including_params), include);
}

fn check_drop(text: &str, index: &CreateIndex, if_exists: bool) {
    check_drop_of(text, ObjectType::ObjectIndex, [&index.table.schema, &index.name], (true, if_exists));
}

fn check_drop_of(text: &str, kind: ObjectType, name: [&str; 2], (concurrent, if_exists): (bool, bool)) {
    let NodeEnum::DropStmt(drop) = statement(text) else { panic!("{text}") };
    assert_eq!(drop.remove_type(), kind);
    assert!(drop.concurrent == concurrent && drop.missing_ok == if_exists, "{text}");
    let [object] = &drop.objects[..] else { panic!("not one object: {text}") };
    let Some(node::Node::List(found)) = &object.node else { panic!("{text}") };
    assert_eq!(strings(&found.items), name);
}

fn check_statistics(text: &str, create: &CreateStatistics) {
    let NodeEnum::CreateStatsStmt(stats) = statement(text) else { panic!("{text}") };
    assert!(stats.stat_types.is_empty() && !stats.if_not_exists, "{text}");
    assert_eq!(strings(&stats.defnames), [&create.table.schema, &create.name]);
    let columns: Vec<&str> = stats
        .exprs
        .iter()
        .map(|node| match &node.node {
            Some(node::Node::StatsElem(element)) => {
                assert!(element.expr.is_none(), "{text}");
                element.name.as_str()
            }
            other => panic!("not a column: {other:?}"),
        })
        .collect();
    assert_eq!(columns, create.columns);
    let [relation] = &stats.relations[..] else { panic!("not one table: {text}") };
    let Some(node::Node::RangeVar(relation)) = &relation.node else { panic!("{text}") };
    assert_eq!((&relation.schemaname, &relation.relname), (&create.table.schema, &create.table.name));
}

fn check_target(text: &str, set: &SetStatisticsTarget, target: i32) {
    let NodeEnum::AlterTableStmt(alter) = statement(text) else { panic!("{text}") };
    let relation = alter.relation.as_ref().unwrap();
    assert_eq!((&relation.schemaname, &relation.relname), (&set.table.schema, &set.table.name));
    let [command] = &alter.cmds[..] else { panic!("not one command: {text}") };
    let Some(node::Node::AlterTableCmd(command)) = &command.node else { panic!("{text}") };
    assert_eq!((command.subtype(), &command.name), (AlterTableType::AtSetStatistics, &set.column));
    let def = command.def.as_ref().and_then(|def| def.node.clone());
    let Some(node::Node::Integer(number)) = def else { panic!("{text}: {def:?}") };
    assert_eq!(number.ival, target);
}

fn check_analyze(text: &str, table: &TableName, columns: &[&String]) {
    let NodeEnum::VacuumStmt(analyze) = statement(text) else { panic!("{text}") };
    assert!(!analyze.is_vacuumcmd && analyze.options.is_empty(), "{text}");
    let [relation] = &analyze.rels[..] else { panic!("not one table: {text}") };
    let Some(node::Node::VacuumRelation(relation)) = &relation.node else { panic!("{text}") };
    let named = relation.relation.as_ref().unwrap();
    assert_eq!((&named.schemaname, &named.relname), (&table.schema, &table.name));
    assert_eq!(strings(&relation.va_cols), columns);
}

/// Sets a parameter to one string, or takes it out.
fn check_alter_system(text: &str, name: &str, value: Option<&String>) {
    let NodeEnum::AlterSystemStmt(alter) = statement(text) else { panic!("{text}") };
    let set = alter.setstmt.unwrap();
    assert_eq!(set.name, name, "{text}");
    let kind = if value.is_some() { VariableSetKind::VarSetValue } else { VariableSetKind::VarReset };
    assert_eq!(set.kind(), kind, "{text}");
    let values: Vec<String> = set
        .args
        .iter()
        .map(|argument| match &argument.node {
            Some(node::Node::AConst(constant)) => match &constant.val {
                Some(a_const::Val::Sval(text)) => text.sval.clone(),
                other => panic!("not a string: {other:?}"),
            },
            other => panic!("not a constant: {other:?}"),
        })
        .collect();
    assert_eq!(values, value.into_iter().cloned().collect::<Vec<_>>(), "{text}");
}

fn check_reload(text: &str) {
    assert!(matches!(statement(text), NodeEnum::SelectStmt(_)), "{text}");
    assert_eq!(text, "SELECT pg_catalog.pg_reload_conf()");
}

/// Reads the catalogue, and names nothing but strings.
fn check_verify(text: &str, names: &[&str]) {
    assert!(matches!(statement(text), NodeEnum::SelectStmt(_)), "{text}");
    let tables = pg_query::parse(text, 0).unwrap().tables();
    assert!(!tables.is_empty() && tables.iter().all(|table| table.starts_with("pg_catalog.")), "{tables:?}");
    let tree = format!("{:?}", statement(text));
    for name in names {
        assert!(tree.contains(&format!("sval: {name:?}")), "{name:?} in {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_change_is_single_statements_of_its_kind_about_its_names(
        change in change(),
        lock_wait_ms in any::<u32>(),
        duration_ms in any::<u32>(),
    ) {
        let limits = Limits { lock_wait_ms, duration_ms, ..Limits::INDEX_BUILD };
        let rendered = render(&change, limits).unwrap();
        let apply = after_limits(&rendered.apply, limits);
        let schema = change.table().map_or("", |table| table.schema.as_str());
        match &change {
            Change::CreateIndex(index) => {
                let [build] = apply else { panic!("{apply:?}") };
                check_build(build, index);
                let [drop] = after_limits(&rendered.undo, limits) else { panic!("{:?}", rendered.undo) };
                check_drop(drop, index, true);
                check_verify(&rendered.verify, &[schema, &index.name]);
            }
            Change::DropIndex(drop) => {
                let [text] = apply else { panic!("{apply:?}") };
                check_drop(text, &drop.index, false);
                let [leftover, build] = after_limits(&rendered.undo, limits) else {
                    panic!("{:?}", rendered.undo)
                };
                check_drop(leftover, &drop.index, true);
                check_build(build, &drop.index);
                check_verify(&rendered.verify, &[schema, &drop.index.name, &drop.covered_by]);
            }
            Change::SetParameter(set) => {
                let [text, reload] = apply else { panic!("{apply:?}") };
                check_alter_system(text, &set.name, Some(&set.value));
                check_reload(reload);
                let [text, reload] = after_limits(&rendered.undo, limits) else { panic!("{:?}", rendered.undo) };
                check_alter_system(text, &set.name, set.before.as_ref());
                check_reload(reload);
                check_verify(&rendered.verify, &[&set.name]);
            }
            Change::CreateStatistics(create) => {
                let [text, analyze] = apply else { panic!("{apply:?}") };
                check_statistics(text, create);
                check_analyze(analyze, &create.table, &[]);
                let [drop] = after_limits(&rendered.undo, limits) else { panic!("{:?}", rendered.undo) };
                check_drop_of(drop, ObjectType::ObjectStatisticExt, [schema, &create.name], (false, true));
                check_verify(&rendered.verify, &[schema, &create.name]);
            }
            Change::SetStatisticsTarget(set) => {
                let before = set.before.map_or(-1, i32::from);
                for (statements, target) in [(&rendered.apply, set.target.into()), (&rendered.undo, before)] {
                    let [text, analyze] = after_limits(statements, limits) else { panic!("{statements:?}") };
                    check_target(text, set, target);
                    check_analyze(analyze, &set.table, &[&set.column]);
                }
                check_verify(&rendered.verify, &[schema, &set.table.name, &set.column]);
            }
            Change::Analyze(analyze) => {
                let [text] = apply else { panic!("{apply:?}") };
                check_analyze(text, &analyze.table, &[]);
                prop_assert!(rendered.undo.is_empty());
                check_verify(&rendered.verify, &[schema, &analyze.table.name]);
            }
        }
    }
}
