//! Signing in, staying signed in, and who may manage whom.

use querysmith_controller::api::secret;
use querysmith_controller::store::people::Role;
use serde_json::json;

use crate::api_ground::{Client, PASSWORD, Web};

async fn sign_in(client: &Client, name: &str, password: &str) -> crate::api_ground::Answer {
    client.post("/api/v1/session", &json!({ "name": name, "password": password })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_takes_the_code_and_no_second_one_does() {
    let web = Web::start().await;
    let client = web.browser();
    assert_eq!(client.get("/api/v1/setup").await.good()["setup_needed"], true);
    let code = secret::setup_code();
    let now = chrono::Utc::now();
    assert!(web.ground.store.put_setup_code(secret::setup_code_hash(&code), now).await.unwrap());

    let body = |code: &str, password: &str| json!({ "code": code, "name": "mara", "password": password });
    let wrong = client.post("/api/v1/setup", &body("AAAA-BBBB-CCCC-DDDD-EEEE", PASSWORD)).await;
    assert_eq!(wrong.problem(400).as_deref(), Some("code"));
    let short = client.post("/api/v1/setup", &body(&code, "short")).await;
    assert_eq!(short.problem(400).as_deref(), Some("password"));

    // Typed by hand, and twice at the same time: one of them is the first.
    let typed = code.replace('-', "").to_lowercase();
    let (one, other) = (web.browser(), web.browser());
    let (typed_body, code_body) =
        (body(&typed, PASSWORD), json!({ "code": code, "name": "jonas", "password": PASSWORD }));
    let (a, b) =
        tokio::join!(one.post("/api/v1/setup", &typed_body), other.post("/api/v1/setup", &code_body));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", a.text, b.text);
    let (winner, made) = if a.status == 201 { (one, a) } else { (other, b) };
    assert_eq!(made.body["user"]["role"], "admin");
    assert_eq!(winner.get("/api/v1/session").await.good()["user"], made.body["user"]);

    assert_eq!(client.get("/api/v1/setup").await.good()["setup_needed"], false);
    client.post("/api/v1/setup", &body(&code, PASSWORD)).await.problem(409);
    assert!(!web.ground.store.put_setup_code([1; 32], now).await.unwrap(), "no code is made any more");
    assert_eq!(web.ground.count("SELECT count(*) FROM account").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renewed_at_sign_in_and_ends_in_time() {
    let web = Web::start().await;
    let client = web.first_admin().await;
    let again = sign_in(&client, "mara", PASSWORD).await;
    assert_eq!(again.status, 200, "{}", again.text);
    let cookie = again.header("set-cookie").to_owned();
    for part in ["qs_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(web.ground.count("SELECT count(*) FROM session").await, 1, "the old session is gone");
    let key = cookie.split(['=', ';']).nth(1).unwrap();
    assert_eq!(key.len(), 64);
    let stored: Vec<u8> =
        sqlx::query_scalar("SELECT key_hash FROM session").fetch_one(&web.ground.store.pool).await.unwrap();
    assert_eq!(stored, secret::hash(key), "only the hash is stored");

    client.get("/api/v1/about").await.good();
    for end in [
        "UPDATE session SET last_used_at = now() - interval '31 minutes'",
        "UPDATE session SET last_used_at = now(), expires_at = now() - interval '1 second'",
    ] {
        sign_in(&client, "mara", PASSWORD).await.good();
        client.get("/api/v1/about").await.good();
        sqlx::query(end).execute(&web.ground.store.pool).await.unwrap();
        client.get("/api/v1/about").await.problem(401);
    }

    sign_in(&client, "mara", PASSWORD).await.good();
    let stolen = client.clone();
    assert_eq!(client.call("DELETE", "/api/v1/session", None).await.status, 204);
    stolen.get("/api/v1/about").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_can_do_nothing_with_our_cookie() {
    let web = Web::start().await;
    let ours = web.first_admin().await;
    let body = json!({ "name": "x", "role": "viewer" });
    let with = |headers: &[(&str, &str)]| Client {
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..ours.clone()
    };
    let origin = web.address.as_str();
    for headers in [
        vec![],
        vec![("origin", origin)],
        vec![("x-querysmith-csrf", "1")],
        vec![("x-querysmith-csrf", "1"), ("origin", "http://evil.example")],
        vec![("x-querysmith-csrf", "1"), ("origin", "null")],
        vec![("x-querysmith-csrf", "0"), ("origin", origin)],
    ] {
        let refused = with(&headers).post("/api/v1/tokens", &body).await;
        refused.problem(403);
        assert_eq!(refused.body["type"], "urn:querysmith:csrf", "{headers:?}");
    }
    assert_eq!(web.ground.count("SELECT count(*) FROM api_token").await, 0);
    // Signing somebody in as somebody else is refused as well.
    let other = with(&[("origin", "http://evil.example")]);
    sign_in(&other, "mara", PASSWORD).await.problem(403);
    // Reading needs no header; a token needs none at all.
    with(&[]).get("/api/v1/about").await.good();
    let program = web.program(Role::Admin).await;
    program.post("/api/v1/tokens", &body).await.good();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_wrong_passwords_is_slowed_and_learns_nothing() {
    let web = Web::start().await;
    let admin = web.first_admin().await;
    let attacker = web.browser();
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let answer = sign_in(&attacker, "mara", "not the password").await;
        if answer.status == 429 {
            answer.problem(429);
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
    assert_eq!(&statuses[10..], [429, 429]);
    // The right password waits as well, and whoever is signed in notices nothing.
    sign_in(&attacker, "mara", PASSWORD).await.problem(429);
    admin.get("/api/v1/about").await.good();

    let unknown = sign_in(&attacker, "nobody-of-that-name", "not the password").await;
    unknown.problem(401);
    let known = "SELECT count(*) FROM audit WHERE action = 'session.refuse' AND subject = 'mara'";
    assert_eq!(web.ground.count(known).await, 10);
    assert_eq!(unknown.body["detail"], "name or password is wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_managed_and_the_last_admin_stays() {
    let web = Web::start().await;
    let admin = web.first_admin().await;
    let new = json!({ "name": "jonas", "password": PASSWORD, "role": "approver" });
    let jonas = admin.post("/api/v1/users", &new).await.good();
    let path = format!("/api/v1/users/{}", jonas["id"].as_str().unwrap());
    assert_eq!(admin.post("/api/v1/users", &new).await.problem(409).as_deref(), Some("name"));

    let his = web.browser();
    sign_in(&his, "jonas", PASSWORD).await.good();
    his.get("/api/v1/audit").await.good();
    his.get("/api/v1/users").await.problem(403);

    // A smaller role holds at once; a new password and a lock end the sessions.
    admin.call("PATCH", &path, Some(&json!({ "role": "viewer" }))).await.good();
    his.get("/api/v1/audit").await.problem(403);
    admin.call("PATCH", &path, Some(&json!({ "password": "another long password" }))).await.good();
    his.get("/api/v1/about").await.problem(401);
    sign_in(&his, "jonas", PASSWORD).await.problem(401);
    sign_in(&his, "jonas", "another long password").await.good();
    admin.call("PATCH", &path, Some(&json!({ "disabled": true }))).await.good();
    his.get("/api/v1/about").await.problem(401);
    sign_in(&his, "jonas", "another long password").await.problem(401);

    let me = admin.get("/api/v1/session").await.good()["user"]["id"].as_str().unwrap().to_owned();
    let mine = format!("/api/v1/users/{me}");
    let stay = admin.call("PATCH", &mine, Some(&json!({ "role": "viewer" }))).await;
    assert_eq!(stay.problem(409).as_deref(), Some("role"));
    let stay = admin.call("PATCH", &mine, Some(&json!({ "disabled": true }))).await;
    assert_eq!(stay.problem(409).as_deref(), Some("disabled"));

    let audit = admin.get("/api/v1/audit?action=user.").await.good();
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["user.disable", "user.change", "user.change", "user.create", "user.create"]);
    let record = audit.to_string();
    assert!(
        !record.contains(PASSWORD) && !record.contains("another long"),
        "a password is in the record: {record}"
    );
    let users = admin.get("/api/v1/users").await.good();
    assert_eq!((users["total"].as_i64(), users["items"][0]["name"].as_str()), (Some(2), Some("jonas")));
    assert!(users["items"][1]["last_sign_in_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_ends_when_told() {
    let web = Web::start().await;
    let admin = web.first_admin().await;
    let issued = admin.post("/api/v1/tokens", &json!({ "name": "ci", "role": "viewer" })).await.good();
    let token = issued["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("qst_"));
    let bearer = |token: &str| Client {
        headers: vec![("authorization".into(), format!("Bearer {token}"))],
        ..web.stranger()
    };
    let program = bearer(&token);
    assert_eq!(program.get("/api/v1/session").await.good()["user"]["name"], "ci");
    let listed = admin.get("/api/v1/tokens").await.good();
    assert!(listed["items"][0]["last_used_at"].is_string() && !listed.to_string().contains(&token));

    for wrong in ["qst_0", "", "ci", &token[..token.len() - 1]] {
        bearer(wrong).get("/api/v1/about").await.problem(401);
    }
    sqlx::query("UPDATE api_token SET expires_at = now()").execute(&web.ground.store.pool).await.unwrap();
    program.get("/api/v1/about").await.problem(401);
    sqlx::query("UPDATE api_token SET expires_at = NULL").execute(&web.ground.store.pool).await.unwrap();
    program.get("/api/v1/about").await.good();
    sqlx::query("UPDATE account SET disabled = true").execute(&web.ground.store.pool).await.unwrap();
    program.get("/api/v1/about").await.problem(401);
    sqlx::query("UPDATE account SET disabled = false").execute(&web.ground.store.pool).await.unwrap();
    let path = format!("/api/v1/tokens/{}", issued["id"].as_str().unwrap());
    assert_eq!(admin.call("DELETE", &path, None).await.status, 204);
    program.get("/api/v1/about").await.problem(401);
    admin.call("DELETE", &path, None).await.problem(404);
}
