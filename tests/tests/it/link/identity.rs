//! Who may speak: certificates of other authorities, expired, unknown, revoked, copied, renewed.

use std::time::{Duration, Instant};

use agent::link::identity::agent_id;
use querysmith_controller::fleet::authority::Authority;
use querysmith_controller::fleet::roster::FleetEvent;
use querysmith_shared::id::AgentId;
use querysmith_shared::wire::ALPN_LINK;
use querysmith_shared::wire::report::Lane;
use uuid::Uuid;

use super::log::{Side, has};
use super::proxy::Proxy;
use super::raw;
use super::world::{Agent, Controller, Place, now, soon, until, within, write_identity};

const DAY: Duration = Duration::from_secs(86_400);

/// An agent that the store knows, with a certificate made by the test.
fn known(controller: &Controller) -> (AgentId, Place) {
    let agent = AgentId(Uuid::now_v7());
    controller.memory.add_agent(agent);
    (agent, Place::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused() {
    let (controller, elsewhere) = (Controller::start().await, Place::new());
    let other = Authority::open(elsewhere.path(), now()).unwrap();
    let (id, state) = known(&controller);
    write_identity(&state, id, &other, &controller.authority(), now());
    let agent = Agent::run(id, state, controller.address);
    let parts = ["refused this agent", "not of the controller's authority"];
    until("the agent logs why", || has(Side::Agent, &parts)).await;
    until("the controller logs why", || has(Side::Controller, &["handshake refused", "UnknownIssuer"])).await;
    assert!(!controller.fleet.is_connected(id));
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_of_another_authority_is_not_trusted() {
    let (controller, elsewhere) = (Controller::start().await, Place::new());
    let other = Authority::open(elsewhere.path(), now()).unwrap();
    let (id, state) = known(&controller);
    write_identity(&state, id, &controller.authority(), &other, now());
    let agent = Agent::run(id, state, controller.address);
    until("the agent logs why", || has(Side::Agent, &["no link to the controller", "can't be trusted"]))
        .await;
    until("the controller logs why", || has(Side::Controller, &["handshake refused"])).await;
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused() {
    let controller = Controller::start().await;
    let (id, state) = known(&controller);
    let authority = controller.authority();
    write_identity(&state, id, &authority, &authority, now().before(8 * DAY));
    let agent = Agent::run(id, state, controller.address);
    until("the agent logs why", || has(Side::Agent, &["refused this agent", "Expired"])).await;
    until("the controller logs why", || has(Side::Controller, &["handshake refused", "certificate expired"]))
        .await;
    assert!(!controller.fleet.is_connected(id));
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_agent_and_one_without_a_certificate_are_refused() {
    let controller = Controller::start().await;
    let (id, state) = (AgentId(Uuid::now_v7()), Place::new());
    let authority = controller.authority();
    write_identity(&state, id, &authority, &authority, now());
    let agent = Agent::run(id, state, controller.address);
    until("the agent logs why", || has(Side::Agent, &["refused this agent", "is not enrolled here"])).await;
    until("the controller logs why", || has(Side::Controller, &["agent refused", "is not enrolled here"]))
        .await;
    agent.stop().await;

    let (_endpoint, connection) = raw::connect(&controller, ALPN_LINK, None).await;
    let reason = raw::closed(&connection).await;
    assert!(reason.contains("needs an agent's certificate"), "{reason}");
    until("it is logged", || has(Side::Controller, &["agent refused", "needs an agent's certificate"])).await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agent_loses_its_live_connection_at_once_and_stays_out() {
    let controller = Controller::start().await;
    let agent = controller.agent().await;
    let begun = Instant::now();
    controller.memory.revoke(agent.id);
    controller.fleet.revoke(agent.id);
    within(Duration::from_secs(1), "the connection is closed", || !controller.fleet.is_connected(agent.id))
        .await;
    println!("revoked by this process: closed after {:?}", begun.elapsed());
    until("the agent logs why", || has(Side::Agent, &["refused this agent", "Revoked", "was revoked"])).await;
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_by_another_process_takes_effect_within_five_seconds() {
    let controller = Controller::start().await;
    let agent = controller.agent().await;
    let begun = Instant::now();
    controller.memory.revoke(agent.id);
    let gone = || !controller.fleet.is_connected(agent.id);
    within(Duration::from_secs(5), "the connection is closed", gone).await;
    println!("revoked by another process: closed after {:?}", begun.elapsed());

    let state = agent.stop().await;
    let again = Agent::run(agent_id(state.path()).unwrap(), state, controller.address);
    until("the controller refuses it", || has(Side::Controller, &["agent refused", "was revoked"])).await;
    assert!(!controller.fleet.is_connected(again.id));
    again.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_live_agent_is_refused_and_flagged() {
    let controller = Controller::start().await;
    let agent = controller.agent().await;
    let mut events = controller.fleet.subscribe();
    let copied = Place::new();
    let (from, to) = (agent.state.path().join("identity"), copied.path().join("identity"));
    std::fs::create_dir(&to).unwrap();
    std::fs::copy(from.join("identity.pem"), to.join("identity.pem")).unwrap();
    let copy = Agent::run(agent.id, copied, controller.address);

    let event = soon("an event", events.recv()).await.unwrap();
    assert_eq!(event, FleetEvent::DuplicateIdentity(agent.id));
    let flagged = controller.fleet.connected();
    assert_eq!(flagged.len(), 1);
    assert!(flagged[0].duplicate_refused_at.is_some());
    let parts = ["DuplicateIdentity", "another live agent at"];
    until("the agent logs why", || has(Side::Agent, &parts)).await;
    until("the controller logs why", || has(Side::Controller, &parts)).await;

    // The original goes on undisturbed.
    let sequence = agent.telemetry().await;
    until("its report is stored", || controller.memory.stored(Lane::Telemetry) == [sequence]).await;
    copy.stop().await;
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_killed_comes_back_before_its_old_connection_times_out() {
    let controller = Controller::start().await;
    let proxy = Proxy::start(controller.address).await;
    let state = Place::new();
    let id = controller.enrol(&controller.token(DAY), &state).await.unwrap();
    let first = Agent::run(id, state, proxy.address);
    controller.connected(id).await;
    let before = controller.fleet.connected()[0].address;
    // Nothing tells the controller that the first one is gone, as after kill -9.
    proxy.cut(true);
    let state = first.kill().await;
    let begun = Instant::now();
    let second = Agent::run(id, state, controller.address);
    let taken = || controller.fleet.connected().first().is_some_and(|agent| agent.address != before);
    within(Duration::from_secs(6), "the new run is taken in", taken).await;
    println!("a killed agent was back after {:?}", begun.elapsed());
    second.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_refused_and_let_in_when_there_is_room() {
    let controller = Controller::start_for(1).await;
    let first = controller.agent().await;
    let (id, state) = known(&controller);
    let authority = controller.authority();
    write_identity(&state, id, &authority, &authority, now());
    let second = Agent::run(id, state, controller.address);
    until("the controller says so", || has(Side::Controller, &["too many connections"])).await;
    until("the agent says so", || has(Side::Agent, &["no link to the controller", "refused"])).await;
    assert!(!controller.fleet.is_connected(id));
    first.stop().await;
    controller.connected(id).await;
    second.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_in_time_and_the_new_one_proved() {
    let controller = Controller::start().await;
    let (id, state) = known(&controller);
    let authority = controller.authority();
    write_identity(&state, id, &authority, &authority, now().before(6 * DAY));
    let file = state.path().join("identity/identity.pem");
    let old = std::fs::read(&file).unwrap();
    let agent = Agent::run(id, state, controller.address);
    until("a new certificate is issued", || controller.memory.certificates() == 1).await;
    until("it takes the old one's place", || std::fs::read(&file).is_ok_and(|now| now != old)).await;
    until("the agent says so", || has(Side::Agent, &["the renewed certificate is in use"])).await;
    controller.connected(id).await;
    let sequence = agent.telemetry().await;
    until("its report is stored", || controller.memory.stored(Lane::Telemetry) == [sequence]).await;
    assert!(!agent.state.path().join("identity/renewed.pem").exists());
    assert_eq!(agent_id(agent.state.path()).unwrap(), id);
    assert_eq!(controller.memory.certificates(), 1);
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_that_is_refused_gives_way_to_the_former_one() {
    let (controller, elsewhere) = (Controller::start().await, Place::new());
    let other = Authority::open(elsewhere.path(), now()).unwrap();
    let (id, state) = known(&controller);
    let authority = controller.authority();
    write_identity(&state, id, &other, &authority, now());
    let identity = state.path().join("identity");
    std::fs::rename(identity.join("identity.pem"), identity.join("renewed.pem")).unwrap();
    write_identity(&state, id, &authority, &authority, now());
    let agent = Agent::run(id, state, controller.address);
    controller.connected(id).await;
    assert!(has(Side::Agent, &["the renewed certificate was refused"]));
    assert!(!agent.state.path().join("identity/renewed.pem").exists());
    agent.stop().await;
    controller.fleet.shutdown().await;
}
