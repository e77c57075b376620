//! The rules of layout that no compiler keeps: how long a file may be, what it may be called, and which
//! crate may be named where. ARCHITECTURE.md gives the reasons.

use std::path::Path;
use std::process::Command;

/// A file above this holds a second idea. Unit tests at its end do not count.
const MOST_LINES: usize = 400;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "misc", "manager", "stuff", "base"];

/// A crate or module (as it stands in source) and the folders that may name it.
const HOMES: [(&str, &[&str]); 11] = [
    ("bincode::", &["shared/src/wire/codec.rs"]),
    ("quinn::", &["shared/link/src/", "agent/src/link/", "controller/src/fleet/"]),
    ("sqlx::", &["agent/src/engines/", "controller/src/store/", "controller/src/ingest/"]),
    ("actix_web::", &["controller/src/api/", "controller/src/startup.rs"]),
    ("rcgen::", &["agent/src/link/", "controller/src/fleet/"]),
    ("redb::", &["agent/src/link/", "agent/src/apply/"]),
    ("pg_query::", &["controller/advice/src/"]),
    ("toml::", &["shared/configuration/src/", "agent/src/apply/allow_list/"]),
    // Nothing in the controller depends on its outside, or on when things are done.
    ("crate::api::", &["controller/src/api/", "controller/src/startup", "controller/src/cli"]),
    ("crate::jobs::", &["controller/src/jobs/", "controller/src/startup"]),
    ("crate::startup::", &["controller/src/startup", "controller/src/cli", "agent/src/"]),
];

/// Text that must not stand in the project, with the reason.
const BANNED: [(&str, &str); 7] = [
    (concat!("todo", "!("), "unfinished work is left out, not marked"),
    (concat!("unimplemented", "!("), "unfinished work is left out, not marked"),
    (concat!("FIX", "ME"), "mend it or say it in the documentation"),
    (concat!("TO", "DO"), "mend it or say it in the documentation"),
    (concat!("192.", "168."), "a private address"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
];

/// Crates whose code must not do I/O: their dependencies are pinned here.
const PURE: [(&str, &[&str]); 2] = [
    ("shared/Cargo.toml", &["bincode", "serde", "serde_json", "sha2", "thiserror", "uuid"]),
    (
        "controller/advice/Cargo.toml",
        &["querysmith-shared", "pg_query", "serde", "serde_json", "sha2", "statrs", "thiserror", "uuid"],
    ),
];

struct File {
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every text file of the project: tracked, or new and not ignored.
fn files() -> Vec<File> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there");
    assert!(listed.status.success(), "git ls-files failed");
    let listed = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let files: Vec<File> = listed
        .lines()
        .filter_map(|path| {
            let text = std::fs::read_to_string(root().join(path)).ok()?;
            Some(File { path: path.to_owned(), text })
        })
        .collect();
    assert!(files.len() > 50, "only {} files were found", files.len());
    files
}

fn is_source(path: &str) -> bool {
    [".rs", ".ts", ".tsx"].iter().any(|ending| path.ends_with(ending)) && !path.contains("generated")
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "e2e" | "test" | "benches"))
        || path.contains(".test.")
}

/// Lines up to the unit tests at the end of a file.
fn counted_lines(text: &str) -> usize {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.lines().count()
}

fn report(title: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{title}:\n  {}", faults.join("\n  "));
}

#[test]
fn no_file_is_too_long() {
    let faults: Vec<String> = files()
        .iter()
        .filter(|file| is_source(&file.path) && !is_test(&file.path))
        .filter(|file| counted_lines(&file.text) > MOST_LINES)
        .map(|file| format!("{}: {} lines", file.path, counted_lines(&file.text)))
        .collect();
    report("files with more than 400 lines", &faults);
}

#[test]
fn names_say_what_is_inside() {
    let faults: Vec<String> = files()
        .iter()
        .filter(|file| is_source(&file.path))
        .filter(|file| {
            file.path.split('/').any(|part| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default()))
        })
        .map(|file| file.path.clone())
        .collect();
    report("names that say nothing", &faults);
}

#[test]
fn crates_and_modules_are_named_at_home_only() {
    let mut faults = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with(".rs") && !is_test(&file.path)) {
        for (name, homes) in HOMES {
            let code = file.text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let named = code.clone().any(|line| line.contains(name));
            if named && !homes.iter().any(|home| file.path.starts_with(home)) {
                faults.push(format!("{} names {name}", file.path));
            }
        }
    }
    report("crates away from home", &faults);
}

#[test]
fn banned_text_is_absent() {
    let mut faults = Vec::new();
    for file in files().iter().filter(|file| !file.path.ends_with(".lock")) {
        for (text, reason) in BANNED {
            for (number, line) in file.text.lines().enumerate() {
                if line.contains(text) {
                    faults.push(format!("{}:{}: {text} ({reason})", file.path, number + 1));
                }
            }
        }
    }
    report("banned text", &faults);
}

#[test]
fn modules_say_what_they_are_for() {
    let faults: Vec<String> = files()
        .iter()
        .filter(|file| file.path.ends_with(".rs") && !file.path.ends_with("tests.rs"))
        .filter(|file| {
            !file.text.trim_start().starts_with("//!") && !file.text.trim_start().starts_with("#!")
        })
        .map(|file| file.path.clone())
        .collect();
    report("modules without a first sentence", &faults);
}

/// A name out of a private module has no other path.
fn is_only_path(text: &str, line: &str) -> bool {
    let module = line.trim_start().trim_start_matches("pub use ").split("::").next().unwrap_or_default();
    text.lines().any(|line| line == format!("mod {module};"))
}

#[test]
fn nothing_is_exported_twice() {
    let faults: Vec<String> = files()
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .flat_map(|file| {
            file.text
                .lines()
                .filter(|line| line.trim_start().starts_with("pub use "))
                .filter(|line| !is_only_path(&file.text, line))
                .map(|line| format!("{}: {}", file.path, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();
    report("re-exports (one path per type)", &faults);
}

#[test]
fn the_core_has_no_crates_for_io() {
    for (manifest, allowed) in PURE {
        let text = std::fs::read_to_string(root().join(manifest)).expect("the manifest is there");
        let dependencies = text.split("[dependencies]").nth(1).expect("it has dependencies");
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let name = line.split([' ', '.', '=']).next().unwrap_or_default();
            assert!(name.starts_with('#') || allowed.contains(&name), "{manifest} depends on {name}");
        }
    }
}

#[test]
fn no_test_waits_for_time_to_pass() {
    let faults: Vec<String> = files()
        .iter()
        .filter(|file| is_test(&file.path) && is_source(&file.path) && !file.path.contains("tests/src/"))
        .filter(|file| {
            ["waitForTimeout(", concat!("#[ign", "ore]")].iter().any(|text| file.text.contains(text))
                && !file.path.contains("/tidy/")
        })
        .map(|file| file.path.clone())
        .collect();
    report("fixed waits, or tests that are switched off without a reason", &faults);
}
