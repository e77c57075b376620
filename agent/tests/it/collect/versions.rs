//! Statements that have a file for each version of the server, so that each can be run as it stands: the files
//! differ in what the older version lacks, and in nothing else.

use std::path::Path;

fn statement(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engines/postgres/sql");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// `lacks`: what the newer statement has, and what the older one has instead.
fn check(newer: &str, older: &str, lacks: &[(&str, &str)]) {
    let mut expected = statement(newer);
    for (has, instead) in lacks {
        assert_eq!(expected.matches(has).count(), 1, "{has} in {newer}");
        expected = expected.replace(has, instead);
    }
    assert_eq!(statement(older), expected, "{older} differs from {newer} in more than it lacks");
}

#[test]
fn a_statement_for_an_older_server_differs_in_what_that_server_lacks_only() {
    check(
        "activity_14.sql",
        "activity_13.sql",
        &[
            ("a.query_id AS query_id", "NULL::int8 AS query_id"),
            (
                "COALESCE((SELECT min(l.waitstart) FROM pg_catalog.pg_locks AS l \
                 WHERE l.pid = s.pid AND NOT l.granted), s.state_change)",
                "s.state_change",
            ),
        ],
    );
    check(
        "usage_indexes_16.sql",
        "usage_indexes_13.sql",
        &[("pg_catalog.pg_stat_get_lastscan(i.indexrelid)", "NULL::timestamptz")],
    );
}

#[test]
fn a_statement_for_an_older_extension_differs_in_what_that_extension_lacks_only() {
    check(
        "query_stats_1_11.sql",
        "query_stats_1_10.sql",
        &[
            (
                "s.shared_blk_read_time + s.shared_blk_write_time + s.local_blk_read_time + s.local_blk_write_time\n        ",
                "s.blk_read_time + s.blk_write_time ",
            ),
            ("s.stats_since AS stats_since", "NULL::timestamptz AS stats_since"),
        ],
    );
    check(
        "query_stats_1_10.sql",
        "query_stats_1_9.sql",
        &[(" + s.temp_blk_read_time + s.temp_blk_write_time", "")],
    );
    check("query_stats_1_9.sql", "query_stats_1_8.sql", &[("s.toplevel AS toplevel", "true AS toplevel")]);
    check("texts_1_9.sql", "texts_1_8.sql", &[("s.toplevel,", "true AS toplevel,")]);
}
