//! What the web server is given.

use std::net::TcpListener;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::api::context::Jobs;
use crate::config::http::Http;
use crate::jobs::runner::JobsHandle;

/// The jobs as the API sees them.
#[derive(Debug)]
pub(super) struct JobsForApi(pub(super) JobsHandle);

impl Jobs for JobsForApi {
    fn run_now(&self, name: &str) -> bool {
        self.0.run_now(name)
    }

    fn problems(&self) -> Vec<String> {
        self.0.problems()
    }
}

/// The address the console is reached at.
pub(super) fn address(listener: &TcpListener, is_tls: bool) -> Result<String> {
    let address = listener.local_addr().context("failed to read the console's address")?;
    Ok(format!("{}://{address}", if is_tls { "https" } else { "http" }))
}

/// The settings of HTTPS, if a certificate is configured.
pub(super) fn tls(http: &Http) -> Result<Option<ServerConfig>> {
    let (Some(certificate), Some(key)) = (&http.tls_certificate, &http.tls_key) else { return Ok(None) };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("failed to read the certificate {}", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("failed to read the key {}", key.display()))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its key can't be used")?;
    Ok(Some(config))
}
