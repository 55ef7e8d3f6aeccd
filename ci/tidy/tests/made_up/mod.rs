//! A small workspace on disk that keeps every rule, into which a test puts the one file it is about.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use tidy::{Tree, Violation};

/// Gone from disk when dropped.
pub(crate) struct House {
    root: PathBuf,
}

impl House {
    /// All our crates with an empty library each, and no dependencies.
    pub(crate) fn clean() -> Self {
        let number = HOUSES.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("tidy-{}-{number}", process::id()));
        let house = Self { root };
        house.write("Cargo.toml", ROOT);
        house.write("clippy.toml", BANS);
        house.write("ci/tidy/Cargo.toml", &manifest("tidy", ""));
        for name in tidy::crates() {
            house.write(&format!("crates/{name}/Cargo.toml"), &manifest(name, ""));
            house.write(&format!("crates/{name}/src/lib.rs"), LIBRARY);
        }
        house
    }

    pub(crate) fn with(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub(crate) fn without(self, path: &str) -> Self {
        fs::remove_file(self.root.join(path)).expect("the file was written above");
        self
    }

    pub(crate) fn read(&self) -> Tree {
        Tree::read(&self.root).expect("the house was written above")
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        tidy::violations(&self.read())
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).expect("the temporary folder is writable");
        fs::write(path, text).expect("the temporary folder is writable");
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A folder that stays behind is the system's to clean; the test has its answer.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A member's manifest that keeps the rules, with `rest` at its end.
pub(crate) fn manifest(name: &str, rest: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\npublish.workspace = true\n\n\
         [lints]\nworkspace = true\n\n{rest}\n"
    )
}

/// The root manifest that keeps the rules.
pub(crate) const ROOT: &str = r#"
[workspace]
members = ["crates/*", "ci/tidy"]

[workspace.package]
publish = false

[workspace.dependencies]
raft-core = { path = "crates/raft-core" }
raft-storage = { path = "crates/raft-storage" }
raft-net-quic = { path = "crates/raft-net-quic" }
kv-core = { path = "crates/kv-core" }
kv-service = { path = "crates/kv-service" }
checker = { path = "crates/checker" }
sim = { path = "crates/sim" }
bench = { path = "crates/bench" }
world = { path = "crates/sim", package = "sim" }
bytes = "1"
tokio = { version = "1", features = ["rt"] }

[workspace.lints.rust]
unsafe_code = "forbid"
"#;

/// The head of a library that keeps the rules, also those for sans-IO crates.
pub(crate) const LIBRARY: &str = "//! A library.

#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types,
        clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable,
        clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects,
        clippy::wildcard_enum_match_arm,
    )
)]
";

/// The ban lists: our own, which the rules of this house are about.
pub(crate) const BANS: &str = include_str!("../../../../clippy.toml");

static HOUSES: AtomicUsize = AtomicUsize::new(0);
