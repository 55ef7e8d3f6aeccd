//! Checkers with one mistake each, and the small history that gives each away.
//!
//! A mutant sees the history through its mistake: it drops the unknown, forgets real time, and so on,
//! and then judges what it sees without error. The battery catches it if a verdict is wrong.

use std::time::Duration;

use checker::check::{Options, Verdict, check};
use checker::history::{Call, Draft, Hint, History, NoteKind, Outcome, Position};
use checker::judge::{Tier, Tiers};
use checker::models::ModelKind;
use checker::read::{ReadLimits, read};
use checker::value::{Value, ValueId};

/// A history in short: one event a word. `1w5` process 1 asks to write 5, `1r` to read, `1c5-6` to
/// replace 5 by 6; `1.` is told ok, `1.5` that it read 5, `1!` that its cas failed, `1?` nothing. A
/// letter before the number of a written value or of a read is its key, `a` if there is none.
struct Case {
    name: &'static str,
    history: &'static str,
    verdict: Verdict,
}

const BATTERY: [Case; 8] = [
    Case { name: "a read behind a write sees it", history: "1w5 1. 2r 2.5", verdict: Verdict::Ok },
    Case {
        name: "a read behind a write does not see it",
        history: "1w5 1. 2r 2.0",
        verdict: Verdict::Bad,
    },
    Case {
        name: "a write of unknown outcome is seen late",
        history: "1w5 1? 2w6 2. 3r 3.5",
        verdict: Verdict::Ok,
    },
    Case {
        name: "a write of unknown outcome is seen, and then undone",
        history: "1w5 1? 2r 2.5 2r 2.0",
        verdict: Verdict::Bad,
    },
    Case {
        name: "two keys hold two values at once",
        history: "1wa5 1. 2wb6 2. 3ra 3.5 3rb 3.6 3ra 3.5",
        verdict: Verdict::Ok,
    },
    Case {
        name: "a read before a write was asked for sees it",
        history: "2r 2.5 1w5 1.",
        verdict: Verdict::Bad,
    },
    Case {
        name: "a cas fails although its value was there all the time",
        history: "1w5 1. 2c5-6 2! 3r 3.5",
        verdict: Verdict::Bad,
    },
    Case {
        name: "the server's order is a legal run, but not in real time",
        history: "1w5 1.@2 2r 2.0@1 1w7 1.@3",
        verdict: Verdict::Bad,
    },
];

#[test]
fn checker_passes_the_battery() {
    for tiers in [Tiers::All, Tiers::BlackBox, Tiers::Only(Tier::Any)] {
        let judge = |history: &History| verdict(history, tiers);
        assert_eq!(caught_by(&judge), Vec::<&str>::new());
    }
}

#[test]
fn mutant_that_always_says_yes_is_caught() {
    expect_caught(&|_| Verdict::Ok, "a read behind a write does not see it");
}

#[test]
fn mutant_that_drops_the_unknown_is_caught() {
    let mutant = |history: &History| {
        let kept = rewritten(history, |at, _| history.operations()[at].outcome != Outcome::Info);
        verdict(&kept, Tiers::All)
    };
    expect_caught(&mutant, "a write of unknown outcome is seen late");
}

#[test]
fn mutant_that_merges_keys_is_caught() {
    let mutant = |history: &History| {
        let text = as_text(history).replace("\"k\":\"b\"", "\"k\":\"a\"");
        verdict(&parse(&text), Tiers::All)
    };
    expect_caught(&mutant, "two keys hold two values at once");
}

#[test]
fn mutant_that_lets_a_return_precede_its_invoke_is_caught() {
    // All invokes first, then all returns: every operation overlaps every other.
    let mutant = |history: &History| {
        let mut draft = Draft::new();
        copy_names(history, &mut draft);
        for (process, operation) in (0..).zip(history.operations()) {
            let invoked = draft.invoke(process, 0, operation.key, operation.call);
            invoked.expect("each operation has its own process");
        }
        for (process, operation) in (0..).zip(history.operations()) {
            if operation.returned != Position::NEVER {
                draft.ok(process, 0, operation.call, operation.hint).expect("it is open");
            }
        }
        verdict(&draft.finish(), Tiers::All)
    };
    expect_caught(&mutant, "a read before a write was asked for sees it");
}

#[test]
fn mutant_that_ignores_failed_cas_is_caught() {
    let mutant = |history: &History| {
        let kept =
            rewritten(history, |_, call| !matches!(call, Call::Cas { stored: Some(false), .. }));
        verdict(&kept, Tiers::All)
    };
    expect_caught(&mutant, "a cas fails although its value was there all the time");
}

#[test]
fn mutant_that_trusts_the_hint_is_caught() {
    // Replays the server's order on the register and asks nothing about time.
    let mutant = |history: &History| {
        let mut hinted: Vec<_> = history.operations().iter().collect();
        if hinted.iter().all(|operation| operation.hint.index.is_none()) {
            return verdict(history, Tiers::All);
        }
        hinted.sort_by_key(|operation| operation.hint.index);
        let mut register = ValueId::ABSENT;
        for operation in hinted {
            match operation.call {
                Call::Write(value) => register = value,
                Call::Read(Some(value)) if value != register => return Verdict::Bad,
                _ => {}
            }
        }
        Verdict::Ok
    };
    expect_caught(&mutant, "the server's order is a legal run, but not in real time");
}

fn expect_caught(mutant: &dyn Fn(&History) -> Verdict, by: &str) {
    let caught = caught_by(mutant);
    assert!(caught.contains(&by), "caught by {caught:?} only");
}

fn caught_by(judge: &dyn Fn(&History) -> Verdict) -> Vec<&'static str> {
    let wrong = BATTERY.iter().filter(|case| judge(&history(case.history)) != case.verdict);
    wrong.map(|case| case.name).collect()
}

fn verdict(history: &History, tiers: Tiers) -> Verdict {
    let options = Options { tiers, explain: Duration::ZERO, ..Options::default() };
    check(history, &ModelKind::CasRegister(Value::Absent), &options).verdict
}

/// The history without the operations that `keeps` refuses.
fn rewritten(history: &History, keeps: impl Fn(usize, &Call) -> bool) -> History {
    let mut draft = Draft::new();
    copy_names(history, &mut draft);
    let mut events: Vec<(Position, usize, bool)> = Vec::new();
    for (at, operation) in history.operations().iter().enumerate() {
        if keeps(at, &operation.call) {
            events.push((operation.invoked, at, true));
            events.push((operation.returned, at, false));
        }
    }
    events.sort_unstable();
    for (position, at, is_invoke) in events {
        let operation = &history.operations()[at];
        let process = operation.process;
        if is_invoke {
            draft.invoke(process, 0, operation.key, operation.call).expect("as before");
        } else if position == Position::NEVER {
            draft.info(process, 0, operation.hint).expect("as before");
        } else {
            draft.ok(process, 0, operation.call, operation.hint).expect("as before");
        }
    }
    draft.finish()
}

/// Gives keys and values the ids that they have in `history`.
fn copy_names(history: &History, draft: &mut Draft) {
    for operation in history.operations() {
        draft.key(history.key(operation.key));
    }
    for number in 0..10 {
        draft.int(number);
    }
}

fn as_text(history: &History) -> String {
    let mut bytes = Vec::new();
    checker::recorder::write_history(history, &mut bytes).expect("a vector takes every byte");
    String::from_utf8(bytes).expect("the format is text")
}

fn parse(text: &str) -> History {
    read(text.as_bytes(), &ReadLimits::default()).expect("it was just written").history
}

fn history(words: &str) -> History {
    let mut draft = Draft::new();
    for number in 0..10 {
        draft.int(number);
    }
    for word in words.split(' ') {
        let process = i64::from(word.as_bytes()[0] - b'0');
        let (kind, rest) = (word.as_bytes()[1], &word[2..]);
        let (rest, hint) = match rest.split_once('@') {
            Some((rest, index)) => {
                let index = index.parse().ok();
                (rest, Hint { index, revision: None })
            }
            None => (rest, Hint::default()),
        };
        let name = rest.get(..1).filter(|name| name.starts_with(char::is_alphabetic));
        let key = draft.key(name.unwrap_or("a"));
        let mut value = |text: &str| match text.trim_start_matches(char::is_alphabetic) {
            "0" => ValueId::ABSENT,
            text => draft.int(text.parse().expect("a case has small numbers")),
        };
        let done = match kind {
            b'w' => {
                let value = value(rest);
                draft.invoke(process, 0, key, Call::Write(value)).map(drop)
            }
            b'r' => draft.invoke(process, 0, key, Call::Read(None)).map(drop),
            b'c' => {
                let (from, to) = rest.split_once('-').expect("a case says from and to");
                let call = Call::Cas { from: value(from), to: value(to), stored: None };
                draft.invoke(process, 0, key, call).map(drop)
            }
            b'?' => draft.info(process, 0, hint),
            _ => {
                let asked = draft.open(process).expect("a case answers what was asked").call;
                let call = match asked {
                    Call::Read(_) => {
                        let text = rest.trim_start_matches(char::is_alphabetic);
                        let read = match text {
                            "0" => ValueId::ABSENT,
                            text => draft.int(text.parse().expect("a case has small numbers")),
                        };
                        Call::Read(Some(read))
                    }
                    Call::Cas { from, to, .. } => {
                        Call::Cas { from, to, stored: Some(kind == b'.') }
                    }
                    call => call,
                };
                draft.ok(process, 0, call, hint)
            }
        };
        done.expect("a case is a history");
    }
    draft.note(0, NoteKind::Remark, words).expect("a case is short");
    draft.finish()
}
