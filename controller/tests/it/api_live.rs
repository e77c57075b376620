//! The event stream, and the end of the server.

use std::time::Instant;

use querysmith_controller::store::people::Role;
use querysmith_controller::wake::Topic;
use serde_json::json;
use uuid::Uuid;

use crate::api_ground::{Client, Web};
use crate::api_seed::{PATIENCE, Seed};

/// A stream that is read piece by piece.
struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    async fn open(client: &Client) -> Self {
        // As browsers ask; a compressed stream would come in blocks, and late.
        let request =
            client.request(reqwest::Method::GET, "/api/v1/events").header("accept-encoding", "gzip");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_ne!(
            response.headers().get("content-encoding").map_or("", |value| value.to_str().unwrap()),
            "gzip"
        );
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Self { response, read: String::new() };
        stream.wait_for(": connected").await;
        stream
    }

    async fn wait_for(&mut self, text: &str) {
        let wait = async {
            while !self.read.contains(text) {
                let bytes = self.response.chunk().await.unwrap().expect("the stream goes on");
                self.read.push_str(&String::from_utf8_lossy(&bytes));
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{text} did not come; there is {}", self.read);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_is_told() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let approver = web.program(Role::Approver).await;
    web.stranger().get("/api/v1/events").await.problem(401);
    let mut one = Stream::open(&approver).await;
    let mut two = Stream::open(&web.program(Role::Viewer).await).await;

    let began = Instant::now();
    let path = format!("/api/v1/proposals/{}/approve", seed.waiting);
    approver.post(&path, &json!({ "digest": seed.digest })).await.good();
    for stream in [&mut one, &mut two] {
        stream
            .wait_for(&format!(
                "event: changed\ndata: {{\"topic\":\"proposals\",\"id\":\"{}\"}}\n\n",
                seed.waiting
            ))
            .await;
        stream.wait_for("\"topic\":\"changes\"").await;
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());

    let metrics = web.stranger().get("/metrics").await.text;
    assert!(metrics.contains("querysmith_http_event_streams 2"), "{metrics}");
    assert!(metrics.contains("route=\"/api/v1/proposals/{id}/approve\""), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_too_slow_reads_everything_again() {
    let web = Web::start().await;
    let mut stream = Stream::open(&web.program(Role::Viewer).await).await;
    // More than the backlog holds, before the listener gets its turn.
    for _ in 0..200_000 {
        web.ground.wake.publish(Topic::Findings, Some(Uuid::now_v7()));
    }
    stream.wait_for("\"topic\":\"all\"").await;
    assert!(stream.read.len() < 20_000, "{} bytes", stream.read.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_stops_while_streams_are_open() {
    let mut web = Web::start().await;
    let client = web.program(Role::Viewer).await;
    let mut stream = Stream::open(&client).await;
    let began = Instant::now();
    web.stop().await.unwrap();
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    let rest = tokio::time::timeout(PATIENCE, stream.response.chunk()).await.expect("the stream ends");
    assert!(matches!(rest, Ok(None) | Err(_)), "{rest:?}");
    assert!(client.request(reqwest::Method::GET, "/healthz").send().await.is_err());
}
