use querysmith_shared::change::{Analyze, DropIndex, IndexKey, TableName};
use querysmith_shared::timestamp::Timestamp;

use super::*;
use crate::apply::facts::ColumnFacts;

pub(super) fn table() -> TableFacts {
    let column = |number, name: &str| ColumnFacts { number, name: name.into(), width: 8, target: None };
    TableFacts {
        oid: 5,
        unsuitable: None,
        owner: "owner".into(),
        role: "qs_apply".into(),
        may_index: true,
        may_create: true,
        may_analyze: true,
        rows: Some(1_000_000.0),
        bytes: 100 << 20,
        columns: vec![column(1, "a"), column(2, "b"), column(3, "c")],
        last_analyze: None,
        changed_since_analyze: 3,
        indexes: Vec::new(),
        statistics: Vec::new(),
    }
}

/// `"a -b + c"`: a ascending, b descending, c included.
fn wanted(columns: &str) -> CreateIndex {
    let (keys, include) = columns.split_once('+').unwrap_or((columns, ""));
    let key = |text: &str| IndexKey {
        column: text.trim_start_matches('-').to_owned(),
        descending: text.starts_with('-'),
    };
    CreateIndex {
        database: "shop".into(),
        table: TableName { schema: "public".into(), name: "t".into() },
        name: "qs_t".into(),
        keys: keys.split_whitespace().map(key).collect(),
        include: include.split_whitespace().map(str::to_owned).collect(),
    }
}

/// An index as the server would have made it of the same words.
fn existing(columns: &str) -> IndexFacts {
    let wanted = wanted(columns);
    let number = |name: &str| table().columns.iter().find(|column| column.name == name).unwrap().number;
    IndexFacts {
        name: "other".into(),
        table_oid: 5,
        usable: true,
        unique: false,
        plain: true,
        keys: wanted_keys(&wanted, &wanted.keys.iter().map(|key| number(&key.column)).collect::<Vec<_>>()),
        include: wanted.include.iter().map(|name| number(name)).collect(),
        definition: format!("CREATE INDEX other ON t ({columns})"),
        bytes: 21 << 20,
        scans: 12,
        holds: None,
    }
}

fn survey_of(index: CreateIndex, table: &TableFacts) -> Result<PreImage, String> {
    survey(&Change::CreateIndex(index), Some(table), &Named::Nothing, &DiskRoom::Free(1 << 40))
}

#[track_caller]
fn refused(result: Result<PreImage, String>, words: &str) {
    let reason = result.unwrap_err();
    assert!(reason.contains(words), "{reason}");
}

#[test]
fn an_index_that_does_the_work_already_is_noticed() {
    for (existing_columns, wanted_columns, does_it) in [
        ("a b", "a b", true),
        ("a b c", "a b", true),
        ("a", "a b", false),
        ("b a", "a b", false),
        ("a -b", "a -b", true),
        ("-a b", "a -b", true),
        ("a b", "a -b", false),
        ("-a", "a", true),
        ("a", "a + c", false),
        ("a + c", "a + c", true),
        ("a b c", "a + c", true),
        ("a + b", "a b", false),
    ] {
        let table = TableFacts { indexes: vec![existing(existing_columns)], ..table() };
        let result = survey_of(wanted(wanted_columns), &table);
        assert_eq!(result.is_err(), does_it, "{existing_columns} for {wanted_columns}: {result:?}");
    }
}

#[test]
fn an_index_of_another_kind_or_in_ruins_does_no_work() {
    let usable = existing("a b");
    for other in [
        IndexFacts { usable: false, ..usable.clone() },
        IndexFacts { plain: false, ..usable.clone() },
        IndexFacts { keys: vec![KeyFacts { nulls_first: true, ..usable.keys[0] }], ..usable.clone() },
    ] {
        let table = TableFacts { indexes: vec![other], ..table() };
        assert!(survey_of(wanted("a"), &table).is_ok());
    }
    let unique = IndexFacts { unique: true, ..usable };
    refused(
        survey_of(wanted("a"), &TableFacts { indexes: vec![unique], ..table() }),
        "does its work already",
    );
}

#[test]
fn unfit_ground_is_refused_with_the_remedy() {
    let index = || Change::CreateIndex(wanted("a"));
    let room = DiskRoom::Free(1 << 40);
    refused(survey(&index(), None, &Named::Nothing, &room), "does not exist");
    refused(survey_of(wanted("a x"), &table()), "no column x");
    refused(survey_of(wanted("a"), &TableFacts { may_index: false, ..table() }), "GRANT owner TO qs_apply");
    refused(
        survey_of(wanted("a"), &TableFacts { may_create: false, ..table() }),
        "GRANT CREATE ON SCHEMA public",
    );
    let view = TableFacts { unsuitable: Some("a view".into()), ..table() };
    refused(survey_of(wanted("a"), &view), "public.t is a view");
    refused(survey(&index(), Some(&table()), &Named::Index(existing("b")), &room), "there already");
    refused(survey(&index(), Some(&table()), &Named::Other("a view".into()), &room), "belongs to a view");
    refused(
        survey(&index(), Some(&table()), &Named::Nothing, &DiskRoom::Free(1 << 20)),
        "twice that must be free",
    );
    let analyze = Change::Analyze(Analyze { database: "shop".into(), table: wanted("a").table });
    let stranger = TableFacts { may_analyze: false, ..table() };
    refused(survey(&analyze, Some(&stranger), &Named::Nothing, &room), "GRANT owner TO qs_apply");
}

#[test]
fn the_ground_is_told_in_words() {
    let room = DiskRoom::Unknown("the server is on another host".into());
    let pre_image =
        survey(&Change::CreateIndex(wanted("a b")), Some(&table()), &Named::Nothing, &room).unwrap();
    assert_eq!(
        pre_image.to_string(),
        "about 1,000,000 rows, 100 MB; the index will take at most about 30 MB; free disk space was not checked: the \
         server is on another host"
    );
    assert_eq!(pre_image.estimated_bytes(), 31_127_494);
    let uncounted = TableFacts { rows: None, ..table() };
    assert!(
        survey_of(wanted("a"), &uncounted).unwrap().to_string().starts_with("100 MB, rows never counted")
    );
}

#[test]
fn only_the_index_that_was_armed_is_ours() {
    let pre_image = survey_of(wanted("a -b + c"), &table()).unwrap();
    let is_ours = |found: IndexFacts| is_ours(&wanted("a -b + c"), &pre_image, &found);
    let ours = existing("a -b + c");
    assert!(is_ours(ours.clone()));
    assert!(is_ours(IndexFacts { usable: false, ..ours.clone() }));
    assert!(!is_ours(IndexFacts { table_oid: 6, ..ours.clone() }));
    assert!(!is_ours(IndexFacts { unique: true, ..ours.clone() }));
    assert!(!is_ours(IndexFacts { plain: false, ..ours }));
    assert!(!is_ours(existing("a b + c")));
    assert!(!is_ours(existing("a -b c")));
}

#[test]
fn other_statistics_are_other_ground() {
    let analyze = Change::Analyze(Analyze { database: "shop".into(), table: wanted("a").table });
    let at = |last_analyze| {
        let table = TableFacts { last_analyze, bytes: 7, ..table() };
        survey(&analyze, Some(&table), &Named::Nothing, &DiskRoom::Free(0)).unwrap()
    };
    assert!(at(None).is_same_ground(&at(None)));
    assert!(!at(None).is_same_ground(&at(Some(Timestamp(5)))));
    assert!(!at(None).is_same_ground(&survey_of(wanted("a"), &table()).unwrap()));
}

/// The survey of a drop of index `qs_t` (a -b), of which the database has `found`, covered by `kept`.
fn survey_drop(found: Named, kept: IndexFacts) -> Result<PreImage, String> {
    let drop = DropIndex { index: wanted("a -b"), covered_by: "kept".into() };
    let table = TableFacts { indexes: vec![IndexFacts { name: "kept".into(), ..kept }], ..table() };
    survey(&Change::DropIndex(drop), Some(&table), &found, &DiskRoom::Free(0))
}

#[test]
fn an_index_goes_only_if_another_does_its_work_and_nothing_is_lost() {
    let spare = || IndexFacts { name: "qs_t".into(), ..existing("a -b") };
    let pre_image = survey_drop(Named::Index(spare()), existing("a -b")).unwrap();
    assert!(pre_image.to_string().contains("takes 21 MB and was read 12 times"), "{pre_image}");
    assert!(survey_drop(Named::Index(spare()), existing("a -b c")).is_ok());
    assert!(survey_drop(Named::Index(spare()), IndexFacts { unique: true, ..existing("a -b") }).is_ok());

    let gone = |kept| survey_drop(Named::Index(spare()), kept);
    let unfit = "does not do the work of qs_t";
    refused(gone(existing("a b")), unfit);
    refused(gone(existing("a")), unfit);
    refused(gone(IndexFacts { usable: false, ..existing("a -b") }), unfit);
    refused(gone(IndexFacts { plain: false, ..existing("a -b") }), unfit);
    let found = |found| survey_drop(Named::Index(found), existing("a -b"));
    refused(survey_drop(Named::Nothing, existing("a -b")), "gone already");
    refused(survey_drop(Named::Other("a view".into()), existing("a -b")), "belongs to a view");
    refused(found(IndexFacts { usable: false, ..spare() }), "INVALID");
    refused(
        found(IndexFacts { holds: Some("a constraint needs it".into()), ..spare() }),
        "a constraint needs it",
    );
    let another = "another one than was approved: CREATE INDEX";
    refused(found(IndexFacts { plain: false, ..spare() }), another);
    refused(found(IndexFacts { table_oid: 6, ..spare() }), another);
    refused(found(existing("a b")), another);
}

#[test]
fn what_an_undone_drop_builds_is_known_by_its_columns() {
    let spare = || IndexFacts { name: "qs_t".into(), ..existing("a -b") };
    let pre_image = survey_drop(Named::Index(spare()), existing("a -b")).unwrap();
    let is_it = |found: IndexFacts| is_the_dropped(&wanted("a -b"), &pre_image, &found);
    assert!(is_it(IndexFacts { bytes: 1, scans: 0, ..spare() }));
    assert!(is_it(IndexFacts { usable: false, ..spare() }));
    assert!(!is_it(existing("a b")));
    assert!(!is_it(IndexFacts { table_oid: 6, ..spare() }));
    let moved = IndexFacts { definition: "CREATE INDEX other ON t (a, b)".into(), ..spare() };
    assert!(!pre_image.is_same_ground(&survey_drop(Named::Index(moved), existing("a -b")).unwrap()));
}
