//! A parameter that a person asks for: checked against what the server takes, and drafted with what it means.

use querysmith_advice::evidence::{Evidence, KnownChange};
use querysmith_advice::propose::by_hand::{Part, Unfit, Wanted, Wish, draft, question};
use querysmith_advice::propose::how_tried::HowTried;
use querysmith_advice::propose::parameter::not_settable;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::change::{Change, ChangeKind};
use querysmith_shared::id::ChangeId;
use querysmith_shared::observation::settings::Setting;
use querysmith_shared::parameter::ParameterType;
use uuid::Uuid;

use crate::shop::{NOW, Run, add, add_fast, shop};

const CHANGE: ChangeId = ChangeId(Uuid::from_u128(9));

fn setting(name: &str, value: &str, unit: Option<&str>, value_type: ParameterType) -> Setting {
    Setting {
        name: name.into(),
        value: value.into(),
        unit: unit.map(Into::into),
        source: "default".into(),
        context: "user".into(),
        boot_value: Some(value.into()),
        min: None,
        max: None,
        pending_restart: false,
        value_type,
        choices: Vec::new(),
        by_alter_system: false,
    }
}

/// The shop with a few parameters.
fn server() -> Evidence {
    use ParameterType as T;
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "customer_orders_by_status", Run::new(4.0, 60.0, 13_200.0, 2.0), &["generic"]);
    let bounded = |setting: Setting, min: &str, max: &str| Setting {
        min: Some(min.into()),
        max: Some(max.into()),
        ..setting
    };
    evidence.parameters = vec![
        bounded(setting("work_mem", "4096", Some("kB"), T::Integer), "64", "2147483647"),
        bounded(setting("random_page_cost", "4", None, T::Real), "0", "1.79769e+308"),
        bounded(setting("vacuum_cost_delay", "0", Some("ms"), T::Real), "0", "100"),
        setting("jit", "on", None, T::Bool),
        Setting {
            choices: vec!["auto".into(), "force_generic_plan".into(), "force_custom_plan".into()],
            ..setting("plan_cache_mode", "auto", None, T::Enum)
        },
        Setting { context: "postmaster".into(), ..setting("max_connections", "200", None, T::Integer) },
        Setting { context: "sighup".into(), ..setting("archive_command", "", None, T::String) },
        Setting { context: "sighup".into(), ..setting("fsync", "on", None, T::Bool) },
        Setting { source: "command line".into(), ..setting("enable_sort", "on", None, T::Bool) },
        Setting { by_alter_system: true, ..setting("temp_buffers", "1024", Some("8kB"), T::Integer) },
        Setting { context: "superuser-backend".into(), ..setting("log_connections", "off", None, T::Bool) },
        setting("search_path", "public", None, T::String),
    ];
    evidence
}

fn wish(name: &str, value: &str) -> Wish {
    Wish {
        what: Wanted::SetParameter { name: name.into(), value: value.into(), tried: HowTried::BeforeAfter },
        by: "mara".into(),
        reason: "sorts spill".into(),
    }
}

fn set(evidence: &Evidence, name: &str, value: &str) -> SetParameter {
    let drafted = draft(evidence, &wish(name, value), Err("nobody was asked"), CHANGE).unwrap();
    let Change::SetParameter(set) = drafted.change else { panic!("{:?}", drafted.change) };
    set
}

#[test]
fn a_parameter_is_drafted_with_what_it_replaces_and_what_it_may_cost() {
    let evidence = server();
    let wish = wish(" Work_Mem", "64 MB");
    assert_eq!(question(&evidence, &wish), Ok(None), "there is nothing to ask the planner");
    let drafted = draft(&evidence, &wish, Err("nobody was asked"), CHANGE).unwrap();
    assert_eq!(
        (drafted.kind, drafted.title.as_str()),
        (ChangeKind::SetParameter, "Set work_mem to 64MB instead of 4MB")
    );
    assert!(drafted.reason.starts_with("Asked for by mara: sorts spill. "), "{}", drafted.reason);
    assert_eq!((drafted.predicted, drafted.simulated), (None, false));
    // The busiest first: they are what a trial watches.
    assert!(
        drafted.statements.len() > 1 && drafted.statements[0].time_share > drafted.statements[1].time_share
    );
    let risks = drafted.risks.join(" ");
    assert!(risks.contains("with all 200 connections busy that is 12.5 GiB at the least"), "{risks}");
    assert!(risks.contains("nobody but a person keeps it"), "{risks}");
    let figures: Vec<String> =
        drafted.evidence.iter().map(|item| format!("{} {}", item.label, item.value)).collect();
    assert_eq!(figures, ["value now 4MB", "from default", "PostgreSQL's default 4MB"]);
    let Change::SetParameter(set) = drafted.change else { panic!() };
    assert_eq!((set.value.as_str(), set.replaces.as_str(), set.before), ("64MB", "4MB", None));
}

#[test]
fn values_become_one_form_and_what_alter_system_had_set_comes_back() {
    let evidence = server();
    for (name, value, expected) in [
        ("work_mem", "65536", "64MB"),
        ("work_mem", "1.5 GB", "1.5GB"),
        ("random_page_cost", "1.1", "1.1"),
        ("vacuum_cost_delay", "2", "2ms"),
        ("jit", "FALSE", "off"),
        ("plan_cache_mode", "Force_Custom_Plan", "force_custom_plan"),
    ] {
        assert_eq!(set(&evidence, name, value).value, expected, "{name} {value}");
    }
    let buffers = set(&evidence, "temp_buffers", "32MB");
    assert_eq!((buffers.replaces.as_str(), buffers.before.as_deref()), ("8MB", Some("8MB")));
}

#[test]
fn what_the_server_would_not_take_is_refused_with_the_part_at_fault() {
    let evidence = server();
    for (name, value, part, expected) in [
        ("work_memory", "64MB", Part::Parameter, "has no parameter work_memory"),
        ("archive_command", "true", Part::Parameter, "lets the server load or run code"),
        ("fsync", "off", Part::Parameter, "guards the data"),
        ("search_path", "x", Part::Parameter, "takes text"),
        ("max_connections", "300", Part::Parameter, "at a restart only"),
        ("log_connections", "on", Part::Parameter, "in new sessions only"),
        ("enable_sort", "off", Part::Parameter, "set by command line"),
        ("work_mem", "4 MB", Part::Value, "is 4MB already"),
        ("work_mem", "63kB", Part::Value, "a whole number with its unit, from 64kB to"),
        ("work_mem", "64 megs", Part::Value, "a whole number with its unit"),
        ("work_mem", "5s", Part::Value, "a whole number with its unit"),
        ("random_page_cost", "-1", Part::Value, "a number without a unit"),
        ("random_page_cost", "2MB", Part::Value, "a number without a unit"),
        ("vacuum_cost_delay", "1s", Part::Value, "from 0 to 100ms"),
        ("jit", "perhaps", Part::Value, "on or off"),
        ("plan_cache_mode", "never", Part::Value, "auto, force_generic_plan and force_custom_plan"),
    ] {
        let unfit = question(&evidence, &wish(name, value)).unwrap_err();
        assert_eq!(unfit.part(), part, "{unfit}");
        assert!(unfit.to_string().contains(expected), "{unfit}");
        assert_eq!(draft(&evidence, &wish(name, value), Err(""), CHANGE), Err(unfit));
    }
    let mut standby = server();
    standby.instance.in_recovery = true;
    assert_eq!(question(&standby, &wish("jit", "off")), Err(Unfit::Standby));
    let mut busy = server();
    busy.changes = vec![KnownChange {
        id: CHANGE,
        change: Change::SetParameter(set(&evidence, "jit", "off")),
        state: ChangeState::Trial,
        state_since: NOW,
        applied_at: None,
        verdict: None,
        evidence_digest: String::new(),
    }];
    assert_eq!(question(&busy, &wish("jit", "off")), Err(Unfit::UnderWay("jit".into())));
    assert_eq!(question(&busy, &wish("work_mem", "8MB")), Ok(None));
}

#[test]
fn the_list_of_settings_says_the_same() {
    let reasons: Vec<(String, bool)> = server()
        .parameters
        .iter()
        .map(|setting| (setting.name.clone(), not_settable(setting).is_none()))
        .filter(|(_, settable)| *settable)
        .collect();
    let names: Vec<&str> = reasons.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "work_mem",
            "random_page_cost",
            "vacuum_cost_delay",
            "jit",
            "plan_cache_mode",
            "enable_sort",
            "temp_buffers"
        ]
    );
}
