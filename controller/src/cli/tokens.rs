//! `token`: join tokens for agents.

use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use querysmith_shared::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::config::Config;
use crate::fleet::authority::Authority;
use crate::fleet::tokens::create;
use crate::startup::backing::Backing;
use crate::store::audit::Deed;

/// A token that lives longer is a password.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// What to do with join tokens.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token with which one agent can join
    Create {
        /// How long it is good: `30m`, `1h`, `7d`
        #[arg(long, default_value = "1h", value_parser = duration)]
        ttl: Duration,
        /// What it is for
        #[arg(long, default_value = "")]
        note: String,
        /// Print the token only
        #[arg(long)]
        quiet: bool,
    },
}

pub(super) async fn run(command: TokenCommand, config: &Config, backing: &Backing) -> Result<()> {
    let TokenCommand::Create { ttl, note, quiet } = command;
    let now = Timestamp::from(SystemTime::now());
    let authority = Authority::open(&config.data.directory, now)
        .context("failed to open the authority that signs certificates")?;
    let token = create(ttl, now, rand::random(), authority.pin());
    backing
        .store
        .add_join_token(token.secret_hash, "command line", &note, now, token.expires_at)
        .await
        .context("failed to store the token")?;
    super::accounts::record(
        backing,
        &Deed {
            actor: "command line",
            action: "join_token.create",
            subject: if note.is_empty() { "a new agent" } else { &note },
            detail: json!({ "ttl_s": ttl.as_secs() }),
        },
    )
    .await?;
    if quiet {
        println!("{}", token.text);
        return Ok(());
    }
    println!("{}", token.text);
    println!();
    println!("It is good once, for {}. On the database's host:", words(ttl));
    println!("  querysmith-agent enrol {} {}", token.text, link_address(config));
    Ok(())
}

/// Where agents reach the controller: as advertised, as the running one says, or as configured.
fn link_address(config: &Config) -> String {
    if !config.link.advertise.is_empty() {
        return config.link.advertise.clone();
    }
    let published = fs::read(config.data.directory.join("run").join("controller.json")).ok();
    let published: Option<Value> = published.and_then(|text| serde_json::from_slice(&text).ok());
    let link = published.as_ref().and_then(|published| published.get("link")?.as_str());
    link.map_or_else(|| config.link.listen.to_string(), str::to_owned)
}

/// Reads `90`, `90s`, `30m`, `1h`, `7d`.
fn duration(text: &str) -> Result<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().context("it must begin with a number")?;
    let unit = match &text[digits..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        unit => bail!("{unit:?} is no unit; use s, m, h or d"),
    };
    let duration = Duration::from_secs(number.saturating_mul(unit));
    if duration.is_zero() || duration > LONGEST {
        bail!("it must be between a second and {}", words(LONGEST));
    }
    Ok(duration)
}

fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "a day", "days"), (3_600, "an hour", "hours"), (60, "a minute", "minutes")];
    for (unit, one, many) in units {
        if seconds == unit {
            return one.to_owned();
        }
        if seconds.is_multiple_of(unit) {
            return format!("{} {many}", seconds / unit);
        }
    }
    format!("{seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_told() {
        for (text, seconds, told) in [
            ("90", 90, "90 s"),
            ("30m", 1_800, "30 minutes"),
            ("1h", 3_600, "an hour"),
            ("7d", 604_800, "7 days"),
        ] {
            let read = duration(text).unwrap();
            assert_eq!((read.as_secs(), words(read).as_str()), (seconds, told));
        }
        for text in ["", "h", "0s", "1y", "-1h", "99d", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
