//! How a program is configured: one TOML file, every value of it also by environment variable.
//!
//! A key that is not known is an error, in the file and in the environment: a setting that is silently
//! passed over is worse than a program that does not start. What the settings are, and which values make
//! sense, each program says itself with types of its own. Nothing here reads the environment: it is an
//! argument.

// What programs name.
pub mod error;
pub mod logging;
pub mod nearest;
pub mod read;
pub mod schema;
pub mod secret;

// Below reading.
mod environment;
#[cfg(test)]
mod tests;
