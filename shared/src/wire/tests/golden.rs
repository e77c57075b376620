//! The bytes of each message, written once and kept for ever: a released agent sends exactly these.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use super::samples::frames;
use super::{Kind, read};

/// Set to write the files of samples that have none; existing ones are never written.
const WRITE: &str = "QUERYSMITH_WRITE_GOLDEN";

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/golden"))
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        for byte in line {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn messages_are_written_as_they_always_were() {
    for (name, frame) in frames() {
        let path = directory().join(format!("{name}.hex"));
        if !path.exists() && std::env::var_os(WRITE).is_some() {
            fs::write(&path, to_hex(&frame)).unwrap();
        }
        let golden =
            fs::read_to_string(&path).unwrap_or_else(|_| panic!("{name} has no golden bytes; set {WRITE}"));
        assert_eq!(
            to_hex(&frame),
            golden,
            "{name}: a released message has changed; make a new schema instead"
        );
    }
}

#[test]
fn messages_of_every_released_layout_can_be_read() {
    let mut kinds = BTreeSet::new();
    let mut files = 0;
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let frame = from_hex(&fs::read_to_string(&path).unwrap());
        let (envelope, body) = read(&frame).unwrap_or_else(|bad| panic!("{}: {bad:?}", path.display()));
        assert_eq!(frame[super::HEADER_BYTES..], body, "{}: read and written again", path.display());
        kinds.insert(envelope.kind);
        files += 1;
    }
    assert_eq!(kinds, Kind::ALL.into_iter().collect(), "every kind has golden bytes");
    assert!(files >= frames().len(), "{files} files");
}

#[test]
fn the_envelope_is_where_it_always_was() {
    let (_, frame) = frames().remove(0);
    let before_the_length = "314d53510100010001000000100f0e0d0c0b0a090807060504030201";
    assert!(to_hex(&frame).starts_with(before_the_length), "{}", to_hex(&frame));
    let length = frame[28..32].try_into().unwrap();
    assert_eq!(frame.len() - 32, u32::from_le_bytes(length) as usize);
}
