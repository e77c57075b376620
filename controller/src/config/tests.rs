use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let config = Config::parse(text, variables(pairs))?;
    config.check()?;
    Ok(config)
}

fn error(text: &str, pairs: &[(&str, &str)]) -> String {
    read(text, pairs).expect_err("the configuration is wrong").to_string()
}

#[test]
fn nothing_points_outside_the_machine_by_default() {
    let config = read("", &[]).unwrap();
    assert!(config.http.listen.ip().is_loopback());
    assert!(config.link.listen.ip().is_loopback());
    assert_eq!((config.http.listen.port(), config.link.listen.port()), (7430, 7431));
    assert_eq!(config.store.url, None);
}

#[test]
fn what_is_printed_can_be_read_again() {
    let config = read("[http]\nlisten = '127.0.0.1:0'\n[retention]\nminutes_days = 7", &[]).unwrap();
    assert_eq!(read(&config.effective(), &[]).unwrap(), config);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_one() {
    for (text, expected) in [
        ("[http]\nlisen = 'x'", "2: unknown key `http.lisen`, did you mean `listen`?"),
        ("\n[htp]\n", "2: unknown key `htp`, did you mean `http`?"),
        ("qqq = 1", "1: unknown key `qqq`"),
    ] {
        assert_eq!(error(text, &[]), expected);
    }
    assert_eq!(
        error("", &[("QUERYSMITH_CONTROLLER_HTTP_LISEN", "x")]),
        "unknown environment variable QUERYSMITH_CONTROLLER_HTTP_LISEN, \
         did you mean `QUERYSMITH_CONTROLLER_HTTP_LISTEN`?"
    );
}

#[test]
fn the_environment_wins() {
    let config = read(
        "[http]\nlisten = '127.0.0.1:1'",
        &[
            ("QUERYSMITH_CONTROLLER_HTTP_LISTEN", "127.0.0.1:2"),
            ("QUERYSMITH_CONTROLLER_HTTP_OTHER_HOSTS", "a, b"),
            ("QUERYSMITH_CONTROLLER_DATA_DEMO", "true"),
            ("QUERYSMITH_CONTROLLER_CONFIG", "for the command line"),
            ("HOME", "/"),
        ],
    )
    .unwrap();
    assert_eq!(config.http.listen.port(), 2);
    assert_eq!(config.http.other_hosts, ["a", "b"]);
    assert!(config.data.demo);
}

#[test]
fn the_store_is_found_by_the_variables_of_other_programs_too() {
    fn url(pairs: &[(&str, &str)]) -> Option<String> {
        read("", pairs).unwrap().store.url.map(|url| url.expose().to_owned())
    }
    let parts = [
        ("POSTGRES_HOST", "db"),
        ("POSTGRES_DB", "observability"),
        ("POSTGRES_USER", "optimizer_user"),
        ("POSTGRES_PASSWORD", "p@ss/word"),
    ];
    assert_eq!(url(&parts).unwrap(), "postgres://optimizer_user:p%40ss%2Fword@db:5432/observability");
    assert_eq!(url(&[("DATABASE_URL", "postgres://a/b"), parts[0]]).unwrap(), "postgres://a/b");
    let own = ("QUERYSMITH_CONTROLLER_STORE_URL", "postgres://c/d");
    assert_eq!(url(&[("DATABASE_URL", "postgres://a/b"), own]).unwrap(), "postgres://c/d");
    assert_eq!(error("", &parts[..1]), "POSTGRES_HOST is set, but POSTGRES_DB is not");
    let with_port = |port| [parts[0], parts[1], parts[2], ("POSTGRES_PORT", port)];
    assert_eq!(url(&with_port("6432")).unwrap(), "postgres://optimizer_user@db:6432/observability");
    assert!(error("", &with_port("many")).contains("POSTGRES_PORT"), "{}", error("", &with_port("many")));
}

#[test]
fn a_store_without_a_host_is_not_taken_for_the_embedded_one() {
    let parts = [("POSTGRES_DB", "observability"), ("POSTGRES_USER", "optimizer_user")];
    let expected = "POSTGRES_DB, POSTGRES_USER set without POSTGRES_HOST: set it as well, or unset the rest";
    assert_eq!(error("", &parts), expected);
    assert!(read("[store]\nurl = 'postgres://a/b'", &parts).is_ok());
    assert!(read("", &[("POSTGRES_DB", "")]).is_ok());
}

#[test]
fn variables_without_an_effect_are_told() {
    let set = ["HOME", "ML_FEEDBACK_ENABLED", "OLLAMA_MODEL", "POSTGRES_HOST"].map(str::to_owned);
    assert_eq!(environment::unused(set), ["ML_FEEDBACK_ENABLED", "OLLAMA_MODEL"]);
}

#[test]
fn senseless_values_are_refused() {
    for (text, expected) in [
        ("[jobs]\ndetect = 'often'", "[jobs]: \"often\" is no cron expression with seconds"),
        ("[http]\ntls_key = 'k'", "`http.tls_certificate` and `http.tls_key` go together"),
        ("[store]\nurl = 'mysql://x'", "`store.url` must begin with postgres://"),
        ("[store]\nmax_connections = 1", "`store.max_connections` must be between 8 and 200"),
        (
            "[trials]\nwindow_s = 4",
            "`trials.window_s` must be from 5 (a few readings of the counters) to 7200",
        ),
        ("[trials]\nwashout_s = 7201", "`trials.washout_s` must be 7200 at most"),
        ("[trials]\npairs = 6", "`trials.pairs` must be from 7 (fewer can't show harm) to 500"),
        ("[proposals]\nexpire_after_h = 0", "`proposals.expire_after_h` must be at least 1"),
    ] {
        assert_eq!(error(text, &[]), expected);
    }
}

#[test]
fn no_secret_is_shown() {
    let config = read("[store]\nurl = 'postgres://u:hunter2@h/d'", &[]).unwrap();
    let shown = config.effective();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!format!("{config:?}").contains("hunter2"));
    let wrong = error("[store]\nmax_connections = 'hunter2'", &[]);
    assert!(!wrong.contains("hunter2"), "{wrong}");
}
