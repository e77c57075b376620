//! The web server: the API, its document, the console and the probes, on one port.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use tokio::sync::watch;
use utoipa_actix_web::{AppExt, scope};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::answer::around;
use super::console::console;
use super::context::{ApiContext, ApiParts};
use super::document::{BASE, openapi, routes};
use super::health;
use super::unmatched::{Addresses, unmatched};

/// Threads that answer requests. The work is done by the store; two keep one slow answer from holding up all.
const WORKERS: usize = 2;
/// Connections of one worker.
const MOST_CONNECTIONS: usize = 2_000;
/// A client that takes longer to send the head of a request is cut off.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// Requests under way at a shutdown get this long.
const DRAIN_LIMIT_S: u64 = 10;

/// Serves until `shutdown` completes; requests under way are answered, event streams end. With `tls` the
/// listener speaks HTTPS.
pub async fn serve(
    parts: ApiParts,
    listener: TcpListener,
    tls: Option<rustls::ServerConfig>,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let context = ApiContext::new(parts, stopping);
    let document = openapi();
    let addresses = Addresses::of(&document);
    let server = HttpServer::new(move || {
        let docs = SwaggerUi::new("/api/docs/{_:.*}")
            .url("/api/openapi.json", document.clone())
            .config(Config::default().validator_url("none").persist_authorization(true));
        App::new()
            .app_data(Data::new(context.clone()))
            .app_data(Data::new(addresses.clone()))
            .wrap(Compress::default())
            .wrap(from_fn(around))
            .into_utoipa_app()
            .service(scope::scope(BASE).configure(routes).default_service(web::to(unmatched)))
            .into_app()
            .service(web::redirect("/api/docs", "/api/docs/"))
            .service(docs)
            .service(web::scope("/api").default_service(web::to(unmatched)))
            .service(health::healthz)
            .service(health::readyz)
            .service(health::metrics)
            .default_service(web::to(console))
    })
    .workers(WORKERS)
    .max_connections(MOST_CONNECTIONS)
    .client_request_timeout(HEAD_LIMIT)
    .shutdown_timeout(DRAIN_LIMIT_S)
    .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
        None => server.listen(listener)?,
    };
    let server = server.run();
    let handle = server.handle();
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = shutdown => {}
    }
    // Event streams would keep the drain waiting until its limit.
    stop.send_replace(true);
    let stopped = handle.stop(true);
    let (ended, ()) = tokio::join!(server, stopped);
    ended
}
