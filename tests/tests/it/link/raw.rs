//! A client and a server that speak QUIC and our TLS, and write whatever bytes a test wants.

use std::sync::Arc;
use std::time::Duration;

use querysmith_controller::fleet::authority::Authority;
use querysmith_shared::id::AgentId;
use querysmith_shared::wire::codec::{Message, decode_body, encode};
use querysmith_shared::wire::envelope::{Envelope, HEADER_BYTES, Kind};
use querysmith_shared::wire::link::{Hello, Refusal, Welcome};
use querysmith_shared::wire::{ALPN_LINK, CONTROLLER_NAME};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, RecvStream};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::world::{Controller, key_and_request, now, soon};

/// A connection with whatever certificate, or none.
pub(super) async fn connect(
    controller: &Controller,
    alpn: &[u8],
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> (Endpoint, Connection) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(controller.authority().certificate().clone()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut tls = match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![alpn.to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connecting = endpoint.connect_with(config, controller.address, CONTROLLER_NAME).unwrap();
    let connection = soon("the handshake", connecting).await.unwrap();
    (endpoint, connection)
}

/// A certificate of the controller's authority for `agent`.
pub(super) fn identity(
    authority: &Authority,
    agent: AgentId,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let (key, request) = key_and_request();
    let (pem, _) = authority.issue_agent_certificate(&request, agent, now(), rand::random()).unwrap();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    (vec![certificate], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// An enrolled agent's connection that has been welcomed.
pub(super) async fn welcomed(controller: &Controller) -> (Endpoint, Connection, AgentId) {
    let agent = AgentId(uuid::Uuid::now_v7());
    controller.memory.add_agent(agent);
    let identity = identity(&controller.authority(), agent);
    let (endpoint, connection) = connect(controller, ALPN_LINK, Some(identity)).await;
    let answer = ask(&connection, &encode(&hello(), 0).unwrap()).await;
    let _: Welcome = read(answer).unwrap();
    (endpoint, connection, agent)
}

pub(super) fn hello() -> Hello {
    Hello {
        agent_version: "0.1.0".to_owned(),
        host_name: "raw".to_owned(),
        incarnation: 1,
        run: rand::random(),
        obeyed: None,
        instances: Vec::new(),
    }
}

/// Sends bytes on a stream of their own and reads the frame that answers them.
pub(super) async fn ask(connection: &Connection, bytes: &[u8]) -> Option<(Envelope, Vec<u8>)> {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(bytes).await.unwrap();
    let _ = send.finish();
    soon("an answer", frame(&mut receive)).await
}

/// One frame of a stream; `None` if it ends or breaks.
pub(super) async fn frame(receive: &mut RecvStream) -> Option<(Envelope, Vec<u8>)> {
    let mut header = [0; HEADER_BYTES];
    receive.read_exact(&mut header).await.ok()?;
    let envelope = Envelope::from_bytes(&header).unwrap();
    let mut body = vec![0; envelope.body_bytes];
    receive.read_exact(&mut body).await.ok()?;
    Some((envelope, body))
}

/// The message in an answer, or the refusal.
pub(super) fn read<M: Message>(answer: Option<(Envelope, Vec<u8>)>) -> Result<M, Refusal> {
    let (envelope, body) = answer.expect("there is an answer");
    match envelope.kind {
        Kind::Refusal => Err(decode_body(&body).unwrap()),
        _ => Ok(decode_body(&body).unwrap()),
    }
}

/// Why a connection was closed by the other side: code and reason.
pub(super) async fn closed(connection: &Connection) -> String {
    match tokio::time::timeout(Duration::from_secs(20), connection.closed()).await {
        Ok(error) => error.to_string(),
        Err(_) => panic!("the connection was not closed"),
    }
}

/// A listener with the controller's certificate that asks for the agent's, and nothing more.
pub(super) fn server(authority: &Authority) -> Endpoint {
    let own = authority.issue_controller_certificate(now()).unwrap();
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(own.chain, own.key)
        .unwrap();
    tls.alpn_protocols = vec![ALPN_LINK.to_vec()];
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap()
}
