//! The command tree: which commands there are, in which group each stands, and what must hold
//! between the arguments of one command.
//!
//! Each group has a file below, with the help texts beside the arguments. The list that `kv --help`
//! shows is made from these enums, so a new command appears in it by itself. Only shapes are
//! checked here; whether a node, a key or a file exists is found out when the command runs.

pub mod cluster;
pub mod data;
pub mod faults;
pub mod offline;
pub mod operations;
pub mod options;
pub mod proof;
pub mod simulation;

use clap::{Parser, Subcommand};

use crate::help;

/// Quorate: a replicated key-value store over QUIC, with the checker that proves it
#[derive(Debug, Parser)]
#[command(
    name = "kv",
    version,
    max_term_width = 100,
    help_template = help::template(),
    before_help = help::commands_by_group(),
    after_help = help::first_steps(),
    after_long_help = help::first_steps_and_exit_codes(),
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command, by group.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Nodes and what they need to start.
    #[command(flatten)]
    Cluster(cluster::Command),
    /// What an application does.
    #[command(flatten)]
    Data(data::Command),
    /// What an operator does.
    #[command(flatten)]
    Operations(operations::Command),
    /// Faults on a `kv dev` cluster.
    #[command(flatten)]
    Faults(faults::Command),
    /// Speed and correctness, measured.
    #[command(flatten)]
    Proof(proof::Command),
    /// What needs no running cluster.
    #[command(flatten)]
    Offline(offline::Command),
}

impl Command {
    /// What no single argument can know: that two of them go together.
    pub fn validate(&self) -> Result<(), String> {
        match self {
            Self::Data(data) => data.validate(),
            Self::Faults(fault) => fault.validate(),
            Self::Proof(proof) => proof.validate(),
            Self::Cluster(_) | Self::Operations(_) | Self::Offline(_) => Ok(()),
        }
    }

    /// The part of the project that brings the command to life.
    pub fn comes_with(&self) -> &'static str {
        match self {
            Self::Proof(proof) => proof.comes_with(),
            Self::Offline(_) => "the storage engine",
            Self::Cluster(_) | Self::Data(_) | Self::Operations(_) | Self::Faults(_) => {
                "the service"
            }
        }
    }
}

/// The groups in the order a newcomer needs them, each with its title and its commands.
pub fn groups() -> [(&'static str, clap::Command); 6] {
    let group = || clap::Command::new("kv");
    [
        ("Run a cluster", cluster::Command::augment_subcommands(group())),
        ("Read and write data", data::Command::augment_subcommands(group())),
        ("Operate it", operations::Command::augment_subcommands(group())),
        ("Break it (a `kv dev` cluster)", faults::Command::augment_subcommands(group())),
        ("Prove it", proof::Command::augment_subcommands(group())),
        ("Offline", offline::Command::augment_subcommands(group())),
    ]
}
