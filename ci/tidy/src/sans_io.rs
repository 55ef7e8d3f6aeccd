//! The two sans-IO crates deny clippy's ban lists, and nothing in them takes that back.
//!
//! The lists themselves (clocks, randomness, I/O, panics) stand in `clippy.toml`, and clippy applies them. Here
//! is that they are on, and that nothing that matters has left them. Tests may do what they like, by
//! `cfg_attr(not(test), …)`.

use toml::{Table, Value};

use crate::Violation;
use crate::source::Source;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = check_lists(tree);
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

/// What the ban lists must name, each with a reason.
fn check_lists(tree: &Tree) -> Vec<Violation> {
    let table: Table = tree.text(CLIPPY).and_then(|text| text.parse().ok()).unwrap_or_default();
    let is_banned = |list: &str, path: &str| {
        let bans = table.get(list).and_then(Value::as_array).into_iter().flatten();
        let mut reasons = bans.filter(|ban| ban.get("path").and_then(Value::as_str) == Some(path));
        reasons
            .any(|ban| ban.get("reason").and_then(Value::as_str).is_some_and(|why| !why.is_empty()))
    };
    let missing = BANNED.iter().filter(|(list, path)| !is_banned(list, path));
    missing
        .map(|(list, path)| {
            let message = format!("ban {path} in {list}, with the reason in the ban");
            Violation::of_file(RULE, CLIPPY, message)
        })
        .collect()
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
        is_softer && LINTS.iter().chain(&GROUPS).any(|lint| attribute.text.contains(lint))
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

const CLIPPY: &str = "clippy.toml";

/// What lets neither the world in nor a panic out.
const LINTS: [&str; 11] = [
    "clippy::disallowed_macros",
    "clippy::disallowed_methods",
    "clippy::disallowed_types",
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::unreachable",
    "clippy::indexing_slicing",
    "clippy::string_slice",
    "clippy::arithmetic_side_effects",
    "clippy::wildcard_enum_match_arm",
];

/// The least that the lists must hold: of each kind of thing that would break replay, or panic.
const BANNED: [(&str, &str); 26] = [
    ("disallowed-methods", "std::time::Instant::now"),
    ("disallowed-methods", "std::time::SystemTime::now"),
    ("disallowed-methods", "std::thread::sleep"),
    ("disallowed-methods", "std::thread::spawn"),
    ("disallowed-methods", "std::hash::RandomState::new"),
    ("disallowed-methods", "std::env::var"),
    ("disallowed-methods", "std::env::var_os"),
    ("disallowed-methods", "std::fs::read"),
    ("disallowed-methods", "std::fs::write"),
    ("disallowed-methods", "std::vec::Vec::remove"),
    ("disallowed-methods", "slice::split_at"),
    ("disallowed-types", "std::collections::HashMap"),
    ("disallowed-types", "std::collections::HashSet"),
    ("disallowed-types", "std::time::Instant"),
    ("disallowed-types", "std::time::SystemTime"),
    ("disallowed-types", "std::fs::File"),
    ("disallowed-types", "std::fs::OpenOptions"),
    ("disallowed-types", "std::net::UdpSocket"),
    ("disallowed-types", "std::process::Command"),
    ("disallowed-types", "std::sync::Mutex"),
    ("disallowed-macros", "std::assert"),
    ("disallowed-macros", "std::assert_eq"),
    ("disallowed-macros", "std::debug_assert"),
    ("disallowed-macros", "std::panic"),
    ("disallowed-macros", "std::unreachable"),
    ("disallowed-macros", "std::println"),
];

const SOFTER: [&str; 3] = ["allow(", "expect(", "warn("];

/// Groups that contain some of them.
const GROUPS: [&str; 4] =
    ["clippy::style", "clippy::all", "clippy::restriction", "clippy::pedantic"];
