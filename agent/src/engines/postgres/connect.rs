//! Addresses of servers, and how a session of the agent begins.

use std::str::FromStr;

use querysmith_configuration::secret::Secret;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::{Instance, SslMode};
use crate::engines::EngineError;

/// Name of the collecting sessions; every session of the agent begins with `querysmith/`.
pub(crate) const COLLECT_APPLICATION: &str = "querysmith/collect";
/// Name of the changing sessions until they have the name of their change.
const CHANGE_APPLICATION: &str = "querysmith/change";
/// Statements that one session keeps prepared: more than the agent has for one session.
const STATEMENT_CACHE: usize = 24;

/// How to reach a server for reading. The password file is read now.
pub(crate) fn read_options(instance: &Instance) -> Result<PgConnectOptions, EngineError> {
    let mut options = match &instance.url {
        Some(url) => parse(instance, url, "url")?,
        None => {
            let options = PgConnectOptions::new_without_pgpass()
                .port(instance.port)
                .username(&instance.user)
                .database(&instance.database);
            if instance.host.starts_with('/') {
                options.socket(&instance.host)
            } else {
                options.host(&instance.host)
            }
        }
    };
    if let Some(password) = &instance.password {
        options = options.password(password.expose());
    }
    if let Some(path) = &instance.password_file {
        options = options.password(&read_password(instance, path)?);
    }
    Ok(prepare(encrypted(options, instance), COLLECT_APPLICATION))
}

/// How to reach a server for changing it; `None` where the configuration has no such role.
pub fn apply_options(instance: &Instance) -> Result<Option<PgConnectOptions>, EngineError> {
    let Some(url) = &instance.apply_url else { return Ok(None) };
    let mut options = parse(instance, url, "apply_url")?;
    if let Some(path) = &instance.apply_password_file {
        options = options.password(&read_password(instance, path)?);
    }
    Ok(Some(prepare(encrypted(options, instance), CHANGE_APPLICATION)))
}

/// Whether the server runs on the agent's own host, as far as its address tells.
pub(crate) fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn parse(instance: &Instance, url: &Secret, key: &'static str) -> Result<PgConnectOptions, EngineError> {
    // The parser's own error may quote the address, and with it the password.
    PgConnectOptions::from_str(url.expose())
        .map_err(|_| EngineError::BadAddress { instance: instance.name.clone(), key })
}

fn read_password(instance: &Instance, path: &std::path::Path) -> Result<String, EngineError> {
    let text = std::fs::read_to_string(path).map_err(|source| EngineError::PasswordFile {
        instance: instance.name.clone(),
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Encryption as configured, the same for both roles. What is not configured is never left to whoever is in between: on
/// another host `prefer` is `require`, and with a root certificate `verify-full`.
fn encrypted(mut options: PgConnectOptions, instance: &Instance) -> PgConnectOptions {
    if let Some(path) = &instance.ssl_root_cert {
        options = options.ssl_root_cert(path);
    }
    if let Some(mode) = instance.sslmode {
        return options.ssl_mode(ssl_mode(mode));
    }
    let is_left_open = matches!(options.get_ssl_mode(), PgSslMode::Allow | PgSslMode::Prefer);
    if !is_left_open || is_local(&options) {
        return options;
    }
    let mode = if instance.ssl_root_cert.is_some() { PgSslMode::VerifyFull } else { PgSslMode::Require };
    options.ssl_mode(mode)
}

fn prepare(options: PgConnectOptions, application_name: &str) -> PgConnectOptions {
    // The driver's own log would hold statements with literals.
    options
        .application_name(application_name)
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging()
}

fn ssl_mode(mode: SslMode) -> PgSslMode {
    match mode {
        SslMode::Disable => PgSslMode::Disable,
        SslMode::Allow => PgSslMode::Allow,
        SslMode::Prefer => PgSslMode::Prefer,
        SslMode::Require => PgSslMode::Require,
        SslMode::VerifyCa => PgSslMode::VerifyCa,
        SslMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(url: &str, configure: impl FnOnce(&mut Instance)) -> [String; 2] {
        let url = Some(Secret::new(url.to_owned()));
        let mut instance = Instance { url: url.clone(), apply_url: url, ..Instance::default() };
        configure(&mut instance);
        let read = read_options(&instance).unwrap();
        let apply = apply_options(&instance).unwrap().unwrap();
        [read, apply].map(|options| format!("{:?}", options.get_ssl_mode()))
    }

    #[test]
    fn both_roles_are_encrypted_as_configured() {
        for (mode, name) in [(SslMode::Disable, "Disable"), (SslMode::VerifyFull, "VerifyFull")] {
            assert_eq!(
                modes("postgres://u@db.example/d", |instance| instance.sslmode = Some(mode)),
                [name; 2]
            );
        }
        assert_eq!(modes("postgres://u@db.example/d?sslmode=verify-ca", |_| {}), ["VerifyCa"; 2]);
    }

    #[test]
    fn on_another_host_encryption_is_not_left_open() {
        assert_eq!(modes("postgres://u@db.example/d", |_| {}), ["Require"; 2]);
        assert_eq!(modes("postgres://u@db.example/d?sslmode=prefer", |_| {}), ["Require"; 2]);
        let with_root = |instance: &mut Instance| instance.ssl_root_cert = Some("root.pem".into());
        assert_eq!(modes("postgres://u@db.example/d", with_root), ["VerifyFull"; 2]);
        assert_eq!(modes("postgres://u@localhost/d", |_| {}), ["Prefer"; 2]);
        let open = |instance: &mut Instance| instance.sslmode = Some(SslMode::Prefer);
        assert_eq!(modes("postgres://u@db.example/d", open), ["Prefer"; 2]);
    }
}
