//! The one command. What it understands is in `cli`, what it does in `run`; here is only the way
//! in and the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    kv_cli::run(std::env::args_os()).into()
}
