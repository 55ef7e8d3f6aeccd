//! The commands that need no running cluster: a stopped node's data, and the meaning of errors.

use std::ops::Range;
use std::path::PathBuf;

use clap::Subcommand;

use super::options::Output;
use crate::help::examples;
use crate::values::half_open;

/// Look inside, offline.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the log of a stopped node
    ///
    /// Lists the segments with what each holds, the snapshots, and the entries that the node would
    /// start from; with --range or --term only those entries, with --votes only what the node has
    /// promised. Never writes.
    #[command(after_long_help = examples(&[
        ("kv log kv-dev/n1", "segments, snapshots, and every entry"),
        ("kv log kv-dev/n1 --range 100..120", "twenty entries"),
        ("kv log kv-dev/n1 --term 3", "what the leader of term 3 appended"),
        ("kv log kv-dev/n1 --votes", "the term, and who got the vote in it"),
    ]))]
    Log {
        /// The node's data directory
        dir: PathBuf,
        /// The entries from index A up to B, B not included
        #[arg(long, value_name = "A..B", value_parser = half_open)]
        range: Option<Range<u64>>,
        /// The entries of this term
        #[arg(long, value_name = "TERM")]
        term: Option<u64>,
        /// The vote file, both copies
        #[arg(long, conflicts_with_all = ["range", "term"])]
        votes: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Check a stopped node's data for damage
    ///
    /// Reads every record, checksum and snapshot, and says what the node would do at its next
    /// start. Exit code 8 tells of damage. Never writes.
    #[command(after_long_help = examples(&[("kv fsck kv-dev/n1", "")]))]
    Fsck {
        /// The node's data directory
        dir: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Explain an error id
    #[command(after_long_help = examples(&[("kv explain KV-0001", "")]))]
    Explain {
        /// The id, as the error message shows it
        id: String,
        #[command(flatten)]
        output: Output,
    },
}
