//! Where the API and the console are.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the API and the console are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate chain, PEM; with it and its key, the port speaks HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
    /// Key of the certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// A proxy in front speaks HTTPS with the browsers: cookies are marked so.
    pub behind_https: bool,
    /// Further `host[:port]` under which browsers reach the console, for a proxy that rewrites `Host`.
    pub other_hosts: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7430)),
            tls_certificate: None,
            tls_key: None,
            behind_https: false,
            other_hosts: Vec::new(),
        }
    }
}
