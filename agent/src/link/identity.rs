//! Who this agent is: its key, its certificate and the authorities it trusts, on its own disk.
//!
//! The three are one file, so that they can't get out of step: private key, own certificate,
//! authorities, all PEM. A renewed identity is a second file until it has proved a handshake.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use querysmith_link::certificates::{AgentCertificate, agent_certificate};
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Below the state directory.
const DIRECTORY: &str = "identity";
/// The identity in use.
const CURRENT: &str = "identity.pem";
/// A renewed one that has not proved itself yet.
const RENEWED: &str = "renewed.pem";

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The agent was never enrolled.
    #[error("this agent is not enrolled: run `querysmith-agent enrol`")]
    Missing,
    /// The file can be read by others than its owner.
    #[error("{0} can be read by others: it must have mode 0600")]
    Exposed(PathBuf),
    /// A file can't be read or written.
    #[error("failed to access {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file does not hold a key and a certificate of an agent.
    #[error("{0} does not hold an agent's key and certificate")]
    Unreadable(PathBuf),
    /// A key or a signing request can't be made.
    #[error("failed to make a key")]
    Key(#[source] rcgen::Error),
}

/// A key, its certificate, and whom to trust.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) agent: AgentId,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) authorities: Vec<CertificateDer<'static>>,
}

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Current,
    Renewed,
}

/// A new key, and the request to sign it.
pub(super) struct KeyRequest {
    pub(super) key_pem: String,
    pub(super) request_pem: String,
}

/// The agent's id, from its certificate.
pub fn agent_id(state_dir: &Path) -> Result<AgentId, IdentityError> {
    match load(state_dir, Slot::Current)? {
        Some(credentials) => Ok(credentials.agent),
        None => Err(IdentityError::Missing),
    }
}

/// Makes a key on the curve P-256 and a request that asks for no name: the controller gives it.
pub(super) fn new_key() -> Result<KeyRequest, IdentityError> {
    let key = KeyPair::generate().map_err(IdentityError::Key)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(IdentityError::Key)?;
    Ok(KeyRequest { key_pem: key.serialize_pem(), request_pem: request.pem().map_err(IdentityError::Key)? })
}

/// Reads an identity; `None` if there is no such file.
pub(super) fn load(state_dir: &Path, slot: Slot) -> Result<Option<Credentials>, IdentityError> {
    let path = path(state_dir, slot);
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(IdentityError::File { path, source }),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(IdentityError::Exposed(path));
    }
    let text = fs::read(&path).map_err(|source| IdentityError::File { path: path.clone(), source })?;
    parse(&text).map(Some).ok_or(IdentityError::Unreadable(path))
}

/// Stores an identity, whole or not at all. What is written is read back first: an identity that can't
/// be used must not take the place of one that can.
pub(super) fn store(
    state_dir: &Path,
    slot: Slot,
    key_pem: &str,
    certificate_pem: &str,
    authorities_pem: &str,
) -> Result<Credentials, IdentityError> {
    let path = path(state_dir, slot);
    let text = format!("{}\n{}\n{}\n", key_pem.trim(), certificate_pem.trim(), authorities_pem.trim());
    let credentials = parse(text.as_bytes()).ok_or_else(|| IdentityError::Unreadable(path.clone()))?;
    write_private(&path, text.as_bytes()).map_err(|source| IdentityError::File { path, source })?;
    Ok(credentials)
}

/// Puts the renewed identity in the place of the current one.
pub(super) fn promote(state_dir: &Path) -> Result<(), IdentityError> {
    let (renewed, current) = (path(state_dir, Slot::Renewed), path(state_dir, Slot::Current));
    fs::rename(&renewed, &current)
        .and_then(|()| sync_directory(&current))
        .map_err(|source| IdentityError::File { path: renewed, source })
}

/// Throws the renewed identity away; the current one stays.
pub(super) fn discard_renewed(state_dir: &Path) {
    let _ = fs::remove_file(path(state_dir, Slot::Renewed));
}

fn path(state_dir: &Path, slot: Slot) -> PathBuf {
    let name = match slot {
        Slot::Current => CURRENT,
        Slot::Renewed => RENEWED,
    };
    state_dir.join(DIRECTORY).join(name)
}

fn parse(text: &[u8]) -> Option<Credentials> {
    let key = PrivateKeyDer::from_pem_slice(text).ok()?;
    let mut certificates = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>().ok()?;
    if certificates.len() < 2 {
        return None;
    }
    let certificate = certificates.remove(0);
    let AgentCertificate { agent, not_before, not_after } = agent_certificate(&certificate)?;
    Some(Credentials { agent, not_before, not_after, key, certificate, authorities: certificates })
}

fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let unfinished = path.with_extension("tmp");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
