//! Bytes that nobody honest sends: an error each time, quickly, without a panic and without memory that
//! the bytes do not pay for.

use std::time::{Duration, Instant};

use super::samples::{frames, hello, instance};
use super::{Bad, Envelope, EnvelopeError, HEADER_BYTES, Kind, read};
use crate::observation::query_stats::{MAX_ROWS, QueryStats};
use crate::wire::codec::{CodecError, decode_body, encode, encode_body};
use crate::wire::link::{Hello, MAX_INSTANCES, Welcome};
use crate::wire::order::Order;
use crate::wire::report::{Report, ReportBody};

fn framed(kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut frame = Envelope::new(kind, 1, 0, body.len()).to_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// A length as bincode writes it, with nine bytes.
fn length(number: u64) -> Vec<u8> {
    let mut bytes = vec![253];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
fn every_truncation_of_every_message_is_an_error() {
    for (name, frame) in frames() {
        for end in 0..frame.len() {
            assert!(matches!(read(&frame[..end]), Err(Bad::Truncated)), "{name} cut at {end}");
        }
        // The envelope shortened with the body: now the body itself is too short.
        for end in HEADER_BYTES..frame.len() {
            let kind = read(&frame).unwrap().0.kind;
            let outcome = read(&framed(kind, &frame[HEADER_BYTES..end]));
            assert!(matches!(outcome, Err(Bad::Body(_))), "{name} with {end} bytes: {outcome:?}");
        }
    }
}

#[test]
fn bytes_behind_a_message_are_an_error() {
    for (name, frame) in frames() {
        let kind = read(&frame).unwrap().0.kind;
        let mut body = frame[HEADER_BYTES..].to_vec();
        body.push(0);
        let outcome = read(&framed(kind, &body));
        assert!(matches!(outcome, Err(Bad::Body(CodecError::TrailingBytes(1)))), "{name}: {outcome:?}");
    }
}

#[test]
fn an_envelope_that_is_none_is_named() {
    let good = Envelope::new(Kind::Stored, 1, 5, 3).to_bytes();
    let check = |at: usize, byte: u8, expected: EnvelopeError| {
        let mut bytes = good;
        bytes[at] = byte;
        assert_eq!(Envelope::from_bytes(&bytes), Err(expected));
    };
    check(0, 0, EnvelopeError::WrongMagic);
    check(4, 2, EnvelopeError::UnknownProtocol(2));
    check(6, 200, EnvelopeError::UnknownKind { kind: 200, body_bytes: 3 });
    check(30, 1, EnvelopeError::TooLong { bytes: 3 + (1 << 16), limit: 64 << 10 });
    // Flags are passed over, so that a later version may use them.
    let mut flagged = good;
    flagged[10] = 255;
    assert_eq!(Envelope::from_bytes(&flagged).unwrap().body_bytes, 3);
}

#[test]
fn each_kind_has_a_limit_that_is_checked_before_its_body() {
    for kind in Kind::ALL {
        let at = |bytes| Envelope::from_bytes(&Envelope::new(kind, 1, 0, bytes).to_bytes());
        assert_eq!(at(kind.limit()).unwrap().body_bytes, kind.limit());
        let over = kind.limit() + 1;
        assert_eq!(at(over), Err(EnvelopeError::TooLong { bytes: over, limit: kind.limit() }));
    }
    let mut unknown = Envelope::new(Kind::Stored, 1, 0, usize::MAX).to_bytes();
    unknown[6] = 99;
    assert!(matches!(Envelope::from_bytes(&unknown), Err(EnvelopeError::TooLong { .. })));
}

#[test]
fn a_message_longer_than_its_kind_allows_is_not_written() {
    let welcome =
        Welcome { controller_version: "x".repeat(65 << 10), telemetry_stored: 0, changes_stored: 0 };
    assert!(matches!(encode(&welcome, 0), Err(CodecError::TooLong { .. })));
}

#[test]
fn lists_and_texts_of_any_announced_length_are_refused_at_once() {
    let begun = Instant::now();
    for number in [1 << 20, 1 << 32, 1 << 40, u64::MAX] {
        // A text: the agent's version, first in a hello.
        assert!(decode_body::<Hello>(&length(number)).is_err());
        // A list: the instances, last in a hello.
        let mut body = encode_body(&Hello { instances: Vec::new(), ..hello() }).unwrap();
        body.pop();
        body.extend(length(number));
        assert!(decode_body::<Hello>(&body).is_err());
        // Rows of statistics: behind the two ends of the window.
        let mut body = vec![0, 0];
        body.extend(length(number));
        body.extend([0; 100]);
        assert!(decode_body::<QueryStats>(&body).is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn one_element_more_than_allowed_is_refused() {
    let fits = Hello { instances: vec![instance(); MAX_INSTANCES], ..hello() };
    assert!(decode_body::<Hello>(&encode_body(&fits).unwrap()).is_ok());
    let over = Hello { instances: vec![instance(); MAX_INSTANCES + 1], ..hello() };
    assert!(matches!(decode_body::<Hello>(&encode_body(&over).unwrap()), Err(CodecError::Malformed(_))));

    let rows = |count| QueryStats {
        rows: vec![super::samples::reports::delta(1); count],
        ..super::samples::reports::query_stats()
    };
    assert!(decode_body::<QueryStats>(&encode_body(&rows(MAX_ROWS)).unwrap()).is_ok());
    assert!(decode_body::<QueryStats>(&encode_body(&rows(MAX_ROWS + 1)).unwrap()).is_err());
}

#[test]
fn what_only_a_later_version_says_is_an_error_not_a_guess() {
    // A variant that does not exist yet, in an order and in a report.
    assert!(matches!(decode_body::<Order>(&[200]), Err(CodecError::Malformed(_))));
    let report =
        super::samples::reports::report(ReportBody::Change(super::samples::reports::change_report()));
    let mut body = encode_body(&report).unwrap();
    let at = body.len() - encode_body(&report.body).unwrap().len();
    assert_eq!(body[at], 12, "changes are the thirteenth body");
    body[at] = 13;
    assert!(matches!(decode_body::<Report>(&body), Err(CodecError::Malformed(_))));
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    assert!(decode_body::<Hello>(&[2, 0xff, 0xfe, 0, 0, 0, 0]).is_err());
}
