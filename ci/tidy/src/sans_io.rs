//! The two sans-IO crates deny clippy's ban lists, and nothing in them takes that back.
//!
//! The lists themselves (clocks, randomness, I/O, panics) stand in `clippy.toml`, and clippy applies them.
//! Here is only that they are on. Tests may do what they like, by `cfg_attr(not(test), …)`.

use crate::Violation;
use crate::source::Source;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for name in SANS_IO {
        let folder = format!("crates/{name}/");
        let root = format!("{folder}src/lib.rs");
        let mut files = tree.rust().filter(|(file, _)| file.path.starts_with(&folder));
        if !files.any(|(file, source)| file.path == root && denies_all(source)) {
            found.push(Violation::of_file(
                RULE,
                &root,
                format!("write `#![cfg_attr(not(test), deny({}))]` at its head", LINTS.join(", ")),
            ));
        }
        let files = tree.rust().filter(|(file, _)| file.path.starts_with(&folder));
        found.extend(files.flat_map(|(file, source)| check_softening(&file.path, source)));
    }
    found
}

fn denies_all(source: &Source) -> bool {
    let denials: String = source
        .attributes()
        .into_iter()
        .filter(|attribute| attribute.text.starts_with("#![cfg_attr(not(test),deny("))
        .map(|attribute| attribute.text)
        .collect();
    LINTS.iter().all(|lint| denials.contains(lint))
}

fn check_softening(path: &str, source: &Source) -> Vec<Violation> {
    let softening = source.attributes().into_iter().filter(|attribute| {
        let is_softer = SOFTER.iter().any(|level| attribute.text.contains(level));
        is_softer && BANS.iter().any(|ban| attribute.text.contains(ban))
    });
    softening
        .map(|attribute| {
            let message = "remove it, and have time, seed or bytes handed in by the caller";
            Violation::of_line(RULE, path, attribute.line, message)
        })
        .collect()
}

const RULE: &str = "sans-io";

const SANS_IO: [&str; 2] = ["raft-core", "kv-core"];

const LINTS: [&str; 3] =
    ["clippy::disallowed_macros", "clippy::disallowed_methods", "clippy::disallowed_types"];

const SOFTER: [&str; 3] = ["allow(", "expect(", "warn("];

/// The lists, and the groups that contain them.
const BANS: [&str; 3] = ["clippy::disallowed_", "clippy::style", "clippy::all"];
