//! Commands that bring a cluster to life: a local one to play with, a node of a real one, and the
//! certificates that both need.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, value_parser};

use super::options::Output;
use crate::help::examples;
use crate::node::node_id;

/// Run a cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a local cluster of real processes, secured and ready to use
    ///
    /// Makes throw-away certificates and a client file in the data directory, starts the nodes and
    /// prints their addresses. Client commands started in the same directory, or below it, find the
    /// cluster by themselves. It is ready when the first put would work. Ctrl-c or SIGTERM stops it
    /// all.
    #[command(after_long_help = examples(&[
        ("kv dev", "three nodes, data in ./kv-dev"),
        ("kv dev --nodes 5 --dir demo --keep", "five nodes; demo/ stays when they stop"),
    ]))]
    Dev {
        /// How many nodes, 1 to 7
        #[arg(
            long,
            value_name = "N",
            default_value_t = 3,
            value_parser = value_parser!(u8).range(1..=7)
        )]
        nodes: u8,
        /// Where the nodes keep their data
        ///
        /// Clients find a directory named kv-dev by themselves; for another one they are given
        /// --config DIR/client.toml.
        #[arg(long, value_name = "DIR", default_value = "kv-dev")]
        dir: PathBuf,
        /// Keep the data when the cluster stops
        #[arg(long)]
        keep: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Run one node of a cluster
    ///
    /// Serves until SIGTERM, then hands leadership over, finishes what is in flight and stops. A
    /// failed sync is final: the node stops at once with exit code 74, since what the disk kept is
    /// unknown.
    #[command(after_long_help = examples(&[
        ("kv serve --config /etc/quorate/node.toml", ""),
    ]))]
    Serve {
        /// The node's configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Make certificate authorities and issue certificates
    ///
    /// Nodes and clients prove to each other who they are, always; there is no plaintext mode. Two
    /// authorities keep the sides apart: one signs nodes, the other signs clients.
    Cert {
        /// What to make
        #[command(subcommand)]
        command: Cert,
    },
}

/// Make and issue certificates.
#[derive(Debug, Subcommand)]
pub enum Cert {
    /// Make the two authorities of a new cluster
    ///
    /// Whoever holds their keys can make a node or an admin, so keep the directory off the nodes.
    #[command(after_long_help = examples(&[
        ("kv cert init-ca", "both authorities, in ./certs"),
        ("kv cert init-ca --dir /secure/ca", ""),
    ]))]
    InitCa {
        /// Where to put the authorities
        #[arg(long, value_name = "DIR", default_value = "certs")]
        dir: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Issue the certificate of one node
    ///
    /// It proves the cluster and the node's number to other nodes, and the host names to clients.
    #[command(after_long_help = examples(&[
        ("kv cert issue-node 1 --host n1.example.com", ""),
        ("kv cert issue-node 2 --host 10.0.0.2 --host n2", "reachable under two names"),
    ]))]
    IssueNode {
        /// The node's number
        #[arg(value_name = "N", value_parser = node_id)]
        node: NonZeroU64,
        /// A name or IP address under which clients reach the node
        #[arg(long = "host", value_name = "HOST", default_value = "localhost")]
        hosts: Vec<String>,
        /// Where the authorities are
        #[arg(long, value_name = "DIR", default_value = "certs")]
        dir: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Issue the certificate of a client, with its role and key prefixes
    ///
    /// Role and prefixes are in the certificate, and the nodes hold the client to them. Each role
    /// includes the next: admin, write, read. Without a prefix all keys are meant.
    #[command(after_long_help = examples(&[
        ("kv cert issue-client --role admin", ""),
        ("kv cert issue-client --name web --role write --prefix web/", ""),
        ("kv cert issue-client --name graphs --role read --prefix a/ --prefix b/", ""),
    ]))]
    IssueClient {
        /// What the client may do
        #[arg(long, value_enum)]
        role: Role,
        /// The client may only touch keys that start with this; may be given again
        #[arg(long = "prefix", value_name = "PREFIX")]
        prefixes: Vec<String>,
        /// The name of the client, and of its files
        #[arg(long, value_name = "NAME", default_value = "client")]
        name: String,
        /// Where the authorities are
        #[arg(long, value_name = "DIR", default_value = "certs")]
        dir: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}

/// What a client's certificate allows. Each role includes the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Membership, transfer, snapshots and recovery too
    Admin,
    /// Change keys, leases and watches
    Write,
    /// Look at keys only
    Read,
}
