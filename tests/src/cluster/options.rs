//! What a private cluster shall be like.

use std::path::PathBuf;

/// Options of a cluster; the default is a small, undurable PostgreSQL 15 with pg_stat_statements.
#[derive(Clone, Debug)]
pub struct Options {
    /// Major version: the distribution's if it is installed, else npm's if it was fetched.
    pub major: u16,
    /// Libraries to preload.
    pub preload: Vec<String>,
    /// `pg_stat_statements.max`, used if the library is preloaded.
    pub statements_max: u32,
    /// `pg_stat_statements.track`: top, all or none.
    pub statements_track: String,
    /// `shared_buffers`.
    pub shared_buffers: String,
    /// Survive the crash of the machine; without it the server is quicker and survives its own crash only.
    pub durable: bool,
    /// Further settings, which win over the ones above.
    pub settings: Vec<(String, String)>,
    /// Keep the cluster in this directory; without it a temporary one is made, and removed at the end.
    pub directory: Option<PathBuf>,
    /// The port to listen on; without it a free one is taken.
    pub port: Option<u16>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            major: 15,
            preload: vec!["pg_stat_statements".to_owned()],
            statements_max: 5000,
            statements_track: "top".to_owned(),
            shared_buffers: "32MB".to_owned(),
            durable: false,
            settings: Vec::new(),
            directory: None,
            port: None,
        }
    }
}

impl Options {
    /// The default, of another major version.
    pub fn of_major(major: u16) -> Self {
        Self { major, ..Self::default() }
    }

    /// The same with one more setting.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn loads(&self, library: &str) -> bool {
        self.preload.iter().any(|loaded| loaded == library)
    }
}
