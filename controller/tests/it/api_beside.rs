//! What the server offers beside the API: the console, the documentation, the probes; and the headers that
//! everything carries.

use querysmith_controller::api::context::Reach;
use querysmith_controller::store::people::Role;
use serde_json::json;

use crate::api_ground::{PASSWORD, Web, install_provider};

#[tokio::test(flavor = "multi_thread")]
async fn everything_carries_the_headers_that_protect() {
    let web = Web::start().await;
    let client = web.stranger();
    for path in [
        "/",
        "/queries",
        "/api/v1/setup",
        "/api/v1/session",
        "/api/nonsense",
        "/api/docs/",
        "/healthz",
        "/x.js",
    ] {
        let answer = client.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
    assert_eq!(client.get("/api/v1/setup").await.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_tls_the_cookie_belongs_to_this_host_only() {
    let web = Web::start_with(Reach { https: true, other_hosts: Vec::new() }).await;
    let code = querysmith_controller::api::secret::setup_code();
    let hash = querysmith_controller::api::secret::setup_code_hash(&code);
    assert!(web.ground.store.put_setup_code(hash, chrono::Utc::now()).await.unwrap());
    let body = json!({ "code": code, "name": "mara", "password": PASSWORD });
    let made = web.browser().post("/api/v1/setup", &body).await;
    let cookie = made.header("set-cookie");
    assert!(cookie.starts_with("__Host-qs_session=") && cookie.contains("Secure"), "{cookie}");
    assert_eq!(made.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_speaks_tls_itself() {
    install_provider();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let web = Web::start_with_tls(tls).await;
    let admin = web.first_admin().await;
    assert_eq!(admin.get("/api/v1/session").await.good()["user"]["name"], "mara");
    admin.post("/api/v1/tokens", &json!({ "name": "ci", "role": "viewer" })).await.good();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_and_the_documentation_are_served() {
    let web = Web::start().await;
    let client = web.stranger();
    let start = client.get("/").await;
    assert!(start.header("content-type").starts_with("text/html"), "{}", start.text);
    for page in ["/queries", "/proposals/0192", "/settings/users"] {
        assert_eq!(client.get(page).await.text, start.text, "{page} is a page of the console");
    }
    client.get("/assets/missing.js").await.problem(404);
    client.post("/queries", &json!({})).await.problem(405);
    if let Some(etag) = start.headers.get("etag") {
        let again = client.request(reqwest::Method::GET, "/").header("if-none-match", etag);
        assert_eq!(client.send(again).await.status, 304);
        assert_eq!(start.header("cache-control"), "no-cache");
    }
    let script = start.text.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js"));
    if let Some(script) = script {
        let answer = client.get(script).await;
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    }
    for path in ["/api/docs", "/api/docs/"] {
        let docs = client.get(path).await;
        assert!(
            docs.status == 200 && docs.text.contains("swagger-ui-bundle.js"),
            "{path}: {} {}",
            docs.status,
            docs.text
        );
        assert!(
            !docs.text.contains("<script>") && !docs.text.contains("onload"),
            "no script within the page"
        );
    }
    let bundle = client.get("/api/docs/swagger-ui-bundle.js").await;
    assert!(bundle.status == 200 && bundle.text.len() > 500_000);
    let settings = client.get("/api/docs/swagger-initializer.js").await.text;
    assert!(settings.contains("/api/openapi.json") && !settings.contains("petstore"), "{settings}");
    let document = client.get("/api/openapi.json").await.good();
    assert_eq!(document, serde_json::to_value(querysmith_controller::api::document::openapi()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_the_truth() {
    let mut web = Web::start().await;
    let client = web.stranger();
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/readyz").await.good(), json!({ "ready": true, "problems": [] }));
    web.jobs.problems.lock().unwrap().push("detect failed three times".into());
    let ready = client.get("/readyz").await;
    assert_eq!((ready.status, ready.body["problems"][0].as_str()), (503, Some("detect failed three times")));
    let program = web.program(Role::Admin).await;
    assert_eq!(program.get("/api/v1/fleet/summary").await.good()["jobs_ok"], false);
    assert_eq!(program.call("POST", "/api/v1/jobs/detect/run", None).await.status, 202);
    assert_eq!(*web.jobs.told.lock().unwrap(), ["detect"]);

    web.jobs.problems.lock().unwrap().clear();
    web.ground.cluster.stop_immediate().unwrap();
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 503, "{}", ready.text);
    assert!(ready.body["problems"][0].as_str().unwrap().contains("store"), "{}", ready.text);
    assert_eq!(client.get("/healthz").await.status, 200, "alive, whatever the store does");
    let away = program.get("/api/v1/findings").await;
    away.problem(503);
    assert!(!away.header("retry-after").is_empty());
    web.ground.cluster.start_again().unwrap();
    let back = async {
        while client.get("/readyz").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::api_seed::PATIENCE, back).await.expect("it is ready again");
    program.get("/api/v1/findings").await.good();
}
