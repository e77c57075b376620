//! Requests that no route takes.

use actix_web::dev::ResourceDef;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::OpenApi;

use super::answer::no_such_route;

/// The addresses of the API with the methods they take, read off its document.
#[derive(Debug, Clone)]
pub struct Addresses {
    known: Vec<(ResourceDef, Vec<String>)>,
}

impl Addresses {
    /// From the document.
    pub fn of(document: &OpenApi) -> Self {
        let known = document.paths.paths.iter().map(|(path, item)| {
            let methods = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let taken = methods.into_iter().filter(|(_, taken)| *taken).map(|(name, _)| name.to_owned());
            (ResourceDef::new(path.as_str()), taken.collect())
        });
        Self { known: known.collect() }
    }

    fn methods(&self, path: &str) -> &[String] {
        let found = self.known.iter().find(|(address, _)| address.is_match(path));
        found.map_or(&[], |(_, methods)| methods)
    }
}

/// Says that there is nothing, or that it wants another method.
pub(super) async fn unmatched(request: HttpRequest, addresses: Data<Addresses>) -> HttpResponse {
    let taken = addresses.methods(request.path());
    let mut response = no_such_route(request.method().as_str(), taken).response();
    if let Ok(allow) = HeaderValue::from_str(&taken.join(", "))
        && !taken.is_empty()
    {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}
