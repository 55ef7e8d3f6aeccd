//! The rules of the house, on the house itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use tidy::{Tree, Violation, cargo_tree};

#[test]
fn house_keeps_its_rules() {
    let tree = read();
    for (lines, path) in tidy::long_files(&tree) {
        println!("{lines:>5} lines in {path}");
    }
    accept(&tidy::violations(&tree));
}

#[test]
fn sim_drags_in_no_runtime_and_no_network() {
    accept(&cargo_tree::sim(&ask_cargo("sim", &[])));
}

#[test]
fn checker_drags_in_no_crate_of_ours() {
    accept(&cargo_tree::checker(&ask_cargo("checker", &[])));
}

#[test]
fn raft_core_takes_three_crates_from_outside() {
    accept(&cargo_tree::raft_core(&ask_cargo("raft-core", &["--depth", "1"])));
}

fn accept(violations: &[Violation]) {
    let list: Vec<_> = violations.iter().map(|violation| format!("  {violation}\n")).collect();
    assert!(list.is_empty(), "{} violations:\n{}", list.len(), list.concat());
}

fn read() -> Tree {
    Tree::read(&root()).expect("the workspace we are built from is readable")
}

fn ask_cargo(package: &str, more: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "-e", "normal,build", "-p", package, "--prefix", "none"])
        .args(more)
        .current_dir(root())
        .output()
        .expect("cargo runs, since it runs this test");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed for {package}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
