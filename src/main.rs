//! The `tailcast` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tailcast::cli::main()
}
