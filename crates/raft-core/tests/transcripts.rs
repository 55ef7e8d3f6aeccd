//! Protocol exchanges as text: every file in `scenarios/` is a story, told by commands and by all that the
//! nodes then said, wrote, applied and answered. The test plays the commands again and compares the whole file;
//! with `UPDATE_TRANSCRIPTS=1` in the environment it writes down what happens now instead, to be read line by
//! line before it is kept. How a file is written stands at the head of `transcripts/runner.rs`.

mod harness;
mod transcripts {
    mod acts;
    mod notes;
    pub(crate) mod runner;
    mod stage;
    mod words;
}

use std::path::PathBuf;

use transcripts::runner;

fn check(name: &str) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{name}.txt"));
    let told = std::fs::read_to_string(&path).expect("every scenario has its file");
    let played = runner::play(&told);
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, played).expect("the scenarios can be written");
        return;
    }
    for (number, (told, played)) in told.lines().zip(played.lines()).enumerate() {
        assert_eq!(told, played, "{name}.txt tells another story from line {} on", number + 1);
    }
    assert_eq!(told, played, "{name}.txt ends differently");
}

#[test]
fn first_election() {
    check("first-election");
}

#[test]
fn split_vote() {
    check("split-vote");
}

#[test]
fn leader_crash() {
    check("leader-crash");
}

#[test]
fn stale_log_candidate() {
    check("stale-log-candidate");
}

#[test]
fn one_write() {
    check("one-write");
}

#[test]
fn figure_7() {
    check("figure-7");
}

#[test]
fn fast_backtrack() {
    check("fast-backtrack");
}

#[test]
fn bob_and_tom() {
    check("bob-and-tom");
}

#[test]
fn unknown_then_committed() {
    check("unknown-then-committed");
}

#[test]
fn unknown_then_lost() {
    check("unknown-then-lost");
}

#[test]
fn split_brain() {
    check("split-brain");
}

#[test]
fn restart_remembers() {
    check("restart-remembers");
}

#[test]
fn figure_8() {
    check("figure-8");
}

#[test]
fn killed_is_silent() {
    check("killed-is-silent");
}

#[test]
fn aba_overwrite() {
    check("aba-overwrite");
}

#[test]
fn prevote_stall() {
    check("prevote-stall");
}
