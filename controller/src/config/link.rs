//! Where agents reach the controller.

use std::net::SocketAddr;

use querysmith_shared::wire::DEFAULT_PORT;
use serde::{Deserialize, Serialize};

/// Where agents reach the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Link {
    /// UDP address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `host:port` that agents use, where it differs from `listen`; shown with join tokens.
    pub advertise: String,
    /// Most agents connected at a time.
    pub max_connections: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
            advertise: String::new(),
            max_connections: 2_000,
        }
    }
}
