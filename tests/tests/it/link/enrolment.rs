//! Enrolment: who gets a certificate, and who does not.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use agent::link::enrolment::{EnrolError, Enrolment, enrol};
use agent::link::identity::agent_id;
use querysmith_shared::wire::ALPN_ENROL;
use querysmith_shared::wire::codec::encode;
use querysmith_shared::wire::enrol::{Certificate, EnrolRequest};
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use querysmith_shared::wire::token::JoinToken;
use rcgen::{CertificateParams, DnType, KeyPair};

use super::log::{Side, has};
use super::raw;
use super::world::{Controller, Place, soon, until};

const HOUR: Duration = Duration::from_secs(3_600);

fn refusal(outcome: Result<impl Sized, EnrolError>) -> Refusal {
    match outcome {
        Err(EnrolError::Refused(refusal)) => refusal,
        Err(error) => panic!("not refused, but: {error}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_token_makes_one_agent_and_its_files_are_private() {
    let (controller, state) = (Controller::start().await, Place::new());
    let agent = controller.enrol(&controller.token(HOUR), &state).await.unwrap();
    assert_eq!(agent_id(state.path()).unwrap(), agent);
    let file = state.path().join("identity/identity.pem");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(controller.memory.certificates(), 1);

    let again = controller.enrol(&controller.token(HOUR), &state).await;
    assert!(matches!(again, Err(EnrolError::AlreadyEnrolled(known)) if known == agent));

    let (token, address) = (controller.token(HOUR), controller.address.to_string());
    let forced = Enrolment {
        token: &token,
        controller: &address,
        state_dir: state.path(),
        host_name: "loopback",
        agent_version: "0.1.0",
        force: true,
    };
    let other = soon("enrolment", enrol(forced)).await.unwrap();
    assert_ne!(other, agent);
    assert_eq!(agent_id(state.path()).unwrap(), other);
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_an_expired_and_an_unknown_token_are_refused_with_the_reason() {
    let controller = Controller::start().await;
    let token = controller.token(HOUR);
    controller.enrol(&token, &Place::new()).await.unwrap();

    let replayed = refusal(controller.enrol(&token, &Place::new()).await);
    assert_eq!(replayed.code, RefusalCode::TokenUnknown);
    assert!(replayed.reason.contains("used before"), "{replayed}");
    until("the reason is logged", || has(Side::Controller, &["enrolment refused", "used before"])).await;

    let expired = refusal(controller.enrol(&controller.token(Duration::ZERO), &Place::new()).await);
    assert_eq!(expired.code, RefusalCode::TokenExpired);
    until("the reason is logged", || has(Side::Controller, &["enrolment refused", "expired"])).await;

    let unknown = JoinToken { secret: [9; 32], pin: controller.pin }.to_string();
    let state = Place::new();
    assert_eq!(refusal(controller.enrol(&unknown, &state).await).code, RefusalCode::TokenUnknown);
    assert!(agent_id(state.path()).is_err(), "nothing is stored after a refusal");
    assert_eq!(controller.memory.agents(), 1);
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_not_said_to_a_controller_with_another_authority() {
    let controller = Controller::start().await;
    let token: JoinToken = controller.token(HOUR).parse().unwrap();
    let elsewhere = JoinToken { pin: [1; 32], ..token.clone() }.to_string();
    let outcome = controller.enrol(&elsewhere, &Place::new()).await;
    let Err(EnrolError::Dial(error)) = outcome else { panic!("not refused: {outcome:?}") };
    assert!(error.to_string().contains("can't be trusted"), "{error}");
    until("the controller logs it", || has(Side::Controller, &["handshake refused"])).await;
    // The token was not used up.
    controller.enrol(&token.to_string(), &Place::new()).await.unwrap();
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_foreign_name_is_refused_and_does_not_cost_the_token() {
    let controller = Controller::start().await;
    let token = controller.token(HOUR);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "another agent");
    let key = KeyPair::generate().unwrap();
    let request = EnrolRequest {
        secret: token.parse::<JoinToken>().unwrap().secret_text(),
        signing_request: params.serialize_request(&key).unwrap().pem().unwrap(),
        host_name: "loopback".to_owned(),
        agent_version: "0.1.0".to_owned(),
    };
    let (_endpoint, connection) = raw::connect(&controller, ALPN_ENROL, None).await;
    let answer = raw::ask(&connection, &encode(&request, 0).unwrap()).await;
    connection.close(0_u8.into(), b"");
    let refused = raw::read::<Certificate>(answer).unwrap_err();
    assert_eq!(refused.code, RefusalCode::BadSigningRequest);
    assert!(refused.reason.contains("another agent"), "{refused}");
    until("the reason is logged", || has(Side::Controller, &["enrolment refused", "another agent"])).await;
    controller.enrol(&token, &Place::new()).await.unwrap();
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolment_is_limited_for_each_address() {
    let controller = Controller::start().await;
    let unknown = JoinToken { secret: [9; 32], pin: controller.pin }.to_string();
    let attempts = (0..40).map(|_| async { refusal(controller.enrol(&unknown, &Place::new()).await).code });
    let codes = futures_util::future::join_all(attempts).await;
    let (known, limited): (Vec<_>, Vec<_>) =
        codes.iter().copied().partition(|code| *code == RefusalCode::TokenUnknown);
    assert!(known.len() >= 10, "{codes:?}");
    assert!(!limited.is_empty() && limited.iter().all(|code| *code == RefusalCode::TooMany), "{codes:?}");
    controller.fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_does_not_cost_the_token() {
    let controller = Controller::start().await;
    let token = controller.token(HOUR);
    controller.memory.away.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(refusal(controller.enrol(&token, &Place::new()).await).code, RefusalCode::StoreAway);
    controller.memory.away.store(false, std::sync::atomic::Ordering::SeqCst);
    controller.enrol(&token, &Place::new()).await.unwrap();
    controller.fleet.shutdown().await;
}
