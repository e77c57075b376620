//! What leaves the host.

use agent::collect::collector::Collector;
use querysmith_shared::change::{CreateIndex, IndexKey, TableName};
use querysmith_shared::id::{InstanceId, QuestionId};
use querysmith_shared::wire::order::WhatIf;
use querysmith_shared::wire::report::ReportBody;
use uuid::Uuid;

use super::stage::{Stage, run};

/// Values that stand for somebody's secret: a word, and a number that occurs nowhere by chance.
const CANARIES: [&str; 2] = ["canary", "4711004711"];

/// Tables full of canaries, and statements that mention them in every way.
const STATEMENTS: [&str; 14] = [
    "INSERT INTO secrets SELECT n, 'canary ' || n % 3, 4711004711, ARRAY['canary'] FROM generate_series(1, 5000) AS n",
    "ANALYZE secrets",
    "SELECT id FROM secrets WHERE word = 'canary 1' AND number = 4711004711",
    "SELECT id FROM secrets WHERE word IN ('canary 1', 'canary 2') OR number BETWEEN 4711004711 AND 4711004712",
    "SELECT id, 'canary' AS c, $$canary$$, E'\\tcanary', U&'canary', date '2020-02-02' FROM secrets WHERE words @> ARRAY['canary'] LIMIT 5",
    "SELECT count(*) FROM secrets WHERE word LIKE 'canary%' /* canary */ -- canary",
    "UPDATE secrets SET word = 'canary 4' WHERE id = 7",
    "WITH c AS (SELECT 'canary' AS word) SELECT count(*) FROM secrets JOIN c USING (word)",
    "CREATE TABLE more AS SELECT 'canary' AS word",
    "DROP TABLE more",
    "COPY secrets (word) TO PROGRAM 'cat > /dev/null # canary'",
    "DO $do$ BEGIN PERFORM 'canary'; END $do$",
    "CREATE ROLE someone PASSWORD 'canary'",
    "CREATE FUNCTION fails(text) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'canary'; END $f$ IMMUTABLE",
];

#[tokio::test]
async fn no_literal_leaves_the_host_unless_its_owner_says_so() {
    let stage = Stage::set().await;
    let table =
        "CREATE TABLE secrets (id integer, word text, number bigint, words text[]); CREATE EXTENSION hypopg;
                 CREATE INDEX first ON secrets (id) WHERE word = 'canary 1';
                 CREATE INDEX second ON secrets (id) WHERE word = 'canary 2';
                 CREATE INDEX third ON secrets ((word || 'canary'), (number % 4711004711));
                 GRANT SELECT ON secrets TO querysmith_read";
    stage.cluster.execute("shop", table).await.unwrap();
    stage.begin().await;
    let mut app = stage.cluster.connect("shop").await.unwrap();
    for statement in STATEMENTS {
        run(&mut app, statement).await;
    }
    // Planning this one evaluates the function, whose error quotes a value.
    let failing = "SELECT fails('canary') FROM secrets WHERE id < fails('canary') LIMIT 0";
    assert!(sqlx::raw_sql(failing).execute(&mut app).await.is_err());
    run(&mut app, "SELECT id FROM secrets WHERE word = 'canary 1' LIMIT 3").await;
    for collector in Collector::ALL {
        stage.collect(collector).await;
    }
    let reports = stage.kept.take();
    let mut statements = Vec::new();
    for report in &reports {
        if let ReportBody::StatementTexts(texts) = report {
            statements.extend(texts.texts.iter().map(|text| text.statement));
        }
    }
    assert!(statements.len() >= 10, "{reports:?}");
    let described = reports.iter().flat_map(|report| match report {
        ReportBody::Schema(changes) => changes.changed.clone(),
        _ => Vec::new(),
    });
    let indexes: Vec<_> = described.flat_map(|table| table.indexes).collect();
    let predicate = |name: &str| {
        indexes.iter().find(|index| index.name == name).and_then(|index| index.predicate.clone()).unwrap()
    };
    assert_ne!(predicate("first"), predicate("second"), "indexes that differ in a value are not the same");
    let question = WhatIf {
        question: QuestionId(Uuid::from_u128(1)),
        instance: InstanceId(Uuid::from_u128(7)),
        database: "shop".into(),
        candidates: vec![CreateIndex {
            database: "shop".into(),
            table: TableName { schema: "public".into(), name: "secrets".into() },
            name: "qs_ignored".into(),
            keys: vec![IndexKey { column: "word".into(), descending: false }],
            include: Vec::new(),
        }],
        statements,
    };
    let answer = stage.engine.what_if(&question).await;
    assert_eq!(answer.not_simulated, None);
    let everything = format!("{reports:?} {answer:?}");
    for canary in CANARIES {
        let found = everything.find(canary).map(|place| &everything[place.saturating_sub(200)..place + 50]);
        assert_eq!(found, None);
    }
}

#[tokio::test]
async fn with_literals_allowed_texts_are_as_they_are() {
    let stage = Stage::set_with(super::stage::options(), |config| config.literals = true).await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "CREATE TABLE said (word text DEFAULT 'open')").await;
    let (_, texts) = stage.window().await;
    assert!(texts.iter().any(|text| text.text.contains("'open'")), "{texts:?}");
}
