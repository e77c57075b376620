//! A thousand secrets in texts, plans, errors, statistics, definitions and settings of a database: none of them is found in
//! what the agent keeps to send, in a log, or in the controller's store.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use querysmith_tests::demo::fleet::{self, Addresses, Pace, Plan};
use querysmith_tests::demo::place::Place;
use querysmith_tests::demo::process::Program;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// Secrets, each in two forms: a word and a number.
const SECRETS: usize = 500;
/// Begins every secret word; no name of the test has it.
const WORD: &str = "cnry";
/// Begins every secret number, and no other number of the test.
const NUMBER: &str = "470047";
/// What is no secret, and stands in every part of what is collected.
const NO_SECRET: &str = "vault_of_things";
/// All collectors have run several times long before this.
const LIMIT: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

fn word(n: usize) -> String {
    format!("{WORD}{n:04}x")
}

fn number(n: usize) -> String {
    format!("{NUMBER}{n:04}")
}

/// The `n`th secret in a statement of the application; every way to write one comes again and again.
fn statement(n: usize) -> String {
    let (word, number) = (word(n), number(n));
    match n % 16 {
        0 => format!("SELECT id FROM {NO_SECRET} WHERE word = '{word}' AND number = {number}"),
        1 => format!(
            "SELECT id FROM {NO_SECRET} WHERE word IN ('{word}', '{word}b') OR number > {number} LIMIT 3"
        ),
        2 => {
            format!("SELECT id, E'\\t{word}', $${word}$$, $a${word}$a$, U&'{word}' FROM {NO_SECRET} LIMIT 1")
        }
        3 => format!("SELECT count(*) FROM {NO_SECRET} WHERE word LIKE '{word}%' /* {word} */ -- {number}"),
        4 => format!("UPDATE {NO_SECRET} SET word = '{word}', number = {number} WHERE id = {n}"),
        5 => format!(
            "INSERT INTO {NO_SECRET} (id, word, number) VALUES (-{n}, '{word}', {number}), (-{n}, '{word}', {number})"
        ),
        6 => {
            format!("DELETE FROM {NO_SECRET} WHERE word = '{word}' AND number BETWEEN {number} AND {number}9")
        }
        7 => format!(
            "WITH w AS (SELECT '{word}' AS word) SELECT count(*) FROM {NO_SECRET} JOIN w USING (word)"
        ),
        8 => format!(
            "CREATE TABLE vault_{n} (word text DEFAULT '{word}' CHECK (word <> '{word}c'), number bigint DEFAULT {number})"
        ),
        9 => format!("COMMENT ON TABLE {NO_SECRET} IS '{word}'"),
        10 => format!(
            "SELECT CASE WHEN word = '{word}' THEN {number} ELSE 1 END FROM {NO_SECRET} ORDER BY word = '{word}' LIMIT 1"
        ),
        11 => format!("DO $do$ BEGIN PERFORM '{word}', {number}; END $do$"),
        // Errors quote what they choke on.
        12 => format!("SELECT '{word}'::integer FROM {NO_SECRET}"),
        13 => format!(
            "INSERT INTO {NO_SECRET} (id, word) SELECT 1, '{word}' FROM {NO_SECRET} WHERE word = '{word}'::date::text"
        ),
        14 => format!("SET vault.setting = '{word}'"),
        _ => format!(
            "CREATE INDEX vault_{n}_word ON {NO_SECRET} (id) WHERE word = '{word}' OR number = {number}"
        ),
    }
}

/// A table full of secrets, among them the most frequent values, and definitions that name some.
async fn fill(database: &Cluster) -> Result<()> {
    let sql = format!(
        "CREATE TABLE {NO_SECRET} (id bigint, word text, number bigint);
         INSERT INTO {NO_SECRET}
         SELECT n, '{WORD}' || lpad((n % {SECRETS})::text, 4, '0') || 'x', {NUMBER}0000 + n % {SECRETS}
         FROM generate_series(1, 20000) AS n;
         CREATE VIEW vault_view AS SELECT id FROM {NO_SECRET} WHERE word = '{first}';
         ALTER TABLE {NO_SECRET} OWNER TO shop;
         ALTER VIEW vault_view OWNER TO shop;
         CREATE STATISTICS vault_statistics (mcv) ON word, number FROM {NO_SECRET};
         ANALYZE {NO_SECRET};
         ALTER ROLE shop SET search_path = public, '{second}'",
        first = word(1),
        second = word(2),
    );
    database.execute(fleet::DATABASE, &sql).await
}

/// Says every statement; those that are meant to fail do.
async fn work(connection: &mut PgConnection) -> usize {
    let mut failed = 0;
    for n in 0..SECRETS {
        let outcome = sqlx::raw_sql(AssertSqlSafe(statement(n))).execute(&mut *connection).await;
        failed += usize::from(outcome.is_err());
    }
    failed
}

/// The places of a file at which the secret word or number begins.
fn secrets_in(bytes: &[u8]) -> usize {
    let count = |needle: &[u8]| bytes.windows(needle.len()).filter(|window| *window == needle).count();
    // As text, and as the hexadecimal digits of text.
    let hex: String = WORD.bytes().map(|byte| format!("{byte:02x}")).collect();
    count(WORD.as_bytes()) + count(NUMBER.as_bytes()) + count(hex.as_bytes())
}

fn has(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// Every file below a directory, with its content.
fn files(directory: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).context("listing a directory")? {
        let path = entry.context("listing a directory")?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            found.push((path.display().to_string(), content));
        }
    }
    Ok(found)
}

/// Every row of every table of the store, as text.
async fn rows(view: &mut PgConnection) -> Result<Vec<(String, Vec<u8>)>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(table_name) FROM information_schema.tables
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1",
    )
    .fetch_all(&mut *view)
    .await?;
    ensure!(tables.len() > 20, "only {} tables", tables.len());
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} AS t");
        let content: String = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *view).await?.get(0);
        found.push((table, content.into_bytes()));
    }
    Ok(found)
}

fn start_agent(place: &Place) -> Result<Program> {
    let arguments = fleet::agent_arguments(place)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::start("querysmith-agent", &arguments, &place.file("agent.log"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_secrets_stay_on_the_database_host() -> Result<()> {
    ensure!(secrets_in(b"a cnry0001x, 4700470001 and 636e7279") == 3, "what is looked for would be found");
    let watched = Cluster::start(Options::default())?;
    let store = Cluster::start(Options::default())?;
    store.create_database("store").await?;
    fleet::prepare(&watched).await?;
    fill(&watched).await?;

    let root = std::env::temp_dir().join(format!("qs-secrets-{}", std::process::id()));
    let place = Place::open(&root)?;
    let plan = Plan { store: Some(store.url("store")), pace: Pace::Often, ..Plan::new(0.0, 0) };
    let (mut controller, addresses): (Program, Addresses) = fleet::start_controller(&place, &plan)?;
    fleet::enrol(&place, &watched, &addresses, &plan).await?;
    let plan = Plan { link: addresses.link.clone(), ..plan };

    // First without a controller, so that everything that is to be sent is on the disk.
    controller.stop()?;
    let mut agent = start_agent(&place)?;
    let mut app = PgConnection::connect(&watched.url_as("shop", fleet::DATABASE)).await?;
    let began = Instant::now();
    let spool = place.agent().join("spool.redb");
    loop {
        let failed = work(&mut app).await;
        ensure!((50..SECRETS / 2).contains(&failed), "{failed} statements failed");
        let waiting = fs::read(&spool).unwrap_or_default();
        // Texts, plans and the schema.
        let parts = ["UPDATE vault_of_things", "Seq Scan", "vault_15_word"];
        let missing: Vec<_> = parts.iter().filter(|part| !has(&waiting, part)).collect();
        if missing.is_empty() {
            break;
        }
        if began.elapsed() > LIMIT {
            bail!("{missing:?} was not collected within {LIMIT:?}: {}", agent.end_of_log());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    agent.kill()?;
    let spooled = files(&place.agent())?;
    ensure!(spooled.iter().any(|(_, content)| has(content, NO_SECRET)), "the spool can be read");
    for (file, content) in &spooled {
        assert_eq!(secrets_in(content), 0, "{file}");
    }

    // Then with one, until its store has all of it.
    let mut controller = fleet::start_controller(&place, &plan)?.0;
    let mut agent = start_agent(&place)?;
    let mut view = store.connect("store").await?;
    let complete = "SELECT count(*) > 8 AND (SELECT count(*) FROM plan) > 5 FROM statement
                    WHERE text LIKE '%vault_of_things%'";
    let began = Instant::now();
    while !sqlx::query_scalar::<_, bool>(complete).fetch_one(&mut view).await? {
        work(&mut app).await;
        if began.elapsed() > LIMIT {
            bail!("not everything was stored within {LIMIT:?}: {}", agent.end_of_log());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    agent.stop()?;
    controller.stop()?;
    let stored = rows(&mut view).await?;
    ensure!(
        stored.iter().filter(|(_, content)| has(content, NO_SECRET)).count() >= 3,
        "the store can be read"
    );
    for (table, content) in &stored {
        assert_eq!(secrets_in(content), 0, "table {table}");
    }
    for log in ["agent.log", "controller.log"] {
        assert_eq!(secrets_in(&fs::read(place.file(log))?), 0, "{log}");
    }
    let bytes: usize = stored.iter().chain(&spooled).map(|(_, content)| content.len()).sum();
    println!("{{\"secrets\":{},\"bytes_searched\":{bytes},\"found\":0}}", 2 * SECRETS);
    drop(place);
    fs::remove_dir_all(&root).context("removing the test's directory")
}
