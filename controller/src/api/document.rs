//! The OpenAPI document, made from the routes themselves.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_actix_web::{AppExt, scope};

use super::problem::Problem;
use super::{
    about, activity, agents, audit, by_hand, change, changes, events, export, findings, fleet, hold, indexes,
    instance, instances, jobs, outcomes, proposal, proposals, queries, query, series, session, settings,
    signing, take_back, tokens, users,
};

/// Where the API lives.
pub const BASE: &str = "/api/v1";

/// Every route of the API. A route that is not here is neither served nor documented.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(session::setup_state)
        .service(session::set_up)
        .service(session::session)
        .service(session::sign_in)
        .service(session::sign_out)
        .service(users::users)
        .service(users::create_user)
        .service(users::change_user)
        .service(tokens::tokens)
        .service(tokens::create_token)
        .service(tokens::delete_token)
        .service(audit::audit)
        .service(fleet::fleet_summary)
        .service(agents::agents)
        .service(agents::revoke_agent)
        .service(agents::create_join_token)
        .service(instances::instances)
        .service(instance::instance)
        .service(series::series)
        .service(activity::activity)
        .service(settings::settings)
        .service(indexes::indexes)
        .service(queries::queries)
        .service(query::query)
        .service(findings::findings)
        .service(findings::finding)
        .service(proposals::proposals)
        .service(by_hand::create_proposal)
        .service(proposal::proposal)
        .service(proposal::approve)
        .service(proposal::reject)
        .service(export::export_proposal)
        .service(changes::changes)
        .service(change::change)
        .service(take_back::undo)
        .service(take_back::withdraw)
        .service(signing::sign)
        .service(hold::hold)
        .service(hold::release)
        .service(hold::keep)
        .service(outcomes::outcomes)
        .service(outcomes::outcomes_summary)
        .service(jobs::jobs)
        .service(jobs::run_job)
        .service(about::about)
        .service(events::events);
}

/// The OpenAPI document of `/api/v1`.
pub fn openapi() -> OpenApi {
    let start = OpenApiBuilder::new().info(Info::new("Querysmith", "1")).build();
    let (_, mut document) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(start)
        .service(scope::scope(BASE).configure(routes))
        .split_for_parts();
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    components.security_schemes.insert(
        "session".to_owned(),
        RefOr::T(SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            "qs_session",
            "made by POST /session; every call that changes something also needs `x-querysmith-csrf: 1`",
        )))),
    );
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("an API token, `qst_…`, made by POST /tokens"))
        .build();
    components.security_schemes.insert("token".to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    document
}

/// The document as it stands in `web/openapi.json`.
pub fn openapi_json() -> String {
    let mut text = openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/openapi.json");

    #[test]
    fn the_console_is_built_from_this_document() {
        let made = openapi_json();
        if std::env::var_os("QUERYSMITH_WRITE_OPENAPI").is_some() {
            std::fs::write(FILE, &made).unwrap();
        }
        let kept = std::fs::read_to_string(FILE).unwrap();
        assert!(made == kept, "run `querysmith-controller openapi > web/openapi.json`");
    }
}
