//! The gate's own arithmetic, on texts as cargo prints them: what is counted, and whose time it is.
//!
//! The texts lie in `ci/tests`. Each awk that the machine has reads them, since they differ in small
//! things; a machine without awk or bash cannot run the gate, and there these tests say so and pass.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn executables_are_mapped_to_their_packages() {
    check_awk(&["executables.awk", "tests/messages.json"], "executables.tsv");
}

#[test]
fn tests_are_counted_and_timed_by_crate() {
    let arguments = ["-v", "wall=120", "tests.awk", "tests/executables.tsv", "tests/log.txt"];
    check_awk(&arguments, "tests.tsv");
}

#[test]
fn part_over_its_budget_is_marked() {
    check_awk(&["budget.awk", "parts.tsv", "tests/spent.tsv"], "table.txt");
}

#[test]
fn failing_step_is_counted_and_stops_nothing() {
    let script = "step cargo one false; step cargo two true; skip three 'it is late'";
    let Some(output) = bash(script) else { return };
    assert!(!output.status.success());
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("failed: one\nskipped: three: it is late\n"), "{printed}");
    assert!(printed.ends_with("\n1 passed, 1 failed\n"), "{printed}");
}

#[test]
fn run_without_failures_passes_unless_it_checked_nothing() {
    let Some(output) = bash("step cargo one true") else { return };
    assert!(output.status.success());
    let Some(output) = bash("skip one 'nothing to do'") else { return };
    assert!(!output.status.success());
}

/// Every awk that is here prints the expected text for these arguments. They run in `ci`.
fn check_awk(arguments: &[&str], expected: &str) {
    let expected_path = ci().join("tests").join(expected);
    let expected = std::fs::read_to_string(expected_path).expect("ci/tests holds what is expected");
    let mut seen = 0;
    for awk in ["awk", "mawk", "gawk", "original-awk"] {
        let mut command = Command::new(awk);
        for argument in arguments {
            if argument.ends_with(".awk") {
                command.arg("-f");
            }
            command.arg(argument);
        }
        let Ok(output) = command.current_dir(ci()).output() else { continue };
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{awk}: {errors}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{awk} printed the left");
        seen += 1;
    }
    println!("{seen} kinds of awk were asked");
}

/// What a script of steps prints and how it ends; `None` where there is no bash.
fn bash(steps: &str) -> Option<Output> {
    let script = format!(". ./lib.sh; begin; {steps}; report; verdict");
    let output = Command::new("bash").args(["-c", &script]).current_dir(ci()).output();
    output.inspect_err(|error| println!("nothing was tested: bash does not run: {error}")).ok()
}

fn ci() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
