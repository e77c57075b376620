use std::os::unix::fs::PermissionsExt;

use querysmith_shared::change::{Analyze, CreateIndex, IndexKey, TableName};

use super::*;

fn index(table: &str, columns: usize) -> Change {
    let keys = (0..columns).map(|n| IndexKey { column: format!("c{n}"), descending: false }).collect();
    Change::CreateIndex(CreateIndex {
        database: "shop".into(),
        table: TableName { schema: "public".into(), name: table.into() },
        name: "qs_x".into(),
        keys,
        include: Vec::new(),
    })
}

fn analyze(table: &str) -> Change {
    let table = TableName { schema: "public".into(), name: table.into() };
    Change::Analyze(Analyze { database: "shop".into(), table })
}

#[track_caller]
fn check(text: &str, change: &Change, expected: Result<Option<u64>, &str>) {
    let permission = AllowList::parse(text).unwrap().permission("main", change);
    match (permission, expected) {
        (Permission::Granted { max_index_bytes }, Ok(most)) => assert_eq!(max_index_bytes, most),
        (Permission::Denied { reason }, Err(part)) => assert!(reason.contains(part), "{reason}"),
        (permission, _) => panic!("{permission:?}"),
    }
}

#[test]
fn one_rule_suffices_and_deny_wins() {
    let text = "
        [[allow]]
        kinds = ['create_index']
        tables = ['order*']
        max_columns = 2
        max_index_bytes = '1GB'
        [[allow]]
        databases = ['sh?p']
        tables = ['orders']
        max_columns = 3
        max_index_bytes = 2147483648
        [[deny]]
        kinds = ['create_index']
        tables = ['orders_archive']
    ";
    check(text, &index("orders", 2), Ok(Some(2 << 30)));
    check(text, &index("orders", 3), Ok(Some(2 << 30)));
    check(text, &index("order_items", 2), Ok(Some(1 << 30)));
    check(text, &index("order_items", 3), Err("3 columns, and this host's allow-list ends at 2"));
    check(text, &index("orders_archive", 1), Err("denies it"));
    check(text, &index("customers", 1), Err("no rule"));
    check(text, &analyze("orders"), Ok(Some(2 << 30)));
    check(text, &analyze("order_items"), Err("no rule"));
}

#[test]
fn an_empty_list_or_a_disabled_one_allows_nothing() {
    check("", &index("orders", 1), Err("no rule"));
    check("enabled = false\n[[allow]]", &index("orders", 1), Err("enabled = false"));
    check("[[allow]]", &index("orders", 1), Ok(None));
    check("[[allow]]\ninstances = ['other']", &index("orders", 1), Err("no rule"));
}

#[test]
fn the_sample_is_understood() {
    check(SAMPLE, &index("orders", 4), Ok(Some(20 << 30)));
    check(SAMPLE, &index("orders", 5), Err("5 columns"));
}

#[test]
fn what_is_not_understood_is_named_with_the_nearest() {
    for (text, expected) in [
        ("enable = true", "unknown key enable: did you mean enabled?"),
        ("[[allow]]\ntabels = ['x']", "unknown key allow.tabels: did you mean tables?"),
        ("[[deny]]\nmax_columns = 3", "unknown key deny.max_columns"),
        ("[[allow]]\nkinds = ['create_indx']", "did you mean \"create_index\"?"),
        ("[[allow]]\nmax_index_bytes = '3 apples'", "is no size"),
        ("max_concurrent_builds = 0", "from 1 to 16"),
        ("[allow]\ntables = ['x']", "[[allow]]"),
        ("enabled = 'yes'", "expected a boolean"),
        ("enabled", "TOML parse error"),
    ] {
        let error = AllowList::parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn the_size_is_objected_to() {
    let granted = Permission::Granted { max_index_bytes: Some(1 << 30) };
    assert_eq!(granted.objection(1 << 30), None);
    assert!(granted.objection((1 << 30) + 1).unwrap().contains("ends at 1.0 GB"));
}

#[test]
fn only_a_file_that_others_cannot_write_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("allow.toml");
    let stop = directory.path().join("stop-changes");
    let reason = |expected: &str| {
        let reason = obstacle(&path, &stop).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    };
    reason("does not exist");
    fs::write(&path, "[[allow]]\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    reason("chmod go-w");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(obstacle(&path, &stop).is_ok());
    fs::write(&stop, "").unwrap();
    reason("remove the file");
    fs::remove_file(&stop).unwrap();
    let other_stop = directory.path().join("other");
    fs::write(&path, format!("stop_file = '{}'\n[[allow]]\n", other_stop.display())).unwrap();
    assert!(obstacle(&path, &stop).is_ok());
    fs::write(&other_stop, "").unwrap();
    reason("other: remove the file");
}
