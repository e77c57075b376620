use uuid::Uuid;

use super::*;

fn set() -> SetParameter {
    SetParameter { name: "work_mem".into(), value: "64MB".into(), replaces: "4MB".into(), before: None }
}

fn facts() -> ParameterFacts {
    ParameterFacts {
        value_type: ParameterType::Integer,
        unit: Some("kB".into()),
        context: "user".into(),
        value: "4096".into(),
        source: "default".into(),
        role: "qs_apply".into(),
        may_set: Some(true),
        is_superuser: false,
        may_reload: true,
        alter_system_is_on: true,
        files: Some(FileFacts::default()),
        overrides: vec!["role app in database shop".into()],
    }
}

fn files(by_alter_system: Option<&str>) -> FileFacts {
    FileFacts { by_alter_system: by_alter_system.map(str::to_owned), ..FileFacts::default() }
}

#[test]
fn fit_ground_is_kept_as_it_was() {
    let PreImage::Parameter(found) = survey(&set(), Some(&facts()), None).unwrap() else { panic!() };
    assert_eq!((found.value.as_str(), found.by_alter_system.as_deref()), ("4MB", None));
    let text = PreImage::Parameter(found).to_string();
    assert_eq!(
        text,
        "4MB is in force (default); ALTER SYSTEM had not set it, and the undo takes it out; values of their own keep \
         role app in database shop"
    );
    let before = SetParameter { before: Some("4MB".into()), ..set() };
    let facts = ParameterFacts { files: Some(files(Some("4096kB"))), ..facts() };
    let found = survey(&before, Some(&facts), None).unwrap();
    assert!(found.to_string().contains("the undo sets 4096kB again"), "{found}");
    let written = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<PreImage>(&written).unwrap(), found);
}

#[test]
fn what_speaks_against_it_is_said_with_the_remedy() {
    let refused = |alter: &dyn Fn(&mut ParameterFacts), expected: &str| {
        let mut facts = facts();
        alter(&mut facts);
        let reason = survey(&set(), Some(&facts), None).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    };
    refused(&|facts| facts.value_type = ParameterType::String, "takes text");
    refused(&|facts| facts.context = "postmaster".into(), "at a restart only");
    refused(&|facts| facts.context = "backend".into(), "in new sessions only");
    refused(&|facts| facts.context = "internal".into(), "can't be set");
    refused(&|facts| facts.alter_system_is_on = false, "allow_alter_system");
    refused(&|facts| facts.may_set = Some(false), "GRANT ALTER SYSTEM ON PARAMETER work_mem TO qs_apply");
    refused(&|facts| facts.may_set = None, "before PostgreSQL 15");
    refused(&|facts| facts.may_reload = false, "pg_reload_conf() TO qs_apply");
    refused(&|facts| facts.files = None, "GRANT SELECT ON pg_catalog.pg_file_settings");
    refused(&|facts| facts.source = "command line".into(), "the server's command line");
    refused(&|facts| facts.source = "session".into(), "the agent's own session");
    refused(&|facts| facts.value = "65536".into(), "is 64MB already");
    refused(&|facts| facts.value = "8192".into(), "is 8MB by now, and was 4MB");
    refused(&|facts| facts.files = Some(files(Some("4MB"))), "sets it to 4MB by now");
    let waiting = FileFacts { waiting: vec!["jit".into()], ..files(None) };
    refused(&|facts| facts.files = Some(waiting.clone()), "what else waits in the server's files: jit");
    let broken = FileFacts { broken: Some("postgresql.conf:9".into()), ..files(None) };
    refused(&|facts| facts.files = Some(broken.clone()), "an error at postgresql.conf:9");
    let patroni = FileFacts { of_patroni: true, ..files(None) };
    refused(&|facts| facts.files = Some(patroni.clone()), "patronictl");

    assert!(survey(&set(), None, None).unwrap_err().contains("no parameter work_mem"));
    for (theirs, expected) in [("work_mem", "set work_mem, and isn't finished"), ("jit", "for itself")] {
        let rival = Rival { change: ChangeId(Uuid::from_u128(9)), name: theirs.into() };
        let reason = survey(&set(), Some(&facts()), Some(&rival)).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }
    let superuser = ParameterFacts { may_set: None, is_superuser: true, ..facts() };
    assert!(survey(&set(), Some(&superuser), None).is_ok());
}

/// Every mixture of what the file says and what is in force.
#[test]
fn what_there_is_of_it_is_told_from_file_and_force() {
    let of = |before: Option<&str>, file: Option<&str>, force: &str| {
        let set = SetParameter { before: before.map(str::to_owned), ..set() };
        object(&set, &ParameterFacts { value: force.into(), ..facts() }, &files(file))
    };
    for (before, file, force, expected) in [
        (None, Some("64MB"), "65536", "after"),
        (None, Some("65536kB"), "65536", "after"),
        (None, Some("64MB"), "4096", "partial"),
        (None, None, "65536", "partial"),
        (None, None, "4096", "before"),
        // Somebody edited postgresql.conf: what the change did is gone all the same.
        (None, None, "8192", "before"),
        (None, Some("8MB"), "8192", "foreign"),
        (Some("8MB"), Some("64MB"), "65536", "after"),
        (Some("8MB"), Some("8MB"), "8192", "before"),
        (Some("8MB"), Some("8MB"), "65536", "partial"),
        (Some("8MB"), Some("16MB"), "16384", "foreign"),
        (Some("8MB"), None, "4096", "foreign"),
    ] {
        let found = match of(before, file, force) {
            Object::Before => "before",
            Object::Partial => "partial",
            Object::After(_) => "after",
            Object::Foreign(_) => "foreign",
        };
        assert_eq!(found, expected, "before {before:?}, file {file:?}, in force {force}");
    }
}
