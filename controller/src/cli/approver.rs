//! `approver`: keys and signatures without a browser. Needs neither configuration nor store nor network.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use querysmith_link::signature::ApproverKey;
use querysmith_shared::approval::is_signable;
use querysmith_shared::hex;
use serde_json::json;

/// Longer than any text to sign.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// What to do with an approver's key.
#[derive(Debug, Subcommand)]
pub(super) enum ApproverCommand {
    /// Make a key, and print what the allow-list of a database host names
    NewKey {
        /// Where to keep it; must not exist
        file: PathBuf,
    },
    /// Print what the allow-list of a database host names of a key
    Key {
        /// Its file; `openssl genpkey -algorithm ed25519` makes one too
        file: PathBuf,
    },
    /// Sign the text on standard input, and print the signature as the API takes it
    Sign {
        /// The file of the key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

pub(super) fn run(command: &ApproverCommand) -> Result<()> {
    match command {
        ApproverCommand::NewKey { file } => new_key(file),
        ApproverCommand::Key { file } => {
            println!("{}", read_key(file)?.public());
            Ok(())
        }
        ApproverCommand::Sign { key } => sign(&read_key(key)?),
    }
}

fn new_key(path: &Path) -> Result<()> {
    let key = ApproverKey::generate()?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("failed to create {}", path.display()))?;
    file.write_all(key.to_pem()?.as_bytes()).context("failed to write the key")?;
    file.sync_all().context("failed to write the key")?;
    eprintln!("The key is in {}: keep it where only you can read it, and keep no copy.", path.display());
    eprintln!("On each database host you approve for, root adds this to allow.toml:");
    println!("[[approver]]\nname = \"your name\"\nkeys = [\"{}\"]", key.public());
    Ok(())
}

fn read_key(path: &Path) -> Result<ApproverKey> {
    let file = || format!("the key in {}", path.display());
    let status = fs::metadata(path).with_context(file)?;
    if status.mode() & 0o077 != 0 {
        bail!("{} can be read by others than its owner: chmod 600 {}", path.display(), path.display());
    }
    let text = fs::read_to_string(path).with_context(file)?;
    ApproverKey::from_pem(&text).with_context(file)
}

fn sign(key: &ApproverKey) -> Result<()> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(MAX_TEXT_BYTES);
    input.read_to_string(&mut text).context("failed to read the text to sign")?;
    if !is_signable(&text) {
        bail!(
            "this is no approval's text: it is in the field signing.text of GET /api/v1/proposals/<id>, and \
             `jq -j .signing.text` prints it as it is"
        );
    }
    let signature = key.sign(&text);
    println!("{}", json!({ "key": signature.key.to_string(), "signature": hex::encode(signature.bytes()) }));
    Ok(())
}
