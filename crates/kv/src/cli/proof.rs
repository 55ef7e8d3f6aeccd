//! The commands that measure and judge: load, linearizability, simulation, and real processes under
//! faults.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum, value_parser};

use super::options::{Connection, Output};
use super::simulation::Sim;
use crate::help::examples;
use crate::model::Model;
use crate::values::{duration, value_size};

/// More clients than this measure the machine that makes the load.
const CLIENTS_MAX: i64 = 4096;

/// Prove it.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure throughput and latency
    ///
    /// Each client sends its next request when the last one is answered. Prints operations per
    /// second, latency percentiles and errors, with the setup that gave them.
    #[command(after_long_help = examples(&[
        ("kv bench put", "64 clients, 256 bytes, 10 seconds"),
        ("kv bench mixed --clients 16 --value 4KiB --for 30s", ""),
        ("kv bench counter -o json", "does every increment count once?"),
    ]))]
    Bench {
        /// What the clients do
        #[arg(value_enum, default_value_t)]
        workload: Workload,
        /// How many clients at once, 1 to 4096
        #[arg(
            long,
            value_name = "C",
            default_value_t = 64,
            value_parser = value_parser!(u32).range(1..=CLIENTS_MAX)
        )]
        clients: u32,
        /// Size of a value, as in 256 or 64KiB; at most 1572864 bytes
        #[arg(long, value_name = "BYTES", default_value = "256", value_parser = value_size)]
        value: u64,
        /// How long, as in 10s or 2m
        #[arg(
            long = "for",
            value_name = "DURATION",
            default_value = "10s",
            value_parser = duration
        )]
        duration: Duration,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Judge recorded histories: linearizable or not?
    ///
    /// Prints one line a file: ok, bad with the operations that cannot be, or unknown. Reads the
    /// formats of Jepsen logs, Porcupine, EDN and JSON lines, plain or gzipped. Exit code 8 tells
    /// that one is bad, 1 that none is bad and one is unknown.
    ///
    /// The tiers are ways to find an order, quick ones first: 0 takes the server's own order as a
    /// hint, 1 needs unique values, 2 is for registers, 3 for any model. By default each hands on
    /// what it cannot decide.
    #[command(after_long_help = examples(&[
        ("kv check run.jsonl", ""),
        ("kv check --model 'cas-register(0)' a.edn b.edn", ""),
        ("kv check --html report.html run.jsonl", "a page that shows why"),
        ("kv check --witness order.txt run.jsonl", "why it is ok: the order found"),
        ("kv check --verify-witness order.txt run.jsonl", "check that order, search none"),
        ("kv check --expect histories/expected.tsv", "the checker on known verdicts"),
    ]))]
    Check {
        /// The histories
        #[arg(value_name = "FILE", required_unless_present = "expect")]
        files: Vec<PathBuf>,
        /// What the histories are of; by default what the format says
        ///
        /// store, kv, register, cas-register, multi-register, mutex, set or counter. A register may
        /// be given its first value, as in cas-register(0).
        #[arg(long)]
        model: Option<Model>,
        /// Use only this tier, 0 to 3
        #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(0..=3))]
        tier: Option<u8>,
        /// Compare with the verdicts in this table, file by file
        #[arg(
            long,
            value_name = "TSV",
            conflicts_with_all = ["files", "model", "html", "witness", "verify_witness"]
        )]
        expect: Option<PathBuf>,
        /// Write a report page about the one FILE
        #[arg(long, value_name = "OUT")]
        html: Option<PathBuf>,
        /// Write the order that proves the one FILE linearizable
        #[arg(long, value_name = "OUT")]
        witness: Option<PathBuf>,
        /// Only check that this order proves the one FILE linearizable
        #[arg(long, value_name = "WITNESS", conflicts_with_all = ["witness", "tier"])]
        verify_witness: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Run the cluster in a simulated world, a seed a run
    ///
    /// The real algorithm, store and log on a virtual network, disk and clock, with faults. One
    /// number replays a run bit for bit.
    Sim {
        /// What to do
        #[command(subcommand)]
        command: Sim,
    },
    /// Run real processes under faults, then judge what clients saw
    ///
    /// Starts a cluster of its own, breaks it while clients read and write, and checks the history:
    /// nothing lost, nothing doubled, no stale read. Exit code 0 only if the verdict is ok, 8 if it
    /// is bad, 1 if it is unknown or the run is void for lack of load.
    #[command(after_long_help = examples(&[
        ("kv torture --for 60s", ""),
        ("kv torture --nodes 3 --faults kill,partition --seed 7", "the same faults again"),
        ("kv torture --for 10m --html report.html -o json", ""),
    ]))]
    Torture {
        /// How long, as in 60s or 10m
        #[arg(
            long = "for",
            value_name = "DURATION",
            default_value = "60s",
            value_parser = duration
        )]
        duration: Duration,
        /// How many nodes, 1 to 7
        #[arg(
            long,
            value_name = "N",
            default_value_t = 5,
            value_parser = value_parser!(u8).range(1..=7)
        )]
        nodes: u8,
        /// Which faults, with commas between them
        #[arg(
            long,
            value_name = "FAULTS",
            value_enum,
            value_delimiter = ',',
            default_value = "kill,pause,partition"
        )]
        faults: Vec<Fault>,
        /// Draw the faults from this number; without it from a new one, which is printed
        #[arg(long, value_name = "SEED")]
        seed: Option<u64>,
        /// Write a report page
        #[arg(long, value_name = "OUT")]
        html: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Judge a running cluster: load it, record, check
    ///
    /// Works on keys of its own beside your data, and injects no faults.
    #[command(after_long_help = examples(&[("kv verify --for 30s", "")]))]
    Verify {
        /// How long, as in 30s or 2m
        #[arg(
            long = "for",
            value_name = "DURATION",
            default_value = "30s",
            value_parser = duration
        )]
        duration: Duration,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
}

/// What the clients of a bench do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Write values
    Put,
    /// Read values
    Get,
    /// Read and write
    #[default]
    Mixed,
    /// Add 1 to counters, and compare the sums at the end
    Counter,
}

/// What can be done to real processes, their network and their disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// SIGKILL, and a start some time later
    Kill,
    /// SIGSTOP, and SIGCONT some time later
    Pause,
    /// Cut the network between some nodes
    Partition,
    /// Lose packets
    Loss,
    /// Delay packets
    Delay,
    /// Fill the disk, and free it
    DiskFull,
    /// Make the disk slow
    SlowDisk,
    /// Add and remove members
    Membership,
}

impl Command {
    /// What is about one file is given one, and a fault is drawn from a set.
    pub(super) fn validate(&self) -> Result<(), String> {
        match self {
            Self::Check { files, html, witness, verify_witness, .. } => {
                let of_one_file = [html, witness, verify_witness].into_iter().any(Option::is_some);
                if of_one_file && files.len() > 1 {
                    return Err(format!(
                        "--html, --witness and --verify-witness are about one FILE; here are {}",
                        files.len()
                    ));
                }
                Ok(())
            }
            Self::Torture { faults, .. } => {
                let twice = |(at, fault): (usize, &Fault)| faults[..at].contains(fault);
                if faults.iter().enumerate().any(twice) {
                    return Err("a fault is named twice in --faults".to_owned());
                }
                Ok(())
            }
            Self::Bench { .. } | Self::Sim { .. } | Self::Verify { .. } => Ok(()),
        }
    }

    /// The part of the project that brings the command to life.
    pub(super) fn comes_with(&self) -> &'static str {
        match self {
            Self::Bench { .. } | Self::Verify { .. } => "the service",
            Self::Check { .. } => "the checker",
            Self::Sim { .. } => "the simulator",
            Self::Torture { .. } => "the faults on real processes",
        }
    }
}
