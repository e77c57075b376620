//! One message of each kind, and of each thing that a kind can say, with every field set.

pub(super) mod orders;
pub(super) mod reports;

use uuid::Uuid;

use crate::approval::{Approver, PublicKey};
use crate::engine::{Engine, Version};
use crate::id::InstanceId;
use crate::observation::instance::{Instance, Server};
use crate::timestamp::Timestamp;
use crate::wire::codec::{Message, encode};
use crate::wire::enrol::{Certificate, EnrolRequest, RenewRequest};
use crate::wire::link::{Hello, Refusal, RefusalCode, Welcome};
use crate::wire::report::{Lane, Stored};
use orders::{answers, orders};
use reports::{bodies, report};

/// Every sample: its name, and its frame.
pub(super) fn frames() -> Vec<(String, Vec<u8>)> {
    let mut frames = vec![
        frame("hello", &hello()),
        frame(
            "welcome",
            &Welcome { controller_version: "0.1.0".into(), telemetry_stored: 300, changes_stored: 2 },
        ),
        frame("refusal", &Refusal { code: RefusalCode::Revoked, reason: "was revoked".into() }),
        frame("renew_request", &RenewRequest { signing_request: "PEM".into() }),
        frame("certificate", &Certificate { certificate: "PEM".into(), authorities: "PEM PEM".into() }),
        frame("enrol_request", &enrol_request()),
        frame("stored", &Stored { lane: Lane::Changes, sequence: 70_000 }),
    ];
    frames.extend(bodies().into_iter().map(|(name, body)| frame(&format!("report-{name}"), &report(body))));
    frames.extend(orders().into_iter().map(|(name, order)| frame(&format!("order-{name}"), &order)));
    frames.extend(answers().into_iter().map(|(name, answer)| frame(&format!("answer-{name}"), &answer)));
    frames
}

fn frame<M: Message>(name: &str, message: &M) -> (String, Vec<u8>) {
    (format!("{name}.{}", M::SCHEMA), encode(message, 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10).unwrap())
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(super) fn instance() -> Instance {
    Instance {
        id: InstanceId(id(1)),
        name: "main".into(),
        environment: "production".into(),
        engine: Engine::PostgreSql,
        server: Some(Server {
            version: Version { major: 15, minor: 18 },
            system_identifier: "7300000000000000001".into(),
            started_at: Timestamp(1_700_000_000_000_000),
            in_recovery: false,
            databases: vec!["shop".into()],
            what_if: true,
            may_apply: true,
            approvers: vec![Approver { name: "dana".into(), keys: vec![PublicKey([0xcd; 32])] }],
        }),
    }
}

pub(super) fn hello() -> Hello {
    Hello {
        agent_version: "0.1.0".into(),
        host_name: "db1".into(),
        incarnation: u64::MAX,
        run: 7,
        obeyed: Some(orders::fence()),
        instances: vec![instance(), Instance { server: None, ..instance() }],
    }
}

fn enrol_request() -> EnrolRequest {
    EnrolRequest {
        secret: "s".into(),
        signing_request: "PEM".into(),
        host_name: "db1".into(),
        agent_version: "0.1.0".into(),
    }
}
