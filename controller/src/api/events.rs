//! The live stream: what to read again.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, get};
use futures_util::Stream;
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::announce::{Announcement, Announcer};
use super::caller::Viewer;
use super::context::ApiContext;
use super::metrics::HttpMetrics;
use super::problem::Problem;
use super::streams::{Full, MOST_PER_CALLER, MOST_STREAMS, Place};
use crate::wake::Hint;

/// A silent stream says that it is alive this often: half of what proxies allow.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A stream ends after this long. The browser opens the next by itself, and by then must still be signed in.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// Tells what changed, as server-sent events named `changed`: `{"topic": "findings", "id": null}`. The topics
/// are findings, proposals, changes, instances, queries, agents, jobs, outcomes, and `all` for whoever was
/// too slow and must read everything again.
#[utoipa::path(tag = "live", operation_id = "events",
    responses((status = 200, body = String, content_type = "text/event-stream"), Problem))]
#[get("/events")]
pub(crate) async fn events(context: Data<ApiContext>, viewer: Viewer) -> Result<HttpResponse, Problem> {
    let place = context.streams.take(viewer.0.id).map_err(|full| {
        let open = match full {
            Full::Everybody => format!("{MOST_STREAMS} event streams are open already"),
            Full::Caller => format!("you have {MOST_PER_CALLER} event streams open already"),
        };
        Problem::too_many(open, 30)
    })?;
    context.http_metrics.streams.inc();
    let listener = Listener {
        hints: context.wake.subscribe(),
        announcer: Announcer::default(),
        keep_alive: Instant::now() + KEEP_ALIVE,
        ends: Instant::now() + LIFE,
        stopping: context.stopping.clone(),
        metrics: context.http_metrics.clone(),
        _place: place,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // A compressor would hold events back until it has a block of them.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(listener.stream()))
}

/// One listener. What it has not been sent yet is bounded: by the backlog of `hints`, and by the announcer.
struct Listener {
    hints: Receiver<Hint>,
    announcer: Announcer,
    keep_alive: Instant,
    ends: Instant,
    stopping: watch::Receiver<bool>,
    metrics: HttpMetrics,
    _place: Place,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.metrics.streams.dec();
    }
}

impl Listener {
    fn stream(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
        // The first bytes go out at once, so that the browser knows that it is connected.
        let hello = Bytes::from_static(b": connected\nretry: 2000\n\n");
        stream::unfold((self, Some(hello)), |(mut listener, hello)| async move {
            let bytes = match hello {
                Some(hello) => hello,
                None => listener.next().await?,
            };
            listener.keep_alive = Instant::now() + KEEP_ALIVE;
            Some((Ok(bytes), (listener, None)))
        })
    }

    /// The next bytes, or the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let due = self.announcer.due(Instant::now());
            if !due.is_empty() {
                return Some(written(&due));
            }
            let look_again = self.announcer.next().unwrap_or(self.ends).min(self.keep_alive).min(self.ends);
            tokio::select! {
                hint = self.hints.recv() => match hint {
                    Ok(hint) => self.announcer.take(hint, Instant::now()),
                    Err(RecvError::Lagged(_)) => self.announcer.lost(),
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(look_again) => {
                    let now = Instant::now();
                    if now >= self.ends {
                        return None;
                    }
                    if now >= self.keep_alive {
                        return Some(Bytes::from_static(b": alive\n\n"));
                    }
                }
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
            }
        }
    }
}

fn written(announcements: &[Announcement]) -> Bytes {
    let mut text = String::new();
    for announcement in announcements {
        let data = serde_json::to_string(announcement).unwrap_or_default();
        text.push_str(&format!("event: changed\ndata: {data}\n\n"));
    }
    Bytes::from(text)
}
