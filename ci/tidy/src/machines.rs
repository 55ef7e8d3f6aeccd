//! Nothing in the repository names one machine: no path of somebody's disk, no host of a registry.
//!
//! Reads all text, comments and strings included. The patterns are put together here from pieces, so
//! that this file does not break its own rule.

use crate::Violation;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let folders = FOLDERS.map(|pieces| pieces.concat());
    let hosts = HOSTS.map(|pieces| pieces.concat());
    let mut found = Vec::new();
    for file in tree.files().iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (at, line) in file.text.lines().enumerate() {
            let mut violation = |rule, message| {
                found.push(Violation::of_line(rule, &file.path, at + 1, message));
            };
            if folders.iter().any(|folder| names_folder(line, folder)) {
                violation("machine-path", "write a path relative to the repository, or ask for it");
            }
            if hosts.iter().any(|host| line.contains(host)) {
                violation("registry-host", "leave the choice of registry to its client's settings");
            }
        }
    }
    found
}

/// A folder counts where a path begins, so not in the middle of `target/x` or of a web address. One
/// that ends in `*` needs a name below it.
fn names_folder(line: &str, folder: &str) -> bool {
    let (folder, needs_name) =
        folder.strip_suffix('*').map_or((folder, false), |folder| (folder, true));
    line.match_indices(folder).any(|(at, _)| {
        let is_start = !line[..at].ends_with(continues_path);
        let below = &line[at + folder.len()..];
        let has_name = below.find('/').is_some_and(|end| {
            end > 0 && below[..end].chars().all(|c| c.is_alphanumeric() || "._-<>".contains(c))
        });
        is_start && (has_name || !needs_name)
    })
}

fn continues_path(c: char) -> bool {
    c.is_alphanumeric() || "._-~)}*".contains(c)
}

const FOLDERS: [&[&str]; 5] =
    [&["/ho", "me/*"], &["/ro", "ot/"], &["/wo", "rk/"], &["/Us", "ers/"], &["/private", "/tmp"]];

const HOSTS: [&[&str]; 5] = [
    &["index.", "crates.io"],
    &["static.", "crates.io"],
    &["py", "pi.org"],
    &["npm", "js"],
    &["debian", ".org"],
];
