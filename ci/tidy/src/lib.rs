//! Reads the sources and manifests of the workspace and says where a rule of the house is broken.
//!
//! Each rule is a function from the files to its violations, in a file of its own or of its family;
//! `tests/house.rs` runs them all on this repository, and `tests/rules.rs` shows for each that it can
//! fail. Relies on `toml` only. Deliberately absent: git, the network, and rules that rustfmt, clippy or
//! cargo-deny already keep.

mod arrows;
pub mod cargo_tree;
mod code;
mod features;
mod lines;
mod machines;
mod manifests;
mod sans_io;
mod source;
mod tree;
mod violation;
mod workspace;

pub use arrows::crates;
pub use lines::long_files;
pub use tree::Tree;
pub use violation::Violation;

use workspace::Workspace;

/// All violations of all rules that read files, in the order of their paths.
pub fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = [sans_io::check, code::check, lines::check, machines::check]
        .into_iter()
        .flat_map(|check| check(tree))
        .collect::<Vec<_>>();
    match Workspace::read(tree) {
        Ok(workspace) => {
            found.extend(arrows::check(&workspace));
            found.extend(features::check(&workspace));
            found.extend(manifests::check(&workspace));
        }
        Err(violation) => found.push(violation),
    }
    found.sort_by(|a, b| (&a.path, a.line, a).cmp(&(&b.path, b.line, b)));
    found
}
