use std::os::unix::fs::PermissionsExt;

use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::change::{Analyze, CreateIndex, DropIndex, IndexKey, TableName};

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
    let text = format!("approvals = 'unsigned'\n{text}");
    let permission = AllowList::parse(&text).unwrap().permission("main", change, &[]);
    match (permission, expected) {
        (Permission::Granted { max_index_bytes, .. }, Ok(most)) => assert_eq!(max_index_bytes, most),
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
fn the_sample_is_understood_once_it_says_whose_approval_counts() {
    check(SAMPLE, &index("orders", 4), Ok(Some(20 << 30)));
    check(SAMPLE, &index("orders", 5), Err("5 columns"));
    let list = AllowList::parse(SAMPLE).unwrap();
    assert_eq!(list.approvals, Approvals::Unsaid);
    let permission = list.permission("main", &index("orders", 1), &[]);
    assert!(permission.refusal().unwrap().contains("name each approver's key"), "{permission:?}");
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
        ("approvals = 'none'", "must be \"signed\" or \"unsigned\""),
        ("approvals = 'signed'", "needs an [[approver]]"),
        ("approvals = 'unsigned'\n[[approver]]\nname = 'dana'\nkeys = []", "contradict each other"),
        ("[[approver]]\nname = 'dana'\nkey = 'x'", "unknown key approver.key: did you mean keys?"),
        ("[[approver]]\nname = 'dana'\nkeys = []", "from 1 to 8 keys"),
        ("[[approver]]\nname = 'dana'\nkeys = ['ed25519:00']", "64 hexadecimal digits"),
        ("[[allow]]\nsignatures = 0", "asks nobody"),
        ("[[deny]]\nsignatures = 2", "unknown key deny.signatures"),
        ("[[allow]]\nkinds = ['set_parameter']", "names each parameter"),
        ("[[allow]]\nparameters.work_mem = { values = ['4MB'] }", "belong to a rule with kinds"),
        (&parameter("archive_command = { values = ['x'] }"), "lets the server load or run code"),
        (&parameter("fsync = { values = ['off'] }"), "guards the data"),
        (&parameter("work_mem = { min = '4MB' }"), "belong together"),
        (&parameter("work_mem = { min = '4MB', max = 100 }"), "the same kind of unit"),
        (&parameter("work_mem = { min = '4MB', max = '1MB' }"), "min is above max"),
        (&parameter("work_mem = { min = '4megs', max = '1MB' }"), "is no number with a unit"),
        (&parameter("work_mem = {}"), "give min and max, or values"),
        (&parameter("work_mem = { most = 3 }"), "most"),
        (&parameter("jit = { values = [\"it's\"] }"), "neither a number nor a word"),
        ("[throttle]\ncpu = 80", "unknown key throttle.cpu: did you mean"),
        ("[throttle]\ncpu_percent = 0", "must be from 1 to 100"),
        ("[throttle]\nio_percent = 101", "must be from 1 to 100"),
        ("[throttle]\nreplication_lag_bytes = 'far'", "is no size"),
        ("throttle = 3", "must be written as [throttle]"),
        ("enabled = 'yes'", "expected a boolean"),
        ("enabled", "TOML parse error"),
    ] {
        let error = AllowList::parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

fn parameter(bounds: &str) -> String {
    format!("[[allow]]\nkinds = ['set_parameter']\n[allow.parameters]\n{bounds}")
}

fn set(name: &str, value: &str) -> Change {
    Change::SetParameter(SetParameter {
        name: name.into(),
        value: value.into(),
        replaces: "4MB".into(),
        before: None,
    })
}

#[test]
fn a_parameter_is_allowed_by_name_and_within_its_bounds() {
    let text = parameter(
        "work_mem = { min = '4MB', max = '256MB' }
         random_page_cost = { min = 1, max = 4.0 }
         jit = { values = ['on', 'off'] }
         temp_file_limit = { min = '1GB', max = '10GB', values = ['-1'] }",
    );
    let allowed = |name, value| check(&text, &set(name, value), Ok(None));
    let denied = |name, value, part| check(&text, &set(name, value), Err(part));
    allowed("work_mem", "4MB");
    allowed("work_mem", "262144kB");
    allowed("work_mem", "0.25GB");
    denied("work_mem", "257MB", "work_mem = 257MB: this host's allow-list lets it be 4MB to 256MB");
    denied("work_mem", "4095kB", "4MB to 256MB");
    // A bare number means what the server's unit is: it isn't guessed.
    denied("work_mem", "8192", "4MB to 256MB");
    denied("work_mem", "-1", "4MB to 256MB");
    allowed("random_page_cost", "1.1");
    denied("random_page_cost", "0.5", "1 to 4");
    allowed("jit", "off");
    denied("jit", "maybe", "on, off");
    allowed("temp_file_limit", "-1");
    denied("temp_file_limit", "0", "1GB to 10GB, -1");
    denied("maintenance_work_mem", "64MB", "parameters.maintenance_work_mem = { min = …, max = … }");
    // What allows the rest of the kinds says nothing about parameters, nor does a rule for some tables.
    check("[[allow]]", &set("work_mem", "8MB"), Err("no rule"));
    let some = text.replace("kinds", "schemas = ['public']\nkinds");
    check(&some, &set("work_mem", "8MB"), Err("no rule"));
    let list = AllowList::parse(&text).unwrap();
    assert_eq!(list.parameters("main").len(), 4);
    check(&format!("{text}\n[[deny]]\nkinds = ['set_parameter']"), &set("jit", "on"), Err("denies it"));
    check(&format!("{text}\n[[deny]]\nschemas = ['pg_*']"), &set("jit", "on"), Ok(None));
}

#[test]
fn limits_of_the_load_are_the_usual_ones_unless_said() {
    let throttle = |text: &str| AllowList::parse(text).unwrap().throttle;
    assert_eq!(throttle(""), Throttle::default());
    let said =
        throttle("[throttle]\ncpu_percent = 100\nreplication_lag_s = 600\nreplication_lag_bytes = '2GB'");
    assert_eq!((said.cpu_percent, said.io_percent), (100, 80));
    assert_eq!((said.replication_lag.as_secs(), said.replication_lag_bytes), (600, 2 << 30));
}

#[test]
fn the_size_is_objected_to() {
    let granted = Permission::Granted { max_index_bytes: Some(1 << 30), signed_by: Vec::new() };
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
    fs::write(&path, "approvals = 'unsigned'\n[[allow]]\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    reason("chmod go-w");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(obstacle(&path, &stop).is_ok());
    fs::write(&stop, "").unwrap();
    reason("remove the file");
    fs::remove_file(&stop).unwrap();
    let other_stop = directory.path().join("other");
    fs::write(&path, format!("approvals = 'unsigned'\nstop_file = '{}'\n", other_stop.display())).unwrap();
    assert!(obstacle(&path, &stop).is_ok());
    fs::write(&other_stop, "").unwrap();
    reason("other: remove the file");
}

/// Dana may approve everything, Eli (with two keys) only on `main`, Fay only ANALYZE.
fn signed(rules: &str) -> AllowList {
    let key = |byte: u8| PublicKey([byte; 32]);
    AllowList::parse(&format!(
        "{rules}
        [[approver]]
        name = 'dana'
        keys = ['{}']
        [[approver]]
        name = 'eli'
        keys = ['{}', '{}']
        instances = ['main']
        [[approver]]
        name = 'fay'
        keys = ['{}']
        kinds = ['analyze']",
        key(1),
        key(2),
        key(3),
        key(4)
    ))
    .unwrap()
}

#[track_caller]
fn check_signed(
    list: &AllowList,
    instance: &str,
    change: &Change,
    keys: &[u8],
    expected: Result<&[&str], &str>,
) {
    let signers: Vec<PublicKey> = keys.iter().map(|byte| PublicKey([*byte; 32])).collect();
    match (list.permission(instance, change, &signers), expected) {
        (Permission::Granted { signed_by, .. }, Ok(names)) => assert_eq!(signed_by, names),
        (Permission::MissingSignatures(MissingSignatures { reason, .. }), Err(part)) => {
            assert!(reason.contains(part), "{reason}")
        }
        (permission, _) => panic!("{permission:?}"),
    }
}

#[test]
fn signatures_of_approvers_are_counted_by_person() {
    let list = signed("[[allow]]");
    let index = index("orders", 1);
    check_signed(&list, "main", &index, &[], Err("1 of these signatures: dana, eli; the order has none"));
    check_signed(&list, "main", &index, &[1], Ok(&["dana"]));
    check_signed(&list, "main", &index, &[3], Ok(&["eli"]));
    check_signed(&list, "main", &index, &[9, 1, 2], Ok(&["dana", "eli"]));
    check_signed(&list, "other", &index, &[2], Err("1 of these signatures: dana"));
    check_signed(&list, "main", &index, &[4], Err("dana, eli"));
    check_signed(&list, "main", &analyze("orders"), &[4], Ok(&["fay"]));

    let two = signed("[[allow]]\nsignatures = 2");
    check_signed(
        &two,
        "main",
        &index,
        &[1],
        Err("2 of these signatures: dana, eli; the order has only that of dana"),
    );
    check_signed(&two, "main", &index, &[2, 3], Err("only that of eli"));
    check_signed(&two, "main", &index, &[1, 2], Ok(&["dana", "eli"]));
    check_signed(&two, "other", &index, &[1], Err("of its approvers 1 may sign such a change"));
}

#[test]
fn dropping_needs_two_unless_its_rule_says_otherwise() {
    let Change::CreateIndex(index) = index("orders", 1) else { panic!("no index") };
    let drop = Change::DropIndex(DropIndex { index, covered_by: "other".into() });
    let list = signed("[[allow]]\nkinds = ['drop_index']");
    check_signed(&list, "main", &drop, &[1], Err("2 of these signatures"));
    check_signed(&list, "main", &drop, &[1, 2], Ok(&["dana", "eli"]));
    let one = signed("[[allow]]\nkinds = ['drop_index']\nsignatures = 1");
    check_signed(&one, "main", &drop, &[1], Ok(&["dana"]));
    // Of two rules that fit the one that asks for less counts, with its own limit.
    let both = signed(
        "[[allow]]\nsignatures = 1\nmax_index_bytes = '1GB'\n[[allow]]\nsignatures = 2\nmax_index_bytes = '20GB'",
    );
    let most = |keys: &[u8]| {
        let signers: Vec<PublicKey> = keys.iter().map(|byte| PublicKey([*byte; 32])).collect();
        match both.permission("main", &self::index("orders", 1), &signers) {
            Permission::Granted { max_index_bytes, .. } => max_index_bytes.unwrap() >> 30,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((most(&[1]), most(&[1, 2])), (1, 20));
}

#[test]
fn taking_back_what_was_kept_needs_one() {
    let list = signed("[[allow]]\nsignatures = 2");
    let permission = |keys: &[u8]| {
        let signers: Vec<PublicKey> = keys.iter().map(|byte| PublicKey([*byte; 32])).collect();
        list.undo_permission("main", &index("orders", 1), &signers)
    };
    assert!(permission(&[]).refusal().unwrap().contains("asks for 1 of"));
    assert_eq!(permission(&[2]).refusal(), None);
}

#[test]
fn nobody_signs_for_two() {
    let error = |text: &str| AllowList::parse(text).unwrap_err();
    let key = PublicKey([1; 32]);
    let twice = format!("[[approver]]\nname = 'dana'\nkeys = ['{key}']\n").repeat(2);
    assert!(error(&twice).contains("named twice"), "{}", error(&twice));
    let shared = format!(
        "[[approver]]\nname = 'dana'\nkeys = ['{key}']\n[[approver]]\nname = 'eli'\nkeys = ['{key}']"
    );
    assert!(error(&shared).contains("have the same key"), "{}", error(&shared));
}

#[test]
fn those_who_may_sign_here_are_told() {
    let names = |instance: &str| -> Vec<String> {
        let approvers = signed("").approvals.approvers(instance);
        approvers.into_iter().map(|approver| approver.name).collect()
    };
    assert_eq!(names("main"), ["dana", "eli", "fay"]);
    assert_eq!(names("other"), ["dana", "fay"]);
    assert!(AllowList::parse("approvals = 'unsigned'").unwrap().approvals.approvers("main").is_empty());
}
