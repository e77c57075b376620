use serde::{Deserialize, Serialize};

use crate::error::ConfigError;
use crate::read::{parse, shown};
use crate::schema::Schema;
use crate::secret::Secret;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    pace: Pace,
    server: Vec<Server>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Pace {
    every_s: f64,
    paused: bool,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Server {
    name: String,
    port: u16,
    password: Option<Secret>,
    tables: Vec<String>,
    pace: Pace,
}

fn read(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let server = Server { password: Some(Secret::default()), ..Server::default() };
    let everything = Config { server: vec![server], ..Config::default() };
    let variables = pairs.iter().map(|(name, value)| (format!("TRIAL_{name}"), (*value).to_owned()));
    parse(text, &Schema::new(&everything, "TRIAL_", &["TRIAL_CONFIG"]), variables)
}

fn error(text: &str, pairs: &[(&str, &str)]) -> String {
    read(text, pairs).expect_err("the configuration is wrong").to_string()
}

#[test]
fn variables_reach_every_key_and_win() {
    let config = read(
        "[pace]\nevery_s = 1.0\n[[server]]\nname = 'a'",
        &[
            ("CONFIG", "for the command line"),
            ("PACE_EVERY_S", "2.5"),
            ("PACE_PAUSED", "true"),
            ("SERVER_0_PORT", "5432"),
            ("SERVER_0_TABLES", "a, b,"),
            ("SERVER_0_PACE_EVERY_S", "3"),
        ],
    )
    .unwrap();
    assert_eq!(config.pace, Pace { every_s: 2.5, paused: true });
    let server = &config.server[0];
    assert_eq!((server.name.as_str(), server.port), ("a", 5432));
    assert_eq!(server.tables, ["a", "b"]);
    assert!((server.pace.every_s - 3.0).abs() < 1e-9);
}

#[test]
fn sections_of_a_list_are_added_in_the_order_of_their_numbers() {
    let names: Vec<String> = (0..12).map(|number| format!("SERVER_{number}_NAME")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let config = read("", &pairs).unwrap();
    assert_eq!(config.server.iter().map(|server| server.name.clone()).collect::<Vec<_>>(), names);
    assert_eq!(error("", &[("SERVER_1_NAME", "b")]), "TRIAL_SERVER_1_NAME: there is no server 1");
}

#[test]
fn what_is_not_known_is_named_with_the_nearest() {
    for (text, variable, expected) in [
        ("[pace]\nevry_s = 1", None, "2: unknown key `pace.evry_s`, did you mean `every_s`?"),
        ("[[server]]\n\nnam = 'a'", None, "3: unknown key `server.nam`, did you mean `name`?"),
        ("qqq = 1", None, "1: unknown key `qqq`"),
        (
            "",
            Some("SERVER_7_PORTS"),
            "unknown environment variable TRIAL_SERVER_7_PORTS, did you mean `TRIAL_SERVER_7_PORT`?",
        ),
        (
            "",
            Some("SERVER_PORT"),
            "unknown environment variable TRIAL_SERVER_PORT, did you mean `TRIAL_SERVER_0_PORT`?",
        ),
    ] {
        let variable: Vec<(&str, &str)> = variable.map(|name| (name, "1")).into_iter().collect();
        assert_eq!(error(text, &variable), expected);
    }
}

#[test]
fn a_value_of_the_wrong_type_says_what_it_must_be_and_never_itself() {
    assert_eq!(error("", &[("SERVER_0_PORT", "hunter2")]), "TRIAL_SERVER_0_PORT must be a whole number");
    assert_eq!(error("", &[("PACE_EVERY_S", "hunter2")]), "TRIAL_PACE_EVERY_S must be a number");
    assert_eq!(error("", &[("PACE_PAUSED", "hunter2")]), "TRIAL_PACE_PAUSED must be true or false");
    let wrong = error("[[server]]\nport = 'hunter2'", &[]);
    assert!(wrong.starts_with("2: ") && !wrong.contains("hunter2"), "{wrong}");
}

#[test]
fn what_is_shown_has_no_secret_in_it() {
    let config = read("[[server]]\npassword = 'hunter2'", &[]).unwrap();
    assert!(shown(&config).contains("password = \"****\""), "{}", shown(&config));
    assert!(!format!("{config:?}").contains("hunter2"));
}
