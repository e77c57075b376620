//! What comes with a request, read strictly: what is not understood is refused, by name.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{BytesMut, Query};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use querysmith_shared::id::StatementId;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use uuid::Uuid;

use super::problem::Problem;

/// Longest body that is read. The longest that makes sense has some hundred bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// A client that takes longer to send its body is cut off: it would hold a connection for nothing.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// The JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let announced = request.headers().get("content-length").and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
        let payload = payload.take();
        Box::pin(async move {
            if announced > MAX_BODY_BYTES {
                return Err(Problem::too_large(MAX_BODY_BYTES));
            }
            if !is_json {
                return Err(Problem::not_json());
            }
            let read = timeout(BODY_LIMIT, whole(payload)).await;
            let bytes = read.map_err(|_| Problem::too_slow(BODY_LIMIT.as_secs()))??;
            serde_json::from_slice(&bytes).map(Body).map_err(|error| unreadable(&error.to_string(), "body"))
        })
    }
}

async fn whole(mut payload: Payload) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::bad_request(format!("the body broke off: {error}")))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(Problem::too_large(MAX_BODY_BYTES));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Who sends and what. The body is not read before it is known that they may send it.
#[derive(Debug)]
pub struct Sent<W, T> {
    /// Who.
    pub who: W,
    /// The body.
    pub body: T,
}

impl<W, T> FromRequest for Sent<W, T>
where
    W: FromRequest<Error = Problem> + 'static,
    T: DeserializeOwned + 'static,
{
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let who = W::from_request(request, &mut Payload::None);
        let body = Body::<T>::from_request(request, payload);
        Box::pin(async move {
            let who = who.await?;
            let Body(body) = body.await?;
            Ok(Self { who, body })
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    })
}

/// The parameters after the question mark.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Params<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = Query::<T>::from_query(request.query_string());
        ready(match read {
            Ok(query) => Ok(Self(query.into_inner())),
            Err(error) => {
                let text = error.to_string();
                Err(unreadable(text.trim_start_matches("Query deserialize error: "), "parameters"))
            }
        })
    }
}

/// The id in the address. What is no id names nothing.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub Uuid);

impl FromRequest for Id {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(segment(request, "id").map(Self))
    }
}

/// The instance and the statement in the address.
#[derive(Debug, Clone, Copy)]
pub struct StatementAddress {
    /// The instance.
    pub instance: Uuid,
    /// The statement.
    pub statement: StatementId,
}

impl FromRequest for StatementAddress {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read =
            || Ok(Self { instance: segment(request, "id")?, statement: segment(request, "statement_id")? });
        ready(read())
    }
}

/// The name in the address.
#[derive(Debug, Clone)]
pub struct Name(pub String);

impl FromRequest for Name {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(segment(request, "name").map(Self))
    }
}

fn segment<T: FromStr>(request: &HttpRequest, name: &str) -> Result<T, Problem> {
    let text = request.match_info().get(name).unwrap_or_default();
    text.parse().map_err(|_| Problem::not_found(format!("there is nothing with the {name} {text:?}")))
}

/// Says which field a reader stumbled over, as far as its message names it.
fn unreadable(message: &str, part: &str) -> Problem {
    let quoted = message.split('`').nth(1).map(str::to_owned);
    let names_field = ["unknown field", "missing field", "duplicate field"];
    let field = quoted.filter(|_| names_field.iter().any(|start| message.contains(start)));
    let mut problem = Problem::bad_request(format!("the {part} can't be read: {message}"));
    if message.contains("unknown field") {
        problem = problem.hint("leave it out; the document at /api/docs names what is taken");
    }
    problem.field = field;
    problem
}

/// A text that must say something, without the blanks around it.
pub fn required_text(field: &str, text: &str, most_chars: usize) -> Result<String, Problem> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Problem::bad_field(field, format!("{field} must not be empty")));
    }
    if trimmed.chars().count() > most_chars {
        return Err(Problem::bad_field(field, format!("{field} has at most {most_chars} characters")));
    }
    if trimmed.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Problem::bad_field(field, format!("{field} must not hold control characters")));
    }
    Ok(trimmed.to_owned())
}

/// A text that may be left out.
pub fn optional_text(field: &str, text: Option<&str>, most_chars: usize) -> Result<Option<String>, Problem> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => required_text(field, text, most_chars).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_at_fault_is_named() {
        let problem = unreadable("unknown field `colour`, expected `name` at line 1", "body");
        assert_eq!(problem.field.as_deref(), Some("colour"));
        assert_eq!(unreadable("missing field `name`", "body").field.as_deref(), Some("name"));
        assert_eq!(unreadable("expected `,` or `}`", "body").field, None);
    }

    #[test]
    fn a_reason_says_something() {
        assert_eq!(required_text("reason", "  because ", 10).unwrap(), "because");
        for bad in ["", "  ", "a\0b", "12345678901"] {
            let problem = required_text("reason", bad, 10).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some("reason"), "{bad:?}");
        }
        assert_eq!(optional_text("reason", Some(" "), 10).unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let request = actix_web::test::TestRequest::post()
            .insert_header((CONTENT_TYPE, "application/json"))
            .to_http_request();
        let mut payload: Payload = Payload::Stream { payload: Box::pin(futures_util::stream::pending()) };
        let problem = Body::<String>::from_request(&request, &mut payload).await.unwrap_err();
        assert_eq!(problem.status, 408);
    }
}
