//! The controller's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    querysmith_controller::cli::main()
}
