//! What must hold beside linearizability: sessions that apply each write once, watches that miss
//! nothing, reads that may be stale but never go backwards.
//!
//! These need no search. They rest on what the server says of itself, revisions, or on pieces of text
//! that are appended once; where a history has neither they say nothing.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::explain::describe;
use crate::history::{Call, History, KeyId, OperationId, Outcome};
use crate::value::Value;

/// A promise that was broken, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which promise.
    pub promise: Promise,
    /// One sentence.
    pub sentence: String,
    /// The operations that show it.
    pub operations: Vec<OperationId>,
}

/// What clients rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Each write takes effect at most once, however often it was sent.
    ExactlyOnce,
    /// What was acknowledged is still there.
    NothingLost,
    /// One process never reads an older revision than it has read.
    MonotonicReads,
    /// A process reads its own writes.
    ReadYourWrites,
    /// Events of a watch come by ascending revision.
    WatchOrder,
    /// A watch misses no event of its keys.
    WatchGapless,
    /// A watch delivers each event once.
    WatchUnique,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactlyOnce => "exactly once",
            Self::NothingLost => "nothing lost",
            Self::MonotonicReads => "monotonic reads",
            Self::ReadYourWrites => "read your writes",
            Self::WatchOrder => "watch order",
            Self::WatchGapless => "watch without gaps",
            Self::WatchUnique => "watch without repeats",
        })
    }
}

/// Appends that took effect twice, or that were acknowledged and are missing from the last text that
/// was read. Judges only keys whose pieces are unique, told apart by `separator`, and that nobody
/// overwrites.
pub fn exactly_once(history: &History, separator: char) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (key, log) in logs(history) {
        if log.is_overwritten {
            continue;
        }
        let Some((read, text)) = log.last_read(history) else { continue };
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for piece in text.split(separator).filter(|piece| !piece.is_empty()) {
            *counts.entry(piece).or_default() += 1;
        }
        for (piece, append) in &log.appends {
            let count = counts.get(piece.trim_matches(separator)).copied().unwrap_or(0);
            let operation = &history.operations()[append.index()];
            let was_before = operation.returned < history.operations()[read.index()].invoked;
            let say = describe(history, *append);
            let place = history.key(key);
            if count > 1 {
                breaches.push(Breach {
                    promise: Promise::ExactlyOnce,
                    sentence: format!("{say}, and {place:?} holds it {count} times."),
                    operations: vec![*append, read],
                });
            } else if count == 0 && operation.outcome == Outcome::Ok && was_before {
                breaches.push(Breach {
                    promise: Promise::NothingLost,
                    sentence: format!("{say} and was told so, but {place:?} does not hold it."),
                    operations: vec![*append, read],
                });
            }
        }
    }
    breaches
}

/// One key as a log: its appends by piece, and its reads.
#[derive(Default)]
struct Log<'a> {
    appends: BTreeMap<&'a str, OperationId>,
    reads: Vec<OperationId>,
    is_overwritten: bool,
}

impl Log<'_> {
    fn last_read<'h>(&self, history: &'h History) -> Option<(OperationId, &'h str)> {
        let last = self.reads.iter().max_by_key(|id| history.operations()[id.index()].invoked)?;
        match history.operations()[last.index()].call {
            Call::Read(Some(value)) => match history.values().get(value) {
                Value::Text(text) => Some((*last, text)),
                Value::Absent => Some((*last, "")),
                Value::Int(_) | Value::List(_) => None,
            },
            _ => None,
        }
    }
}

fn logs(history: &History) -> BTreeMap<KeyId, Log<'_>> {
    let mut logs: BTreeMap<KeyId, Log<'_>> = BTreeMap::new();
    for (at, operation) in (0..).zip(history.operations()) {
        let log = logs.entry(operation.key).or_default();
        match operation.call {
            Call::Append(piece) => match history.values().get(piece) {
                Value::Text(piece) => {
                    // A piece that two appends share cannot be told apart.
                    log.is_overwritten |= log.appends.insert(piece, OperationId(at)).is_some();
                }
                _ => log.is_overwritten = true,
            },
            Call::Read(Some(_)) if operation.outcome == Outcome::Ok => {
                log.reads.push(OperationId(at))
            }
            Call::Read(_) => {}
            _ => log.is_overwritten = true,
        }
    }
    logs
}

/// Reads that go back in revision within one process, or miss a write of their own: what a read that
/// may be stale still promises. Judges only operations whose answers carry a revision.
pub fn stale_reads(history: &History) -> Vec<Breach> {
    let mut newest: HashMap<i64, (u64, OperationId)> = HashMap::new();
    let mut own: HashMap<i64, (u64, OperationId)> = HashMap::new();
    let mut breaches = Vec::new();
    for (at, operation) in (0..).zip(history.operations()) {
        let (Outcome::Ok, Some(revision)) = (operation.outcome, operation.hint.revision) else {
            continue;
        };
        let (id, revision) = (OperationId(at), revision.get());
        let is_read = matches!(operation.call, Call::Read(_));
        if !is_read {
            own.insert(operation.process, (revision, id));
            continue;
        }
        let mut judge = |promise: Promise, before: Option<&(u64, OperationId)>| {
            if let Some((least, other)) = before
                && revision < *least
            {
                let (read, other_said) = (describe(history, id), describe(history, *other));
                breaches.push(Breach {
                    promise,
                    sentence: format!(
                        "At revision {revision}, {read}; at revision {least} already, {other_said}."
                    ),
                    operations: vec![*other, id],
                });
            }
        };
        judge(Promise::MonotonicReads, newest.get(&operation.process));
        judge(Promise::ReadYourWrites, own.get(&operation.process));
        let newest = newest.entry(operation.process).or_insert((revision, id));
        if revision > newest.0 {
            *newest = (revision, id);
        }
    }
    breaches
}

/// What one watch delivered, in the order of delivery, over all its resumptions.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Only keys that begin so are watched.
    pub prefix: String,
    /// The revision from which it was to deliver.
    pub from_revision: u64,
    /// Revision and key of each event.
    pub events: Vec<(u64, String)>,
    /// Up to which revision it is known to have delivered all; nothing is missing behind it.
    pub upto_revision: u64,
}

/// Holds a watch against the writes of a history whose answers carry revisions.
pub fn watch(history: &History, watch: &Watch) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut breach = |promise: Promise, sentence: String, operations: Vec<OperationId>| {
        breaches.push(Breach { promise, sentence, operations });
    };
    for pair in watch.events.windows(2) {
        let ((before, _), (revision, key)) = (&pair[0], &pair[1]);
        if revision < before {
            let sentence = format!("Revision {revision} of {key:?} came behind revision {before}.");
            breach(Promise::WatchOrder, sentence, Vec::new());
        }
    }
    let mut counts: BTreeMap<(u64, &str), usize> = BTreeMap::new();
    for (revision, key) in &watch.events {
        *counts.entry((*revision, key.as_str())).or_default() += 1;
    }
    for ((revision, key), count) in counts.iter().filter(|(_, count)| **count > 1) {
        let sentence = format!("Revision {revision} of {key:?} came {count} times.");
        breach(Promise::WatchUnique, sentence, Vec::new());
    }
    for (at, operation) in (0..).zip(history.operations()) {
        let Some(revision) = operation.hint.revision.filter(|_| stores(&operation.call)) else {
            continue;
        };
        let (revision, key) = (revision.get(), history.key(operation.key));
        let is_due = operation.outcome == Outcome::Ok
            && key.starts_with(&watch.prefix)
            && (watch.from_revision..=watch.upto_revision).contains(&revision);
        if is_due && !counts.contains_key(&(revision, key)) {
            let said = describe(history, OperationId(at));
            let sentence =
                format!("{said} as revision {revision}, but the watch did not deliver it.");
            breach(Promise::WatchGapless, sentence, vec![OperationId(at)]);
        }
    }
    breaches
}

fn stores(call: &Call) -> bool {
    match call {
        Call::Write(_) | Call::Append(_) | Call::Add { .. } => true,
        Call::Cas { stored, .. } => *stored == Some(true),
        Call::Delete { .. } | Call::Read(_) | Call::Transaction { .. } => false,
        Call::Acquire | Call::Release => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Draft, Hint};
    use std::num::NonZeroU64;

    struct Run(Draft);

    impl Run {
        fn new() -> Self {
            Self(Draft::new())
        }

        fn append(&mut self, piece: &str, outcome: Outcome) {
            let key = self.0.key("log");
            let call = Call::Append(self.0.value(Value::text(piece)));
            self.0.invoke(1, 0, key, call).expect("nothing is open");
            let ended = match outcome {
                Outcome::Ok => self.0.ok(1, 0, call, Hint::default()),
                Outcome::Fail => self.0.fail(1, 0),
                Outcome::Info => self.0.info(1, 0, Hint::default()),
            };
            ended.expect("it was just asked");
        }

        fn done(&mut self, process: i64, call: Call, revision: u64) {
            let key = self.0.key("log");
            let hint = Hint { index: None, revision: NonZeroU64::new(revision) };
            self.0.invoke(process, 0, key, call).expect("nothing is open");
            self.0.ok(process, 0, call, hint).expect("it was just asked");
        }

        fn read(&mut self, text: &str) {
            let call = Call::Read(Some(self.0.value(Value::text(text))));
            self.done(2, call, 0);
        }

        fn promises(self, judge: impl Fn(&History) -> Vec<Breach>) -> Vec<Promise> {
            judge(&self.0.finish()).into_iter().map(|breach| breach.promise).collect()
        }
    }

    #[test]
    fn doubled_and_lost_appends_are_named() {
        let mut run = Run::new();
        run.append("a,", Outcome::Ok);
        run.append("b,", Outcome::Info);
        run.append("c,", Outcome::Ok);
        run.read("a,a,");
        let found = run.promises(|history| exactly_once(history, ','));
        assert_eq!(found, [Promise::ExactlyOnce, Promise::NothingLost]);
    }

    #[test]
    fn log_as_promised_breaks_nothing() {
        let mut run = Run::new();
        run.append("a,", Outcome::Ok);
        run.append("b,", Outcome::Info);
        run.read("a,");
        assert!(run.promises(|history| exactly_once(history, ',')).is_empty());
    }

    #[test]
    fn stale_read_may_be_old_but_not_older_than_before() {
        let mut run = Run::new();
        let (write, read) = (Call::Write(run.0.int(1)), Call::Read(None));
        run.done(1, write, 7);
        run.done(2, read, 5);
        run.done(2, read, 6);
        run.done(2, read, 5);
        run.done(1, read, 6);
        let found = run.promises(stale_reads);
        assert_eq!(found, [Promise::MonotonicReads, Promise::ReadYourWrites]);
    }

    #[test]
    fn watch_that_skips_repeats_or_reorders_is_caught() {
        let mut run = Run::new();
        for revision in 2..6 {
            let call = Call::Write(run.0.int(1));
            run.done(1, call, revision);
        }
        let event = |revision| (revision, "log".to_owned());
        let seen = |events: Vec<(u64, String)>| Watch {
            prefix: "l".to_owned(),
            from_revision: 2,
            events,
            upto_revision: 5,
        };
        let history = run.0.finish();
        let promises = |events| -> Vec<Promise> {
            watch(&history, &seen(events)).into_iter().map(|breach| breach.promise).collect()
        };

        assert!(promises((2..6).map(event).collect()).is_empty());
        assert_eq!(promises([2, 3, 5].map(event).into()), [Promise::WatchGapless]);
        assert_eq!(promises([2, 3, 3, 4, 5].map(event).into()), [Promise::WatchUnique]);
        assert_eq!(promises([2, 4, 3, 5].map(event).into()), [Promise::WatchOrder]);
    }
}
