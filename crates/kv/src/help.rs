//! The parts of the help that clap does not make: commands in groups, examples, exit codes.
//!
//! All of it is generated from what it describes, so that help and behaviour cannot part. Lines
//! stay within 80 columns, because clap wraps these parts without keeping their indentation.

use clap::builder::{StyledStr, Styles};

use crate::cli;
use crate::exit::Exit;

/// The widest line of generated help.
pub const WIDTH_MAX: usize = 80;

/// The page of `kv --help`: what it is, how it is called, the commands by group, the options.
pub fn template() -> StyledStr {
    format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n\
         {{before-help}}{}\n{{options}}{{after-help}}",
        heading("Options")
    )
    .into()
}

/// Every command once, under the heading of its group.
pub fn commands_by_group() -> StyledStr {
    let groups = cli::groups();
    let names = groups.iter().flat_map(|(_, group)| group.get_subcommands());
    let width = names.map(|command| command.get_name().len()).max().unwrap_or_default();
    let paragraphs = groups.iter().map(|(title, group)| {
        let lines = group.get_subcommands().map(|command| summary(command, width));
        [heading(title)].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n").into()
}

/// The examples of one command: what to type, and a remark where it does not speak for itself.
pub fn examples(lines: &[(&str, &str)]) -> StyledStr {
    block("Examples", lines).into()
}

/// What follows the options in `kv -h`.
pub fn first_steps() -> StyledStr {
    first_steps_text().into()
}

/// What follows the options in `kv --help`.
pub fn first_steps_and_exit_codes() -> StyledStr {
    let codes = Exit::ALL.map(|exit| format!("  {:>2}  {}", exit.code(), exit.meaning()));
    format!("{}\n\n{}\n{}", first_steps_text(), heading("Exit codes"), codes.join("\n")).into()
}

fn first_steps_text() -> String {
    let steps = [
        ("kv dev", "three nodes on this machine; stop them with ctrl-c"),
        ("kv put hello world", "in another terminal, same directory"),
        ("kv get hello", ""),
        ("kv help put", "all about one command, with examples"),
    ];
    block("First steps", &steps)
}

fn block(title: &str, lines: &[(&str, &str)]) -> String {
    let remarked = lines.iter().filter(|(_, remark)| !remark.is_empty());
    let width = remarked.map(|(line, _)| line.len()).max().unwrap_or_default();
    let lines = lines.iter().map(|(line, remark)| match *remark {
        "" => format!("  {line}"),
        remark => format!("  {line:width$}  # {remark}"),
    });
    [heading(title)].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn summary(command: &clap::Command, width: usize) -> String {
    let name = command.get_name();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let literal = Styles::styled().get_literal().to_owned();
    format!("  {literal}{name:width$}{literal:#}  {about}")
}

fn heading(title: &str) -> String {
    let style = Styles::styled().get_header().to_owned();
    format!("{style}{title}:{style:#}")
}
