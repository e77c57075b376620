//! `doctor`: what the controller needs, looked at one by one.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::config::Config;
use crate::startup::backing::Backing;
use crate::store::embedded::{self, ServerUser};
use crate::store::{Store, StoreOptions};

/// The store that is given must answer within this.
const STORE_TIME: Duration = Duration::from_secs(5);

/// What came of one look.
enum Finding {
    Good(String),
    Note(String),
    Bad(String),
}

/// Looks at everything and prints what it saw; fails if something keeps the controller from running.
pub(super) async fn run(config: &Config) -> Result<ExitCode> {
    let mut findings = vec![data_directory(config)];
    let is_running = matches!(embedded::running(&config.data.directory), Ok(Some(_)));
    if config.store.url.is_none() {
        findings.push(server_user());
        findings.push(server_programs(config));
    }
    findings.push(store(config, is_running).await);
    findings.push(http_port(config, is_running));
    findings.push(link_port(config, is_running));
    let mut is_bad = false;
    for finding in findings {
        match finding {
            Finding::Good(text) => println!("ok    {text}"),
            Finding::Note(text) => println!("note  {text}"),
            Finding::Bad(text) => {
                is_bad = true;
                println!("BAD   {text}");
            }
        }
    }
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn data_directory(config: &Config) -> Finding {
    let directory = &config.data.directory;
    let Ok(status) = std::fs::metadata(directory) else {
        return Finding::Note(format!("{} is not there yet; the first start makes it", directory.display()));
    };
    let is_writable_by_others = status.permissions().mode() & 0o022 != 0;
    if is_writable_by_others {
        let text = format!("{} can be written by others; chmod go-w it", directory.display());
        return Finding::Bad(text);
    }
    let probe = directory.join(".doctor");
    match std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => Finding::Good(format!("data directory {}", directory.display())),
        Err(error) => Finding::Bad(format!("{} can't be written: {error}", directory.display())),
    }
}

fn server_user() -> Finding {
    match ServerUser::find() {
        Ok(user) if user.is_other() => {
            Finding::Good(format!("the embedded store runs as the user {}", user.name))
        }
        Ok(user) => Finding::Good(format!("the embedded store runs as this user, {}", user.name)),
        Err(error) => Finding::Bad(error.to_string()),
    }
}

fn server_programs(config: &Config) -> Finding {
    let found = embedded::find_binaries(config.store.binaries.as_deref());
    match found.first() {
        Some(first) => Finding::Good(format!("PostgreSQL {} in {}", first.major, first.directory.display())),
        None => Finding::Bad("no PostgreSQL server is found for the embedded store".to_owned()),
    }
}

async fn store(config: &Config, is_running: bool) -> Finding {
    if let Some(url) = &config.store.url {
        let options = StoreOptions { acquire_timeout: STORE_TIME, ..StoreOptions::default() };
        let ping = match Store::connect(url.expose(), options) {
            Ok(store) => store.ping().await,
            Err(error) => Err(error),
        };
        return match ping {
            Ok(()) => Finding::Good(format!("the store {url:?} answers")),
            Err(error) => Finding::Bad(format!("the store {url:?}: {:#}", anyhow::Error::new(error))),
        };
    }
    if !is_running {
        return Finding::Note(
            "the embedded store does not run now; it starts with the controller".to_owned(),
        );
    }
    match Backing::borrow(config).await {
        Ok(backing) => {
            let ping = backing.store.ping().await;
            backing.close().await;
            match ping {
                Ok(()) => Finding::Good("the embedded store answers".to_owned()),
                Err(error) => Finding::Bad(format!("the embedded store: {:#}", anyhow::Error::new(error))),
            }
        }
        Err(error) => Finding::Bad(format!("the embedded store: {error:#}")),
    }
}

fn http_port(config: &Config, is_running: bool) -> Finding {
    let address = config.http.listen;
    port("console", "TCP", address.to_string(), TcpListener::bind(address).map(drop), is_running)
}

fn link_port(config: &Config, is_running: bool) -> Finding {
    let address = config.link.listen;
    port("link", "UDP", address.to_string(), UdpSocket::bind(address).map(drop), is_running)
}

fn port(
    what: &str,
    protocol: &str,
    address: String,
    bound: std::io::Result<()>,
    is_running: bool,
) -> Finding {
    match bound {
        Ok(()) => Finding::Good(format!("{protocol} {address} is free for the {what}")),
        Err(error) if is_running => {
            Finding::Note(format!("{protocol} {address} is in use ({error}), a controller is running"))
        }
        Err(error) => Finding::Bad(format!("{protocol} {address} for the {what}: {error}")),
    }
}
