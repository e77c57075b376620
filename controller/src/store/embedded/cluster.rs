//! Makes the cluster and its database, once. A making that was interrupted is begun anew.

use std::fs;
use std::time::Duration;

use querysmith_shared::hex;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use super::binaries::Binaries;
use super::error::{EmbeddedError, file};
use super::identity::ServerUser;
use super::place::{NAME, Place};

/// A cluster is made in some seconds, on the slowest disk too.
const MAKING_TIME: Duration = Duration::from_secs(180);

/// Makes the cluster if there is none; returns the password of its role.
pub(super) async fn make(
    place: &Place,
    binaries: &Binaries,
    user: &ServerUser,
) -> Result<String, EmbeddedError> {
    let is_made = place.version()?.is_some();
    if let Some(password) = place.read_password()?.filter(|_| is_made) {
        return Ok(password);
    }
    if is_made {
        // Data without its password is nobody's that we know.
        return Err(EmbeddedError::Program {
            program: "the embedded store".to_owned(),
            message: format!("{} is there, but its password is not", place.pgdata().display()),
        });
    }
    tracing::info!(data = %place.pgdata().display(), version = binaries.major, "making the embedded store");
    let making = place.pgdata_in_the_making();
    match fs::remove_dir_all(&making) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(file(making)(error)),
        _ => {}
    }
    let password = hex::encode(&rand::random::<[u8; 24]>());
    let password_file = place.password_for_making(&password, user)?;
    let mut command = Command::new(binaries.program("initdb"));
    command
        .args(["--username", NAME, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"])
        .args(["--data-checksums", "--pwfile"])
        .arg(&password_file)
        .arg("--pgdata")
        .arg(&making)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .kill_on_drop(true);
    user.run(&mut command);
    let ended = run(&mut command, "initdb").await;
    let removed = fs::remove_file(&password_file).map_err(file(&password_file));
    ended?;
    removed?;
    // The password is durable before the data that needs it is in place.
    place.write_password(&password)?;
    fs::rename(&making, place.pgdata()).map_err(file(place.pgdata()))?;
    Ok(password)
}

/// Makes the store's database if there is none.
pub(super) async fn make_database(connect: &PgConnectOptions) -> Result<(), EmbeddedError> {
    let maintenance = connect.clone().database("postgres");
    let mut connection = PgConnection::connect_with(&maintenance).await.map_err(EmbeddedError::Database)?;
    let is_made: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(NAME)
        .fetch_one(&mut connection)
        .await
        .map_err(EmbeddedError::Database)?;
    if !is_made {
        sqlx::query("CREATE DATABASE querysmith")
            .execute(&mut connection)
            .await
            .map_err(EmbeddedError::Database)?;
    }
    connection.close().await.map_err(EmbeddedError::Database)
}

async fn run(command: &mut Command, program: &str) -> Result<(), EmbeddedError> {
    let failed = |message: String| EmbeddedError::Program { program: program.to_owned(), message };
    let output = tokio::time::timeout(MAKING_TIME, command.output())
        .await
        .map_err(|_| failed(format!("it took longer than {} s", MAKING_TIME.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
