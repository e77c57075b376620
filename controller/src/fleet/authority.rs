//! The controller's own certificate authority: its key and certificate on disk, and what it signs.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::hmac;
use querysmith_link::certificates::pin_of;
use querysmith_shared::hex;
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::{AGENT_URI, CONTROLLER_NAME};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

use super::signing_request::{BadRequest, public_key_of_request};
use super::store::IssuedCertificate;

/// Below the data directory.
const DIRECTORY: &str = "ca";
const KEY_FILE: &str = "ca-key.pem";
const CERTIFICATE_FILE: &str = "ca.pem";

/// Life of the authority itself.
const AUTHORITY_LIFE: Duration = Duration::from_secs(3650 * 86_400);
/// Life of the controller's own certificate; it is made anew, with a new key, at every start and again
/// when half of it is over.
pub const CONTROLLER_LIFE: Duration = Duration::from_secs(30 * 86_400);
/// Life of an agent's certificate: a week survives a long weekend without the controller.
pub const AGENT_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// Agents' certificates are good from a little before they are made: the clock that checks them is this
/// controller's, which may be set back.
const AGENT_BACKDATED: Duration = Duration::from_secs(3_600);
/// The controller's own is checked by the agents' clocks, some of which are wrong.
const CONTROLLER_BACKDATED: Duration = Duration::from_secs(86_400);

/// Why there is no authority, or no certificate from it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file can't be read or written.
    #[error("failed to access {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key file can be read by others than its owner.
    #[error("{0} can be read by others: it must have mode 0600")]
    Exposed(PathBuf),
    /// The files do not hold what they should.
    #[error("{0} does not hold the authority's key or certificate")]
    Unreadable(PathBuf),
    /// Signing failed.
    #[error("failed to make a certificate")]
    Signing(#[source] rcgen::Error),
}

/// Why an agent gets no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Its request is not one that is signed here.
    #[error(transparent)]
    BadRequest(#[from] BadRequest),
    /// Signing failed.
    #[error("failed to sign a certificate")]
    Signing(#[source] rcgen::Error),
}

/// The authority: signs the certificates of this controller and its agents.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    pin: [u8; 32],
}

/// The controller's own certificate with its key.
pub struct ControllerCertificate {
    /// The certificate and the authority's.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Opens the authority below `data_dir`, or makes it at the first start. Blocks on the disk.
    pub fn open(data_dir: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let directory = data_dir.join(DIRECTORY);
        let (key_path, certificate_path) = (directory.join(KEY_FILE), directory.join(CERTIFICATE_FILE));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(at(&directory))?;

        let key = match read_private(&key_path)? {
            Some(text) => {
                KeyPair::from_pem(&text).map_err(|_| AuthorityError::Unreadable(key_path.clone()))?
            }
            None => {
                let key = KeyPair::generate().map_err(AuthorityError::Signing)?;
                write_private(&key_path, &key.serialize_pem()).map_err(at(&key_path))?;
                key
            }
        };
        // The certificate follows from the key: one that was not written in time is made again, and the
        // pin, which is of the key, stays.
        let certificate_pem = match fs::read_to_string(&certificate_path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = authority_params(now, &key).self_signed(&key).map_err(AuthorityError::Signing)?;
                write_private(&certificate_path, &made.pem()).map_err(at(&certificate_path))?;
                made.pem()
            }
            Err(error) => return Err(at(&certificate_path)(error)),
        };
        let pin = Sha256::digest(key.subject_public_key_info()).into();
        let unreadable = || AuthorityError::Unreadable(certificate_path.clone());
        let certificate =
            CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(|_| unreadable())?;
        if pin_of(&certificate) != Some(pin) {
            return Err(unreadable());
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|_| unreadable())?;
        Ok(Self { issuer, certificate, certificate_pem, pin })
    }

    /// SHA-256 of the authority's public key, which join tokens carry.
    pub fn pin(&self) -> [u8; 32] {
        self.pin
    }

    /// The authority's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The authority's certificate, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A secret that stays the same as long as the authority does, another one for each `purpose`: HMAC-SHA-256
    /// of the purpose under the authority's private key.
    pub(super) fn secret(&self, purpose: &str) -> hmac::Tag {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.issuer.key().serialize_der());
        hmac::sign(&key, purpose.as_bytes())
    }

    /// A certificate with a new key for this controller.
    pub fn issue_controller_certificate(
        &self,
        now: Timestamp,
    ) -> Result<ControllerCertificate, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::Signing)?;
        let name = CONTROLLER_NAME.try_into().map_err(AuthorityError::Signing)?;
        let mut params = leaf_params(now, CONTROLLER_BACKDATED, CONTROLLER_LIFE, CONTROLLER_NAME);
        params.subject_alt_names = vec![SanType::DnsName(name)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).map_err(AuthorityError::Signing)?;
        Ok(ControllerCertificate {
            chain: vec![certificate.der().clone(), self.certificate.clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }

    /// A certificate for `agent`. Only the public key is taken from the request; a request that asks for
    /// a name or an extension is refused, because whoever wrote it expects something it will not get.
    pub fn issue_agent_certificate(
        &self,
        request_pem: &str,
        agent: AgentId,
        now: Timestamp,
        serial: [u8; 16],
    ) -> Result<(String, IssuedCertificate), IssueError> {
        let key = public_key_of_request(request_pem)?;
        let mut params = leaf_params(now, AGENT_BACKDATED, AGENT_LIFE, &agent.to_string());
        let uri = format!("{}{agent}", AGENT_URI).try_into();
        params.subject_alt_names = vec![SanType::URI(uri.map_err(IssueError::Signing)?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let mut serial = serial;
        // A serial number is positive and has no leading zero byte.
        serial[0] = serial[0] & 0x7f | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let certificate = params.signed_by(&key, &self.issuer).map_err(IssueError::Signing)?;
        let serial = hex::encode(&serial);
        Ok((certificate.pem(), IssuedCertificate { serial, not_after: now.after(AGENT_LIFE) }))
    }
}

/// The name has a part of the key in it: a certificate of another authority is then recognised by its
/// issuer, and not only by a signature that does not fit.
fn authority_params(now: Timestamp, key: &KeyPair) -> CertificateParams {
    let pin = Sha256::digest(key.subject_public_key_info());
    let mark = hex::encode(&pin[..4]);
    let mut params =
        leaf_params(now, CONTROLLER_BACKDATED, AUTHORITY_LIFE, &format!("Querysmith authority {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = false;
    params
}

fn leaf_params(now: Timestamp, backdated: Duration, life: Duration, name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let moment = |at: Timestamp| rcgen::date_time_ymd(1970, 1, 1) + at.since(Timestamp(0));
    params.not_before = moment(now.before(backdated));
    params.not_after = moment(now.after(life));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn read_private(path: &Path) -> Result<Option<String>, AuthorityError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(AuthorityError::Exposed(path.to_owned()));
    }
    fs::read_to_string(path).map(Some).map_err(at(path))
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(directory) => fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> AuthorityError {
    let path = path.to_owned();
    move |source| AuthorityError::File { path: path.clone(), source }
}

#[cfg(test)]
mod tests;
