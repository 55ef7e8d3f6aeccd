//! What cargo says a crate really drags in, features and all.
//!
//! Reads the text of `cargo tree -e normal,build -p CRATE --prefix none`; who calls runs cargo. Text that
//! does not begin with the crate in question breaks the rule too, so that a tree that cargo failed to
//! print cannot pass for a clean one.

use crate::Violation;
use crate::arrows::{RAFT_CORE_TAKES, crates};

/// The deterministic world has no runtime and no network of others in it.
pub fn sim(text: &str) -> Vec<Violation> {
    let is_banned = |name: &str| SIM_LACKS.iter().any(|banned| name.starts_with(banned));
    let why = "sim runs without tokio, quinn and rustls, or one seed is not one run";
    check("sim", text, is_banned, why)
}

/// The judge shares no code with the accused.
pub fn checker(text: &str) -> Vec<Violation> {
    let is_banned = |name: &str| crates().any(|ours| ours == name);
    check("checker", text, is_banned, "checker without features takes no crate of ours")
}

/// The core's direct dependencies; the text is that of `--depth 1`.
pub fn raft_core(text: &str) -> Vec<Violation> {
    let is_banned = |name: &str| !RAFT_CORE_TAKES.contains(&name);
    check("raft-core", text, is_banned, "the core takes bytes, serde and postcard only")
}

fn check(root: &str, text: &str, is_banned: impl Fn(&str) -> bool, why: &str) -> Vec<Violation> {
    let path = format!("crates/{root}/Cargo.toml");
    let violation = |message| Violation::of_file(RULE, &path, message);
    let mut names = text.lines().filter_map(|line| line.split_whitespace().next());
    if names.next() != Some(root) {
        return vec![violation(format!("make `cargo tree -p {root}` work: it printed no tree"))];
    }
    let mut banned: Vec<_> = names.filter(|name| is_banned(name)).collect();
    banned.sort_unstable();
    banned.dedup();
    let message = |name| format!("find out with `cargo tree -i {name}` who takes {name}: {why}");
    banned.into_iter().map(|name| violation(message(name))).collect()
}

const RULE: &str = "cargo-tree";

/// Beginnings of names: `tokio-util` needs `tokio`, and `rustls-webpki` is as much a network's.
const SIM_LACKS: [&str; 3] = ["tokio", "quinn", "rustls"];
