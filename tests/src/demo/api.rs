//! A client of the controller's API that knows no more of it than its document says.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, Response};
use serde_json::Value;

/// Time between two looks at something that takes a while.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// No call of the API may take longer.
const CALL_LIMIT: Duration = Duration::from_secs(15);

/// A signed-in client.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    address: String,
    token: Option<String>,
}

impl Api {
    /// A client of the controller at `address`, `http://host:port`.
    pub fn new(address: &str) -> Result<Self> {
        // A second call in one process finds the provider installed, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder()
            .timeout(CALL_LIMIT)
            .cookie_store(true)
            .build()
            .context("building the client")?;
        Ok(Self { client, address: address.trim_end_matches('/').to_owned(), token: None })
    }

    /// The same client with an API token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// GET of a path under `/api/v1`.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// POST of a body to a path under `/api/v1`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// All items of a list.
    pub async fn items(&self, path: &str) -> Result<Vec<Value>> {
        let page = self.get(path).await?;
        let items = page.get("items").and_then(Value::as_array).context("the answer is no list")?;
        Ok(items.clone())
    }

    /// Asks again and again until `look` finds what it looks for.
    pub async fn wait_for<T>(
        &self,
        path: &str,
        limit: Duration,
        mut look: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T> {
        let started = Instant::now();
        loop {
            let answer = self.get(path).await?;
            if let Some(found) = look(&answer) {
                return Ok(found);
            }
            if started.elapsed() > limit {
                bail!("{path} did not come to what was expected within {limit:?}; it says {answer:.2000}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}/api/v1{path}", self.address))
            .header("x-querysmith-csrf", "1")
            .header("origin", &self.address);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        read(response).await.with_context(|| format!("{method} {path}"))
    }
}

async fn read(response: Response) -> Result<Value> {
    let status = response.status();
    let text = response.text().await.context("reading the answer")?;
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).context("the answer is not JSON")
}
