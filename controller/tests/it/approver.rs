//! An approver's command line: a key of their own, and signatures that hosts accept.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use querysmith_link::signature::verify;
use querysmith_shared::approval::Signature;
use serde_json::Value;

use crate::program::Directory;

const TEXT: &str = "Querysmith approval, format 1\nchange: 1\n";

/// Exit code, standard output, standard error.
fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_querysmith-controller"))
        .arg("approver")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that needs no input may have ended before it was written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_key_is_made_kept_close_and_signs_only_approvals() {
    let directory = Directory::new();
    let file = directory.0.join("approver.pem");
    let path = file.to_str().unwrap();
    let (code, lines, told) = run(&["new-key", path], "");
    assert_eq!(code, 0, "{told}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, key, _) = run(&["key", path], "");
    assert!(lines.contains(&format!("keys = [\"{}\"]", key.trim())), "{lines}");
    assert!(!lines.contains("PRIVATE") && !told.contains("PRIVATE"));
    let (code, _, told) = run(&["new-key", path], "");
    assert!(code == 1 && told.contains("failed to create"), "a key is never written over: {told}");

    let (code, signed, told) = run(&["sign", "--key", path], TEXT);
    assert_eq!(code, 0, "{told}");
    let signed: Value = serde_json::from_str(&signed).unwrap();
    assert_eq!(signed["key"], key.trim());
    let signature =
        Signature::parse(key.trim().parse().unwrap(), signed["signature"].as_str().unwrap()).unwrap();
    assert!(verify(&signature, TEXT));

    for text in ["", "Querysmith approval, format 1", "{\"text\": \"Querysmith approval, format 1\\n\"}\n"] {
        let (code, signed, told) = run(&["sign", "--key", path], text);
        assert!(code == 1 && signed.is_empty() && told.contains("no approval's text"), "{text}: {told}");
    }
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let (code, _, told) = run(&["sign", "--key", path], TEXT);
    assert!(code == 1 && told.contains("chmod 600"), "{told}");
    let (code, _, told) = run(&["key", "/no/such/file"], "");
    assert!(code == 1 && told.contains("/no/such/file"), "{told}");
}
