//! The commands of an operator: how the cluster is, who belongs to it, and how to save it.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Subcommand;

use super::options::{Connection, Output};
use crate::help::examples;
use crate::node::node_id;
use crate::values::Address;

/// Operate a cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the nodes, who leads, and how far each is
    ///
    /// With --why it also says in words why there is no leader, why nothing commits or why a
    /// transfer waits, and what would help.
    #[command(after_long_help = examples(&[
        ("kv status", ""),
        ("kv status --why", "when writes do not get through"),
    ]))]
    Status {
        /// Explain what holds the cluster up
        #[arg(long)]
        why: bool,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Watch the cluster live in the terminal
    ///
    /// Roles, lag, sync times, load and elections, refreshed as they change; q leaves.
    #[command(after_long_help = examples(&[("kv top", "")]))]
    Top {
        #[command(flatten)]
        connection: Connection,
    },
    /// List, add and remove members
    ///
    /// One change at a time, and only such as keep a majority. A removed number is never used
    /// again.
    Member {
        /// What to do
        #[command(subcommand)]
        command: Member,
    },
    /// Hand leadership to another node
    ///
    /// Waits until that node has the whole log and leads. Writes pause meanwhile and none is lost.
    #[command(after_long_help = examples(&[("kv transfer 2", "node 2 leads from now on")]))]
    Transfer {
        /// The node that shall lead
        #[arg(value_name = "N", value_parser = node_id)]
        node: NonZeroU64,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Save the store to a file, or start anew from one
    Snapshot {
        /// What to do
        #[command(subcommand)]
        command: Snapshot,
    },
    /// Rescue a cluster that has lost its majority for good
    ///
    /// Takes the best of the data directories that are left, says what may be missing from it, and
    /// writes the first node of a new cluster. The last resort: acknowledged writes that only the
    /// lost nodes held are gone. All nodes must be stopped.
    #[command(after_long_help = examples(&[
        ("kv recover --from n2/data --into fresh", ""),
        ("kv recover --from n2/data --from n4/data --into fresh", ""),
    ]))]
    Recover {
        /// Data directory of a stopped node; may be given again
        #[arg(long, value_name = "DIR", required = true)]
        from: Vec<PathBuf>,
        /// Data directory of the new node; must not exist yet
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// Do not ask; needed where there is no terminal
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: Output,
    },
}

/// List and change the members.
#[derive(Debug, Subcommand)]
pub enum Member {
    /// List the members, and who is still catching up
    #[command(after_long_help = examples(&[("kv member list", "")]))]
    List {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Add a node; it votes once it has caught up
    #[command(after_long_help = examples(&[("kv member add 4 10.0.0.4:7401", "")]))]
    Add {
        /// The new node's number, never used before
        #[arg(value_name = "N", value_parser = node_id)]
        node: NonZeroU64,
        /// HOST:PORT where the other nodes reach it
        address: Address,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a node for good
    #[command(after_long_help = examples(&[("kv member remove 3", "")]))]
    Remove {
        /// The node's number
        #[arg(value_name = "N", value_parser = node_id)]
        node: NonZeroU64,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
}

/// Save and restore the store.
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Save the whole store as of now, while it serves
    #[command(after_long_help = examples(&[("kv snapshot save monday.snap", "")]))]
    Save {
        /// The file to write
        file: PathBuf,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Make the data directory of a new cluster's node from a saved store
    ///
    /// The new cluster has its own identity, so that nodes of the old one cannot join it.
    #[command(after_long_help = examples(&[
        ("kv snapshot restore monday.snap --dir data", ""),
    ]))]
    Restore {
        /// The saved store
        file: PathBuf,
        /// The data directory to make; must not exist yet
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}
