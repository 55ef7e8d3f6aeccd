//! Options that many commands share, each in one place, so that it is named and explained the same
//! everywhere.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a client command finds its cluster.
#[derive(Args, Debug)]
pub struct Connection {
    /// Client file: addresses and certificates of the cluster
    ///
    /// Without it the cluster is the one of KV_ENDPOINTS and its certificates, or else of the file
    /// kv-dev/client.toml, looked for in this directory and upward.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How the result is printed.
#[derive(Args, Debug)]
pub struct Output {
    /// Print the result as table or json
    ///
    /// A table is for people, json is for scripts. With json an error is an object too, on stderr:
    /// {"error":{"id":…,"message":…}}; a command line that is wrong is still told in words.
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        // Both are in the sentence, and a list of them would wrap the line in every short help.
        hide_possible_values = true
    )]
    pub format: Format,
}

/// The forms a result can be printed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For scripts
    Json,
}

/// How keys and values are written on the command line.
#[derive(Args, Debug)]
pub struct Encoding {
    /// Keys and values are written and printed in hexadecimal
    ///
    /// Each byte is two digits. What comes from a file (@FILE) or from stdin (-) is taken byte for
    /// byte, with or without this option. A text that starts with @ is written with @@.
    #[arg(long)]
    pub hex: bool,
}
