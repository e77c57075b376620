//! Any bytes as what the other side may send: a frame, a join token, a plan. An error is fine; a panic,
//! an endless loop, or a message that changes when it is written and read again is not.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use querysmith_shared::observation::plan::PlanNode;
use querysmith_shared::wire::codec::{Message, decode_body, encode_body};
use querysmith_shared::wire::enrol::{Certificate, EnrolRequest, RenewRequest};
use querysmith_shared::wire::envelope::{Envelope, HEADER_BYTES, Kind};
use querysmith_shared::wire::link::{Hello, Refusal, Welcome};
use querysmith_shared::wire::order::{Answer, Order};
use querysmith_shared::wire::report::{Report, ReportBody, Stored};
use querysmith_shared::wire::token::JoinToken;

fuzz_target!(|bytes: &[u8]| {
    frame(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(token) = text.parse::<JoinToken>() {
            assert_eq!(token.to_string(), text.trim());
        }
        plan(text);
    }
});

fn frame(bytes: &[u8]) {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return };
    let Ok(envelope) = Envelope::from_bytes(header) else { return };
    // The announced length is not checked against the body's: bodies of any length must be safe.
    match envelope.kind {
        Kind::Hello => drop(message::<Hello>(body)),
        Kind::Welcome => drop(message::<Welcome>(body)),
        Kind::Refusal => drop(message::<Refusal>(body)),
        Kind::RenewRequest => drop(message::<RenewRequest>(body)),
        Kind::Certificate => drop(message::<Certificate>(body)),
        Kind::EnrolRequest => drop(message::<EnrolRequest>(body)),
        Kind::Stored => drop(message::<Stored>(body)),
        Kind::Order => drop(message::<Order>(body)),
        Kind::Answer => drop(message::<Answer>(body)),
        Kind::Report => {
            if let Some(Report { body: ReportBody::Plans(plans), .. }) = message::<Report>(body) {
                for text in plans.plans.iter().filter_map(|plan| plan.plan.as_ref().ok()) {
                    plan(text);
                }
            }
        }
    }
}

fn message<M: Message>(body: &[u8]) -> Option<M> {
    let message: M = decode_body(body).ok()?;
    let written = encode_body(&message).expect("what was read can be written");
    let again: M = decode_body(&written).expect("what was written can be read");
    assert_eq!(encode_body(&again).expect("what was read can be written"), written);
    Some(message)
}

fn plan(text: &str) {
    if let Ok(plan) = PlanNode::from_postgres_json(text) {
        let mut nodes = 0;
        plan.walk(&mut |node, _| {
            nodes += 1;
            assert!(!(node.own_cost() < 0.0));
        });
        assert!(nodes >= 1);
        plan.shape_hash();
    }
}
