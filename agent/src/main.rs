//! The agent's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::cli::main()
}
