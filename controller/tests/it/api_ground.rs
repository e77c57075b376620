//! A web server on a private store, and a client that speaks HTTP to it.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, Once};

use prometheus_client::registry::Registry;
use querysmith_controller::api::about::StoreKind;
use querysmith_controller::api::context::{ApiParts, Installation, Jobs, Reach};
use querysmith_controller::api::metrics::HttpMetrics;
use querysmith_controller::api::secret;
use querysmith_controller::api::server::serve;
use querysmith_controller::apply::agents::Agents;
use querysmith_controller::fleet::roster::Fleet;
use querysmith_controller::store::people::Role;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::ground::Ground;
use crate::loop_ground::context;

pub(crate) const PASSWORD: &str = "a password of some length";

/// Jobs that only remember that they were told to run.
#[derive(Default)]
pub(crate) struct ToldJobs {
    pub(crate) told: Mutex<Vec<String>>,
    pub(crate) problems: Mutex<Vec<String>>,
}

impl Jobs for ToldJobs {
    fn run_now(&self, name: &str) -> bool {
        self.told.lock().unwrap().push(name.to_owned());
        name == "detect"
    }

    fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap().clone()
    }
}

/// Does nothing where another test of this process did it.
pub(crate) fn install_provider() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

/// The server under test.
pub(crate) struct Web {
    pub(crate) ground: Ground,
    pub(crate) address: String,
    pub(crate) jobs: Arc<ToldJobs>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<std::io::Result<()>>>,
}

impl Web {
    pub(crate) async fn start() -> Self {
        Self::start_with(Reach::default()).await
    }

    pub(crate) async fn start_with(reach: Reach) -> Self {
        Self::start_at(reach, None).await
    }

    /// With HTTPS, for `localhost`.
    pub(crate) async fn start_with_tls(tls: rustls::ServerConfig) -> Self {
        Self::start_at(Reach { https: true, other_hosts: Vec::new() }, Some(tls)).await
    }

    async fn start_at(reach: Reach, tls: Option<rustls::ServerConfig>) -> Self {
        install_provider();
        Self::start_on(Ground::new().await, Arc::new(Fleet::idle()), reach, tls).await
    }

    /// On a store that there is, with agents of the test's own.
    pub(crate) async fn start_on(
        ground: Ground,
        agents: Arc<dyn Agents>,
        reach: Reach,
        tls: Option<rustls::ServerConfig>,
    ) -> Self {
        install_provider();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let address = match &tls {
            Some(_) => format!("https://localhost:{}", local.port()),
            None => format!("http://{local}"),
        };
        let jobs = Arc::new(ToldJobs::default());
        let mut registry = Registry::default();
        let http_metrics = HttpMetrics::register(&mut registry);
        let parts = ApiParts {
            store: ground.store.clone(),
            wake: ground.wake.clone(),
            fleet: Fleet::idle(),
            jobs: jobs.clone(),
            advice: context(&ground, agents),
            installation: Installation {
                version: "0.0.0-test".into(),
                store: StoreKind::External,
                started_at: chrono::Utc::now(),
                demo: false,
                link_address: "controller.example:7431".into(),
                pin: [5; 32],
            },
            reach,
            http_metrics,
            metrics: Arc::new(registry),
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            serve(parts, listener, tls, async {
                let _ = stopped.await;
            })
            .await
        });
        Self { ground, address, jobs, stop: Some(stop), task: Some(task) }
    }

    /// Stops as a controller does, and says how that went.
    pub(crate) async fn stop(&mut self) -> std::io::Result<()> {
        self.stop.take().expect("it runs").send(()).unwrap();
        self.task.take().expect("it runs").await.unwrap()
    }

    /// Somebody without any proof.
    pub(crate) fn stranger(&self) -> Client {
        Client {
            // The certificate of a test is its own.
            http: reqwest::Client::builder()
                .cookie_store(true)
                .tls_danger_accept_invalid_certs(true)
                .build()
                .unwrap(),
            address: self.address.clone(),
            token: None,
            headers: Vec::new(),
        }
    }

    /// A program with a token of that role.
    pub(crate) async fn program(&self, role: Role) -> Client {
        let token = secret::api_token();
        sqlx::query(
            "INSERT INTO api_token (token_id, token_hash, name, role, created_by, created_at)
             VALUES ($1, $2, $3, $4, 'test', now())",
        )
        .bind(Uuid::now_v7())
        .bind(secret::hash(&token).as_slice())
        .bind(format!("{role} program"))
        .bind(role.as_str())
        .execute(&self.ground.store.pool)
        .await
        .unwrap();
        Client { token: Some(token), ..self.stranger() }
    }

    /// The first account, made with the set-up code and signed in.
    pub(crate) async fn first_admin(&self) -> Client {
        let code = secret::setup_code();
        let now = chrono::Utc::now();
        assert!(self.ground.store.put_setup_code(secret::setup_code_hash(&code), now).await.unwrap());
        let client = self.browser();
        let body = json!({ "code": code, "name": "mara", "password": PASSWORD });
        let answer = client.post("/api/v1/setup", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        client
    }

    /// Somebody who sends what the console sends, with a cookie jar of their own.
    pub(crate) fn browser(&self) -> Client {
        let headers = vec![("x-querysmith-csrf".into(), "1".into()), ("origin".into(), self.address.clone())];
        Client { headers, ..self.stranger() }
    }
}

/// One client.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) address: String,
    pub(crate) token: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null where the text is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer is a problem document with this status; the field it names.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Option<String> {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        assert_eq!(self.body["status"], status, "{}", self.text);
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{}", self.text);
        self.body["field"].as_str().map(str::to_owned)
    }

    #[track_caller]
    pub(crate) fn good(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.body
    }
}

impl Client {
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        match body {
            Some(body) => self.send(request.json(body)).await,
            None => self.send(request).await,
        }
    }
}
