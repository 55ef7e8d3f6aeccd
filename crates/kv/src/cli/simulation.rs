//! `kv sim`: the deterministic world, where one number is a whole run and replays it bit for bit.

use std::ops::Range;
use std::path::PathBuf;

use clap::Subcommand;

use super::options::Output;
use crate::help::examples;
use crate::values::half_open;

/// Simulate.
#[derive(Debug, Subcommand)]
pub enum Sim {
    /// Run many seeds and judge each
    ///
    /// Exit code 8 tells that a seed failed; its number is all that `kv sim replay` needs.
    #[command(after_long_help = examples(&[
        ("kv sim run --seeds 0..1000", ""),
        ("kv sim run --seeds 0..100000 -o json", ""),
    ]))]
    Run {
        /// The seeds from A up to B, B not included
        #[arg(long, value_name = "A..B", value_parser = half_open)]
        seeds: Range<u64>,
        #[command(flatten)]
        output: Output,
    },
    /// Run one seed again and tell what happens
    #[command(after_long_help = examples(&[
        ("kv sim replay 4711", ""),
        ("kv sim replay 4711 --html run.html", "the same run as a page to scroll"),
    ]))]
    Replay {
        /// The number of the run
        seed: u64,
        /// Write the run as a page
        #[arg(long, value_name = "OUT")]
        html: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Find the shortest run that fails as this seed does
    #[command(after_long_help = examples(&[("kv sim shrink 4711", "")]))]
    Shrink {
        /// The number of a run that fails
        seed: u64,
        #[command(flatten)]
        output: Output,
    },
    /// Play one of the named stories
    ///
    /// Elections, crashes, partitions and recoveries as textbooks tell them, each with what must be
    /// seen in it.
    #[command(after_long_help = examples(&[
        ("kv sim scenario split-vote", ""),
        ("kv sim scenario figure-8 --html figure-8.html", "as a page to scroll"),
    ]))]
    Scenario {
        /// The name of the story
        name: String,
        /// Write the run as a page
        #[arg(long, value_name = "OUT")]
        html: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Put known bugs in, one at a time, and see that the tests catch each
    ///
    /// A mutant is a patch with one deliberate bug. One that no check catches shows a hole in the
    /// tests. Needs the source tree and cargo.
    #[command(after_long_help = examples(&[
        ("kv sim mutants", "all of them"),
        ("kv sim mutants --only 7", ""),
    ]))]
    Mutants {
        /// Only the mutant with this number
        #[arg(long, value_name = "N")]
        only: Option<u32>,
        #[command(flatten)]
        output: Output,
    },
}
