//! The console's files, from inside this binary. Every address that is no file is one of the console's own
//! pages and gets its start page.

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use querysmith_shared::hex;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::answer::no_such_route;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Files;

/// What stands in for a console that was not built.
const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>Querysmith</title></head>
<body>
<h1>The console is not in this binary</h1>
<p>Build it, then build the controller again:</p>
<pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>The API is here, and described at <a href=\"/api/docs/\">/api/docs</a>.</p>
</body>
</html>
";

/// Answers with a file of the console.
pub(super) async fn console(request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let taken = ["GET".to_owned(), "HEAD".to_owned()];
        let mut refusal = no_such_route(request.method().as_str(), &taken).response();
        refusal.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    let path = request.path().trim_start_matches('/');
    if let Some(file) = Files::get(path) {
        return answer(&request, path, file);
    }
    // A missing script must not be answered with a page: the browser would try to run it.
    let is_page = !path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if !is_page {
        return no_such_route(request.method().as_str(), &[]).response();
    }
    match Files::get("index.html") {
        Some(start) => answer(&request, "index.html", start),
        None => HttpResponse::Ok().content_type("text/html; charset=utf-8").body(NOT_BUILT),
    }
}

fn answer(request: &HttpRequest, path: &str, file: EmbeddedFile) -> HttpResponse {
    let etag = format!("\"{}\"", &hex::encode(&file.metadata.sha256_hash())[..32]);
    let cached = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_cached =
        cached.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let mut response = if is_cached { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag));
    response.insert_header((CACHE_CONTROL, cache_control(path)));
    if is_cached {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, content_type(path))).body(file.data.into_owned())
}

/// Vite puts a hash of the content into the names below `assets/`; everything else keeps its name.
fn cache_control(path: &str) -> &'static str {
    if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
