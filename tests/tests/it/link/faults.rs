//! Everything breaks, again and again: nothing acknowledged is lost, nothing is counted twice.

use std::sync::atomic::Ordering;
use std::time::Duration;

use querysmith_shared::wire::report::Lane;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::proxy::Proxy;
use super::world::{Agent, Controller, Place, until};

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_stored_once_through_lost_packets_cuts_and_restarts_of_both_ends() {
    let mut controller = Controller::start().await;
    let proxy = Proxy::start(controller.address).await;
    let state = Place::new();
    let id = controller.enrol(&controller.token(Duration::from_secs(60)), &state).await.unwrap();
    let mut agent = Agent::run(id, state, proxy.address);
    let mut random = StdRng::seed_from_u64(7);
    let (mut telemetry, mut changes) = (Vec::new(), Vec::new());
    proxy.lose_one_in(20);
    for round in 0..12 {
        for _ in 0..random.random_range(5..40) {
            telemetry.push(agent.telemetry().await);
        }
        changes.push(agent.change().await);
        match round % 6 {
            0 => {
                controller.restart().await;
                proxy.lead_to(controller.address);
            }
            1 => agent = Agent::run(id, agent.kill().await, proxy.address),
            2 => {
                proxy.cut(true);
                telemetry.push(agent.telemetry().await);
                agent = Agent::run(id, agent.kill().await, proxy.address);
                proxy.cut(false);
            }
            3 => {
                controller.memory.away.store(true, Ordering::SeqCst);
                telemetry.push(agent.telemetry().await);
                controller.restart().await;
                proxy.lead_to(controller.address);
                controller.memory.away.store(false, Ordering::SeqCst);
            }
            4 => agent = Agent::run(id, agent.stop().await, proxy.address),
            _ => {
                let some = telemetry.len() / 2;
                until("some are stored", || controller.memory.stored(Lane::Telemetry).len() >= some).await;
            }
        }
    }
    let all = telemetry.len();
    let deadline = Duration::from_secs(120);
    super::world::within(deadline, "all is stored", || {
        controller.memory.stored(Lane::Telemetry).len() >= all
    })
    .await;
    super::world::within(deadline, "the spool is empty", || agent.outbox.stats().reports == 0).await;
    assert_eq!(telemetry, (1..).take(all).collect::<Vec<u64>>(), "no number is given twice");
    assert_eq!(controller.memory.stored(Lane::Telemetry), telemetry);
    assert_eq!(controller.memory.stored(Lane::Changes), changes);
    println!(
        "{all} reports stored once; {} came again",
        controller.memory.offered_again.load(Ordering::SeqCst)
    );
    agent.stop().await;
    controller.fleet.shutdown().await;
}
