//! Faults by hand on a `kv dev` cluster: stop processes, freeze them, cut the network between them.

use std::num::NonZeroU64;

use clap::Subcommand;

use super::options::{Connection, Output};
use crate::help::examples;
use crate::node::{NodeSelector, Side, node_id};

/// Break a `kv dev` cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Kill a node's process with SIGKILL
    #[command(after_long_help = examples(&[
        ("kv kill leader", "and see how long writes pause"),
        ("kv kill 3", ""),
    ]))]
    Kill {
        /// The node's number, or `leader`
        #[arg(value_name = "N|leader")]
        node: NodeSelector,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Start a killed node again, with the data it had
    #[command(after_long_help = examples(&[("kv start 3", "")]))]
    Start {
        /// The node's number
        #[arg(value_name = "N", value_parser = node_id)]
        node: NonZeroU64,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Freeze a node: alive, and silent
    #[command(after_long_help = examples(&[
        ("kv pause leader", "the cluster cannot tell it from a dead one"),
    ]))]
    Pause {
        /// The node's number, or `leader`
        #[arg(value_name = "N|leader")]
        node: NodeSelector,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Let a frozen node go on
    #[command(after_long_help = examples(&[("kv resume 1", "")]))]
    Resume {
        /// The node's number
        #[arg(value_name = "N", value_parser = node_id)]
        node: NonZeroU64,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Cut the network between two sides, both ways
    ///
    /// Clients still reach every node. `kv heal` mends it.
    #[command(after_long_help = examples(&[
        ("kv partition 1 2", "1 and 2 do not hear each other; 3 hears both"),
        ("kv partition leader 2,3", "the leader hears nobody"),
        ("kv partition 1,2 3,4,5", "a minority and a majority"),
    ]))]
    Partition {
        /// One side: a node, `leader`, or several with commas
        #[arg(value_name = "A")]
        a: Side,
        /// The other side
        #[arg(value_name = "B")]
        b: Side,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Mend every partition
    #[command(after_long_help = examples(&[("kv heal", "")]))]
    Heal {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    /// A node cannot be cut off from itself.
    pub(super) fn validate(&self) -> Result<(), String> {
        match self {
            Self::Partition { a, b, .. } => match a.common(b) {
                Some(node) => Err(format!("{node} is on both sides of the partition")),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
