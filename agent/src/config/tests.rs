use super::*;

const FILE: &str = r#"
[controller]
address = "controller:7431"

[[instance]]
name = "main"
url = "postgres://reader:secret@localhost/shop"
apply_url = "postgres://writer:secret@localhost/shop"

[instance.collectors.query_stats]
interval_s = 5
"#;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn error(text: &str, pairs: &[(&str, &str)]) -> String {
    let checked = Config::parse(text, variables(pairs));
    checked.expect_err("the configuration is wrong").to_string()
}

#[test]
fn a_file_is_read_and_the_rest_is_default() {
    let config = Config::parse(FILE, []).unwrap();
    let instance = &config.instances[0];
    assert_eq!(instance.interval(Collector::QueryStats), Duration::from_secs(5));
    assert_eq!(instance.interval(Collector::Settings), Duration::from_secs(300));
    assert_eq!(instance.databases, ["*"]);
    assert!(!instance.literals);
}

#[test]
fn the_sample_of_the_documentation_is_valid() {
    let config = Config::parse(&Config::parse(FILE, []).unwrap().effective(), []);
    assert!(config.is_ok(), "{config:?}");
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_one() {
    for (text, expected) in [
        ("[controller]\nadress = 'x'", "2: unknown key `controller.adress`, did you mean `address`?"),
        ("[controler]\n", "1: unknown key `controler`, did you mean `controller`?"),
        (
            "[[instance]]\nname = 'a'\n\n[instance.collectors.query_stat]\ninterval_s = 1",
            "4: unknown key `instance.collectors.query_stat`, did you mean `query_stats`?",
        ),
        ("zzz = 1", "1: unknown key `zzz`"),
    ] {
        assert_eq!(error(text, &[]), expected);
    }
}

#[test]
fn wrong_types_and_wrong_toml_say_their_line_and_no_value() {
    let wrong_type = error("[spool]\nmax_bytes = 'hunter2'", &[]);
    assert!(wrong_type.starts_with("2: "), "{wrong_type}");
    assert!(!wrong_type.contains("hunter2"), "{wrong_type}");
    assert!(error("[spool\n", &[]).starts_with("1: "));
}

#[test]
fn the_environment_wins_and_can_add_an_instance() {
    let config = Config::parse(
        FILE,
        variables(&[
            ("QUERYSMITH_AGENT_CONTROLLER_ADDRESS", "elsewhere:1"),
            ("QUERYSMITH_AGENT_BUDGET_CPU_FRACTION", "0.5"),
            ("QUERYSMITH_AGENT_INSTANCE_0_DATABASES", "a, b"),
            ("QUERYSMITH_AGENT_INSTANCE_0_COLLECTORS_PLANS_ENABLED", "false"),
            ("QUERYSMITH_AGENT_INSTANCE_1_NAME", "second"),
            ("QUERYSMITH_AGENT_CONFIG", "for the command line"),
            ("HOME", "/root"),
        ]),
    )
    .unwrap();
    assert_eq!(config.controller.address, "elsewhere:1");
    assert!((config.budget.cpu_fraction - 0.5).abs() < 1e-9);
    assert_eq!(config.instances[0].databases, ["a", "b"]);
    assert!(!config.instances[0].enabled(Collector::Plans));
    assert_eq!(config.instances[1].name, "second");
}

#[test]
fn an_unknown_variable_is_an_error_too() {
    assert_eq!(
        error(FILE, &[("QUERYSMITH_AGENT_CONTROLLER_ADDRES", "x")]),
        "unknown environment variable QUERYSMITH_AGENT_CONTROLLER_ADDRES, \
         did you mean `QUERYSMITH_AGENT_CONTROLLER_ADDRESS`?"
    );
    assert_eq!(
        error(FILE, &[("QUERYSMITH_AGENT_INSTANCE_0_PORTS", "1")]),
        "unknown environment variable QUERYSMITH_AGENT_INSTANCE_0_PORTS, \
         did you mean `QUERYSMITH_AGENT_INSTANCE_0_PORT`?"
    );
    assert_eq!(
        error(FILE, &[("QUERYSMITH_AGENT_INSTANCE_0_PORT", "x")]),
        "QUERYSMITH_AGENT_INSTANCE_0_PORT must be a whole number"
    );
}

#[test]
fn senseless_values_are_refused() {
    for (text, expected) in [
        ("[[instance]]\n", "an [[instance]] has no `name`"),
        ("[[instance]]\nname='a'\n[[instance]]\nname='a'", "two instances are named `a`"),
        (
            "[[instance]]\nname='a'\n[instance.collectors.plans]\ninterval_s = -1",
            "instance `a`: `collectors.plans.interval_s` must be between 0.1 and 86400",
        ),
    ] {
        assert_eq!(error(text, &[]), expected);
    }
}

#[test]
fn the_effective_configuration_has_no_secret_in_it() {
    let shown = Config::parse(FILE, []).unwrap().effective();
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("postgres://reader:****@localhost/shop"), "{shown}");
    assert!(shown.contains("max_bytes"), "{shown}");
}

use crate::collect::collector::Collector;
use std::time::Duration;
