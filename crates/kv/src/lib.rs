//! The `kv` command as a library, so that tests see the same command tree as the user: arguments
//! in, an [`Exit`] out, text on the two standard streams.
//!
//! Relies on clap for parsing and help. What the commands do belongs to the crates below; nothing
//! of Raft, storage, transport or the store is decided here.

#[allow(
    missing_docs,
    reason = "shared options are explained where they are defined, not at each of eighty uses; a \
              test asks every argument for its help text"
)]
pub mod cli;

pub mod answer;
pub mod check;
pub mod exit;
pub mod expect;
pub mod explain;
pub mod failure;
pub mod fsck;
pub mod help;
pub mod input;
pub mod inspection;
pub mod json;
pub mod log;
pub mod model;
pub mod node;
pub mod transaction;
pub mod values;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use answer::Answer;
use cli::options::Format;
use cli::{offline, proof};
pub use exit::Exit;
use failure::Failure;

/// A command line that has been read and found good.
#[derive(Debug)]
struct Invocation {
    command: cli::Command,
    /// The command in the user's words, `kv lease grant`.
    name: String,
    /// How the result is printed, and an error too.
    format: Format,
}

/// Does what the command line says. Results go to stdout, errors to stderr.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let invocation = match parse(args) {
        Ok(invocation) => invocation,
        Err(answer) => return print_answer(&answer),
    };
    match dispatch(&invocation) {
        Ok(answer) => print_result(&answer, invocation.format),
        Err(failure) => print_failure(&failure, invocation.format),
    }
}

/// The command tree with its help texts.
pub fn command() -> clap::Command {
    cli::Cli::command()
}

fn dispatch(invocation: &Invocation) -> Result<Answer, Failure> {
    let format = invocation.format;
    match &invocation.command {
        cli::Command::Proof(proof::Command::Check { expect: Some(table), tier, .. }) => {
            expect::table(table, *tier, format)
        }
        cli::Command::Proof(proof::Command::Check {
            files,
            model,
            tier,
            html,
            witness,
            verify_witness,
            ..
        }) => check::files(&check::Request {
            files,
            model: *model,
            tier: *tier,
            html: html.as_deref(),
            witness: witness.as_deref(),
            verify_witness: verify_witness.as_deref(),
            format,
        }),
        cli::Command::Offline(command) => dispatch_offline(command, format),
        unbuilt => Err(Failure::not_built(&invocation.name, unbuilt.comes_with())),
    }
}

fn dispatch_offline(command: &offline::Command, format: Format) -> Result<Answer, Failure> {
    match command {
        offline::Command::Log { dir, votes: true, .. } => log::promises(dir, format),
        offline::Command::Log { dir, range, term, .. } => {
            log::entries(dir, &log::Filter { range: range.clone(), term: *term }, format)
        }
        offline::Command::Fsck { dir, .. } => fsck::report(dir, format),
        offline::Command::Explain { id, .. } => explain::explain(id, format).map(Answer::from),
    }
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let mut tree = command();
    let matches = tree.try_get_matches_from_mut(args)?;
    let command = cli::Cli::from_arg_matches(&matches)?.command;
    let path = path(&matches);
    if let Err(reason) = command.validate() {
        return Err(leaf(&mut tree, &path).error(ErrorKind::ValueValidation, reason));
    }
    Ok(Invocation { command, name: format!("kv {}", path.join(" ")), format: format(&matches) })
}

/// The names of the chosen commands, outermost first.
fn path(matches: &ArgMatches) -> Vec<&str> {
    let mut path = Vec::new();
    let mut level = matches;
    while let Some((name, deeper)) = level.subcommand() {
        path.push(name);
        level = deeper;
    }
    path
}

/// The chosen command's `-o`; a command without the option has no result to shape.
fn format(matches: &ArgMatches) -> Format {
    match matches.subcommand() {
        Some((_, deeper)) => format(deeper),
        None => matches.try_get_one("format").ok().flatten().copied().unwrap_or_default(),
    }
}

/// The chosen command itself, so that an error shows its usage and not that of `kv`.
fn leaf<'a>(tree: &'a mut clap::Command, path: &[&str]) -> &'a mut clap::Command {
    path.iter().fold(tree, |command, name| {
        command.find_subcommand_mut(name).expect("the path was matched in this very tree")
    })
}

/// Help and version are results of the parser; all its other answers are usage errors.
fn print_answer(answer: &clap::Error) -> Exit {
    match answer.print() {
        Ok(()) if answer.exit_code() == 0 => Exit::Ok,
        Ok(()) => Exit::Usage,
        Err(_closed) => Exit::Other,
    }
}

/// A closed stdout (`kv explain … | head`) is an error without a reader, so only the code tells.
fn print_result(answer: &Answer, format: Format) -> Exit {
    let written = io::stdout().lock().write_all(answer.text.as_bytes());
    for complaint in &answer.complaints {
        print_failure(complaint, format);
    }
    match written {
        Err(_closed) if answer.exit == Exit::Ok => Exit::Other,
        Ok(()) | Err(_) => answer.exit,
    }
}

/// The code already says what happened, so a closed stderr changes nothing.
fn print_failure(failure: &Failure, format: Format) -> Exit {
    match io::stderr().lock().write_all(failure.render(format).as_bytes()) {
        Ok(()) | Err(_) => failure.exit,
    }
}
