//! Frames that no honest agent sends: the listener must bound what they cost, say what is wrong, and go on.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use querysmith_shared::wire::codec::encode;
use querysmith_shared::wire::envelope::{Envelope, HEADER_BYTES, Kind, MAX_BODY_BYTES};
use querysmith_shared::wire::link::{Hello, RefusalCode, Welcome};
use querysmith_shared::wire::report::{Lane, Report, ReportBody, Stored};
use querysmith_shared::wire::{ALPN_ENROL, ALPN_LINK};
use quinn::{Connection, Endpoint, WriteError};

use super::raw;
use super::world::{Controller, Place, host, now, soon};

fn report(sequence: u64) -> Report {
    let at = now();
    Report { lane: Lane::Telemetry, sequence, made_at: at, instance: None, body: ReportBody::Host(host(at)) }
}

/// The listener still welcomes an honest agent.
async fn still_works(controller: &Controller) {
    let (_endpoint, connection, agent) = raw::welcomed(controller).await;
    let answer = raw::ask(&connection, &encode(&report(1), 1).unwrap()).await;
    assert_eq!(raw::read::<Stored>(answer).unwrap(), Stored { lane: Lane::Telemetry, sequence: 1 });
    assert!(controller.fleet.is_connected(agent));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_instead_of_a_hello_closes_the_connection_with_a_reason() {
    let controller = Controller::start().await;
    let agent = querysmith_shared::id::AgentId(uuid::Uuid::now_v7());
    controller.memory.add_agent(agent);
    for (bytes, expected) in [
        (vec![0xa5; 4096], "not of this protocol"),
        (encode(&report(1), 1).unwrap(), "not known here"),
        (Envelope::new(Kind::Hello, 1, 0, 100).to_bytes().to_vec(), "ended inside a frame"),
        (Envelope::new(Kind::Hello, 1, 0, MAX_BODY_BYTES).to_bytes().to_vec(), "more than the"),
    ] {
        let identity = raw::identity(&controller.authority(), agent);
        let (_endpoint, connection) = raw::connect(&controller, ALPN_LINK, Some(identity)).await;
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        send.write_all(&bytes).await.unwrap();
        send.finish().unwrap();
        let reason = raw::closed(&connection).await;
        assert!(reason.contains(expected), "{reason}");
    }
    still_works(&controller).await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_on_later_streams_are_refused_there() {
    let controller = Controller::start().await;
    let (_endpoint, connection, agent) = raw::welcomed(&controller).await;
    let mut unknown_kind = Envelope::new(Kind::Report, 1, 7, 3).to_bytes().to_vec();
    unknown_kind[6..8].copy_from_slice(&12_345_u16.to_le_bytes());
    unknown_kind.extend_from_slice(b"abc");
    let mut trailing = encode(&report(1), 1).unwrap();
    let body = trailing.len() - HEADER_BYTES + 1;
    trailing[28..32].copy_from_slice(&u32::try_from(body).unwrap().to_le_bytes());
    trailing.push(0);
    for (bytes, code) in [
        (vec![0; HEADER_BYTES], RefusalCode::Malformed),
        (unknown_kind, RefusalCode::Unsupported),
        (trailing, RefusalCode::Malformed),
        (encode(&Stored { lane: Lane::Telemetry, sequence: 1 }, 0).unwrap(), RefusalCode::Unsupported),
        (Envelope::new(Kind::Report, 1, 0, 5 << 20).to_bytes().to_vec(), RefusalCode::Malformed),
        (Envelope::new(Kind::Report, 1, 0, 50).to_bytes().to_vec(), RefusalCode::Malformed),
    ] {
        let refused = raw::read::<Stored>(raw::ask(&connection, &bytes).await).unwrap_err();
        assert_eq!(refused.code, code, "{refused}");
    }
    // The same connection goes on.
    let answer = raw::ask(&connection, &encode(&report(1), 1).unwrap()).await;
    assert_eq!(raw::read::<Stored>(answer).unwrap().sequence, 1);
    assert!(controller.fleet.is_connected(agent));
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_report_in_a_lane_is_refused_by_its_number_and_the_lane_goes_on() {
    let controller = Controller::start().await;
    let (_endpoint, connection, _) = raw::welcomed(&controller).await;
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let mut broken = Envelope::new(Kind::Report, 1, 2, 3).to_bytes().to_vec();
    broken.extend_from_slice(&[9, 9, 9]);
    send.write_all(&encode(&report(1), 1).unwrap()).await.unwrap();
    send.write_all(&broken).await.unwrap();
    send.write_all(&encode(&report(3), 3).unwrap()).await.unwrap();
    let mut refused = None;
    let mut stored = 0;
    while refused.is_none() || stored < 3 {
        let (envelope, body) = soon("an answer", raw::frame(&mut receive)).await.unwrap();
        match envelope.kind {
            Kind::Refusal => refused = Some(envelope.message_id),
            _ => stored = raw::read::<Stored>(Some((envelope, body))).unwrap().sequence,
        }
    }
    assert_eq!(refused, Some(2));
    assert_eq!(controller.memory.stored(Lane::Telemetry), [1, 3]);

    // Numbers that do not rise end the lane.
    send.write_all(&encode(&report(3), 3).unwrap()).await.unwrap();
    let refused = raw::read::<Stored>(soon("an answer", raw::frame(&mut receive)).await).unwrap_err();
    assert!(refused.reason.contains("does not follow"), "{refused}");
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_frame_is_given_up_and_the_others_are_not_held_up() {
    let controller = Controller::start().await;
    let (_endpoint, connection, _) = raw::welcomed(&controller).await;
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(&encode(&report(1), 1).unwrap()[..20]).await.unwrap();
    let begun = Instant::now();
    still_works(&controller).await;
    let refused = raw::read::<Stored>(soon("an answer", raw::frame(&mut receive)).await).unwrap_err();
    assert!(refused.reason.contains("was not complete within"), "{refused}");
    assert!(begun.elapsed() > Duration::from_secs(8), "{:?}", begun.elapsed());
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_at_enrolment_is_refused() {
    let controller = Controller::start().await;
    let long = Envelope::new(Kind::Answer, 1, 0, MAX_BODY_BYTES).to_bytes().to_vec();
    for bytes in [vec![0xff; 100], encode(&raw::hello(), 0).unwrap(), Vec::new(), long] {
        let (_endpoint, connection) = raw::connect(&controller, ALPN_ENROL, None).await;
        let refused = raw::read::<Welcome>(raw::ask(&connection, &bytes).await).unwrap_err();
        assert!(matches!(refused.code, RefusalCode::Malformed | RefusalCode::Unsupported), "{refused}");
    }
    still_works(&controller).await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_with_another_spool_needs_a_new_connection() {
    let controller = Controller::start().await;
    let (_endpoint, connection, _) = raw::welcomed(&controller).await;
    let other = Hello { incarnation: 2, ..raw::hello() };
    let refused = raw::read::<Welcome>(raw::ask(&connection, &encode(&other, 0).unwrap()).await).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Malformed);
    controller.fleet.shutdown().await;
}

/// Bytes that a connection takes at this moment.
async fn taken_now(connection: &Connection) -> usize {
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    let mut taken = 0;
    loop {
        match send.write(&[0; 64 << 10]).now_or_never() {
            Some(Ok(written)) => taken += written,
            // The controller has read enough to know better.
            Some(Err(WriteError::Stopped(_))) | None => break,
            Some(Err(error)) => panic!("{error}"),
        }
    }
    let _ = send.reset(0_u8.into());
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_has_little_room_and_an_agent_has_much() {
    let controller = Controller::start().await;
    let (_endpoint, stranger) = raw::connect(&controller, ALPN_ENROL, None).await;
    let taken = taken_now(&stranger).await;
    assert!((1..=128 << 10).contains(&taken), "{taken} bytes");

    let (_agents_endpoint, connection, _) = raw::welcomed(&controller).await;
    let wide = async { while taken_now(&connection).await < 2 << 20 {} };
    soon("an agent's room", wide).await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_enrolments_open_gets_a_few_places_only() {
    let controller = Controller::start().await;
    let mut idle: Vec<(Endpoint, Connection)> = Vec::new();
    let reason = |connection: &Connection| connection.close_reason().map(|reason| reason.to_string());
    let fill = async {
        let full = |connection: &Connection| {
            reason(connection).is_some_and(|reason| reason.contains("too many enrolments at a time"))
        };
        while !idle.iter().any(|(_, connection)| full(connection)) {
            // Those that came too quickly were sent away.
            idle.retain(|(_, connection)| full(connection) || reason(connection).is_none());
            idle.push(raw::connect(&controller, ALPN_ENROL, None).await);
        }
    };
    soon("a refusal", fill).await;
    // Agents that are enrolled come in as before.
    still_works(&controller).await;
    // A place is free again as soon as its holder is gone.
    for (_, connection) in &idle {
        connection.close(0_u8.into(), b"");
    }
    let state = Place::new();
    let token = controller.token(Duration::from_secs(60));
    while controller.enrol(&token, &state).await.is_err() {}
    controller.fleet.shutdown().await;
}
