//! Orders and their answers, and the roster.

use std::time::Duration;

use querysmith_controller::fleet::roster::{FleetEvent, OrderError};
use querysmith_shared::engine::Engine;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId};
use querysmith_shared::observation::instance::Instance;
use querysmith_shared::wire::codec::encode;
use querysmith_shared::wire::envelope::{Envelope, Kind};
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::link::{Hello, RefusalCode, Welcome};
use querysmith_shared::wire::order::{Answer, Order, Undo};
use uuid::Uuid;

use super::raw;
use super::world::{Agent, Controller, Place, now, soon, until, write_identity};

const PATIENCE: Duration = Duration::from_secs(10);

fn order() -> Order {
    Order::Undo(Undo {
        change: ChangeId(Uuid::from_u128(3)),
        reason: "a person asked".to_owned(),
        signatures: Vec::new(),
        fence: Fence::default(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_answered_on_its_stream() {
    let controller = Controller::start().await;
    let mut agent = controller.agent().await;
    let asked = controller.fleet.order(agent.id, order(), PATIENCE);
    let answering = async {
        let incoming = soon("the order", agent.orders.recv()).await.unwrap();
        assert_eq!(incoming.order, order());
        incoming.reply.send(Answer::Accepted).unwrap();
    };
    let (answer, ()) = tokio::join!(asked, answering);
    assert_eq!(answer.unwrap(), Answer::Accepted);

    // Many at once, answered in another order.
    let asked =
        futures_util::future::join_all((0..8).map(|_| controller.fleet.order(agent.id, order(), PATIENCE)));
    let answering = async {
        let mut all = Vec::new();
        while all.len() < 8 {
            all.push(soon("the order", agent.orders.recv()).await.unwrap());
        }
        for (at, incoming) in all.into_iter().enumerate().rev() {
            incoming.reply.send(Answer::Refused(at.to_string())).unwrap();
        }
    };
    let (answers, ()) = tokio::join!(asked, answering);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Answer::Refused(_)))));
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_answer_says_why() {
    let controller = Controller::start().await;
    let mut agent = controller.agent().await;
    let nobody = controller.fleet.order(AgentId(Uuid::from_u128(1)), order(), PATIENCE).await;
    assert!(matches!(nobody, Err(OrderError::NotConnected)));

    let slow = controller.fleet.order(agent.id, order(), Duration::from_millis(200)).await;
    assert!(matches!(slow, Err(OrderError::Timeout)), "{slow:?}");
    drop(soon("the order", agent.orders.recv()).await);

    let asked = controller.fleet.order(agent.id, order(), PATIENCE);
    let dropping = async { drop(soon("the order", agent.orders.recv()).await) };
    let (answer, ()) = tokio::join!(asked, dropping);
    assert!(matches!(answer, Err(OrderError::Refused(refusal)) if refusal.code == RefusalCode::Stopping));
    assert!(controller.fleet.is_connected(agent.id));
    agent.stop().await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_roster_is_told_on_the_same_connection() {
    let controller = Controller::start().await;
    let agent = controller.agent().await;
    let mut events = controller.fleet.subscribe();
    let instance = Instance {
        id: InstanceId::derive(agent.id, "main"),
        name: "main".to_owned(),
        environment: "production".to_owned(),
        engine: Engine::PostgreSql,
        server: None,
    };
    agent.roster.send_replace(vec![instance.clone()]);
    assert_eq!(soon("an event", events.recv()).await.unwrap(), FleetEvent::Greeted(agent.id));
    assert_eq!(controller.memory.hellos().last().unwrap().instances, [instance]);
    agent.stop().await;
    until("the agent is gone", || controller.fleet.connected().is_empty()).await;
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_kind_of_message_is_refused_on_its_stream_and_the_connection_lives() {
    let (data, state) = (Place::new(), Place::new());
    super::log::keep();
    let authority = querysmith_controller::fleet::authority::Authority::open(data.path(), now()).unwrap();
    let endpoint = raw::server(&authority);
    let id = AgentId(Uuid::now_v7());
    write_identity(&state, id, &authority, &authority, now());
    let mut agent = Agent::run(id, state, endpoint.local_addr().unwrap());

    let incoming = soon("a connection", endpoint.accept()).await.unwrap();
    let connection = incoming.await.unwrap();
    let (mut send, mut receive) = soon("a hello", connection.accept_bi()).await.unwrap();
    let _: Hello = raw::read(raw::frame(&mut receive).await).unwrap();
    let welcome = Welcome { controller_version: "9.0.0".to_owned(), telemetry_stored: 0, changes_stored: 0 };
    send.write_all(&encode(&welcome, 0).unwrap()).await.unwrap();

    // A kind that is not known, a version that is not known, a body that is none, an order we know.
    let mut unknown_kind = Envelope::new(Kind::Order, 1, 77, 5).to_bytes().to_vec();
    unknown_kind[6..8].copy_from_slice(&999_u16.to_le_bytes());
    unknown_kind.extend_from_slice(b"12345");
    let refused = raw::read::<Answer>(raw::ask(&connection, &unknown_kind).await).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Unsupported, "{refused}");

    let mut unknown_schema = encode(&order(), 78).unwrap();
    unknown_schema[8..10].copy_from_slice(&9_u16.to_le_bytes());
    let refused = raw::read::<Answer>(raw::ask(&connection, &unknown_schema).await).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Unsupported, "{refused}");

    let mut malformed = Envelope::new(Kind::Order, 1, 79, 1).to_bytes().to_vec();
    malformed.push(250);
    let refused = raw::read::<Answer>(raw::ask(&connection, &malformed).await).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Malformed, "{refused}");

    let frame = encode(&order(), 80).unwrap();
    let (answer, ()) = tokio::join!(raw::ask(&connection, &frame), async {
        soon("the order", agent.orders.recv()).await.unwrap().reply.send(Answer::Accepted).unwrap();
    });
    assert_eq!(answer.as_ref().unwrap().0.message_id, 80);
    assert_eq!(raw::read::<Answer>(answer).unwrap(), Answer::Accepted);
    assert!(connection.close_reason().is_none());
    agent.stop().await;
}
