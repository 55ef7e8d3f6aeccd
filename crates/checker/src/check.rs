//! The verdict on a history: objects one by one, by the tiers, on one thread or several.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::append;
use crate::explain::{self, Explanation, Proof};
use crate::history::{Call, History, OperationId};
use crate::judge::{Case, Judged, Reason, Tier, Tiers};
use crate::limits::{Budget, Limits};
use crate::model::{Model, Timed};
use crate::models::{self, Counter, ModelKind, Set, Store};
use crate::object::{self, Object};
use crate::register::{Numbers, Register};
use crate::search::{self, Found};
use crate::shrink;
use crate::trusted;
use crate::value::{Value, ValueId};

/// Whether a history is linearizable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is: there is an order, and it was replayed.
    Ok,
    /// It is not.
    Bad,
    /// The limits were reached first.
    Unknown,
}

impl Verdict {
    /// `ok`, `bad` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }
}

/// How to check.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which tiers may speak.
    pub tiers: Tiers,
    /// Time and memory.
    pub limits: Limits,
    /// How many threads share the keys.
    pub threads: usize,
    /// Time for making a bad history smaller and proving it again; zero for the bare verdict.
    pub explain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tiers: Tiers::All,
            limits: Limits::default(),
            threads: 2,
            explain: Duration::from_secs(5),
        }
    }
}

/// The verdict on a history, with its proof.
#[derive(Clone, Debug)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// The tier that decided: for ok the slowest that was needed, else the one of the object named.
    pub tier: Tier,
    /// How many operations there are, those that definitely did not happen among them.
    pub operations: usize,
    /// How many objects they were judged as.
    pub objects: usize,
    /// For ok, per object an order that explains it. All were replayed.
    pub witness: Vec<Vec<OperationId>>,
    /// For bad, who is guilty and why.
    pub explanation: Option<Explanation>,
    /// For unknown, what made it hard.
    pub reason: Option<Reason>,
    /// What a person should know beside the verdict.
    pub warnings: Vec<String>,
}

/// Judges a history against a model.
pub fn check(history: &History, model: &ModelKind, options: &Options) -> Report {
    let objects = object::split(history, model);
    let outcomes = judge_all(history, model, &objects, options);
    let mut report = gather(history, objects.len(), outcomes);
    if let Some(explanation) = &mut report.explanation {
        *explanation = explain::complete(history, model, explanation, options.explain);
        if explanation.proof == Proof::Refuted {
            let text = "a verdict of bad was refuted by trying all orders".to_owned();
            report.reason = Some(Reason::Fault(text));
            report.verdict = Verdict::Unknown;
        }
    }
    report.warnings = explain::warnings(history, model);
    report
}

/// What became of one object; `place` is its rank by length.
struct Outcome {
    place: usize,
    judged: Judged,
    tier: Tier,
    members: Vec<u32>,
}

fn judge_all(
    history: &History,
    model: &ModelKind,
    objects: &[Object],
    options: &Options,
) -> Vec<Outcome> {
    let budget = Budget::start(&options.limits);
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        let mut numbers = Numbers::default();
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(object) = objects.get(place) else { break };
            let (judged, tier) = judge(history, model, object, options, &budget, &mut numbers);
            let is_bad = matches!(judged, Judged::Clash(_) | Judged::DeadEnd { .. });
            done.push(Outcome { place, judged, tier, members: object.members.clone() });
            if is_bad {
                // One bad object settles the whole: the others need not finish.
                budget.settle();
                next.store(objects.len(), Ordering::Relaxed);
            }
        }
        if let Ok(mut outcomes) = outcomes.lock() {
            outcomes.append(&mut done);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..options.threads.min(objects.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|outcome| outcome.place);
    outcomes
}

fn gather(history: &History, objects: usize, outcomes: Vec<Outcome>) -> Report {
    let mut report = Report {
        verdict: Verdict::Ok,
        tier: Tier::Hint,
        operations: history.operations().len(),
        objects,
        witness: Vec::new(),
        explanation: None,
        reason: None,
        warnings: Vec::new(),
    };
    let ids = |places: &[u32], members: &[u32]| -> Vec<OperationId> {
        places.iter().map(|at| OperationId(members[*at as usize])).collect()
    };
    for Outcome { judged, tier, members, .. } in outcomes {
        match (judged, report.verdict) {
            (Judged::Ok { order }, Verdict::Ok) => {
                report.tier = report.tier.max(tier);
                report.witness.push(ids(&order, &members));
            }
            (Judged::Clash(clash), Verdict::Ok | Verdict::Unknown) => {
                let guilty = ids(&clash.guilty, &members);
                let ties = ids(&clash.ties, &members);
                report.explanation = Some(Explanation::of_clash(clash.kind, guilty, ties));
                (report.verdict, report.tier) = (Verdict::Bad, tier);
            }
            (Judged::DeadEnd { at }, Verdict::Ok | Verdict::Unknown) => {
                let at = OperationId(members[at as usize]);
                report.explanation = Some(Explanation::of_dead_end(at, &members));
                (report.verdict, report.tier) = (Verdict::Bad, tier);
            }
            (Judged::Unknown(reason), Verdict::Ok) => {
                report.reason = Some(reason);
                (report.verdict, report.tier) = (Verdict::Unknown, tier);
            }
            _ => {}
        }
    }
    if report.verdict != Verdict::Ok {
        report.witness.clear();
    }
    if report.verdict == Verdict::Bad {
        report.reason = None;
    }
    report
}

fn judge(
    history: &History,
    model: &ModelKind,
    object: &Object,
    options: &Options,
    budget: &Budget,
    numbers: &mut Numbers,
) -> (Judged, Tier) {
    let tiers = options.tiers;
    let operation = |at: &u32| history.operations()[*at as usize];
    let members = || object.members.iter().map(operation);
    let hints = || match tiers {
        Tiers::All | Tiers::Only(Tier::Hint) => members().map(|operation| operation.hint).collect(),
        Tiers::BlackBox | Tiers::Only(_) => Vec::new(),
    };
    match model {
        ModelKind::Mutex => {
            let register = Register::of(members(), ValueId::ABSENT, numbers);
            let calls = calls_of(history, object, |_, call| call);
            Case { model: models::Mutex, calls, hints: hints(), register }.judge(tiers, budget)
        }
        ModelKind::Set => {
            let calls = calls_of(history, object, |_, call| call);
            let model = Set { history };
            Case { model, calls, hints: hints(), register: None }.judge(tiers, budget)
        }
        ModelKind::Counter => {
            let calls = calls_of(history, object, |_, call| call);
            let model = Counter { history };
            Case { model, calls, hints: hints(), register: None }.judge(tiers, budget)
        }
        ModelKind::Register(initial) | ModelKind::CasRegister(initial) | ModelKind::Kv(initial) => {
            let id = initial_id(history, initial);
            let is_one_key = is_one_key(history, object);
            if is_one_key && let Some(register) = Register::of(members(), id, numbers) {
                let calls = calls_of(history, object, |_, call| call);
                let model = models::Register { initial: id };
                let register = Some(register);
                return Case { model, calls, hints: hints(), register }.judge(tiers, budget);
            }
            let operations: Vec<_> = members().collect();
            let register = is_one_key
                .then(|| append::register_of(&operations, history.values(), initial))
                .flatten();
            let calls = calls_of(history, object, |key, call| (key, call));
            let model = Store::new(history, initial.clone());
            Case { model, calls, hints: hints(), register }.judge(tiers, budget)
        }
        ModelKind::MultiRegister(initial) => {
            let calls = calls_of(history, object, |key, call| (key, call));
            let model = Store::new(history, initial.clone());
            Case { model, calls, hints: hints(), register: None }.judge(tiers, budget)
        }
    }
}

fn calls_of<C>(
    history: &History,
    object: &Object,
    call: impl Fn(crate::history::KeyId, Call) -> C,
) -> Vec<Timed<C>> {
    let operations = object.members.iter().map(|at| &history.operations()[*at as usize]);
    let timed = operations.map(|operation| Timed {
        invoked: operation.invoked,
        returned: operation.returned,
        call: call(operation.key, operation.call),
    });
    timed.collect()
}

fn is_one_key(history: &History, object: &Object) -> bool {
    let operations = object.members.iter().map(|at| &history.operations()[*at as usize]);
    let mut keys = operations.map(|operation| operation.key);
    let first = keys.next();
    keys.all(|key| Some(key) == first)
}

/// The id of a value that need not occur in the history.
pub(crate) fn initial_id(history: &History, initial: &Value) -> ValueId {
    let values = history.values();
    values.find(initial).unwrap_or_else(|| values.id_beyond())
}

/// What a check against a model of one's own found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// For ok, an order that was replayed; places in the calls.
    pub witness: Vec<u32>,
    /// For bad, the call behind whose return nothing goes on, and those of the calls up to there
    /// that suffice to be bad.
    pub guilty: Vec<u32>,
    /// For bad, what trying all orders of `guilty` said.
    pub proof: Proof,
    /// For unknown, what made it hard.
    pub reason: Option<Reason>,
}

/// Judges calls, sorted by invoke, against any model.
pub fn check_model<M: Model>(model: &M, calls: &[Timed<M::Call>], limits: &Limits) -> Checked {
    let budget = Budget::start(limits);
    let found = search::search(model, calls, &mut budget.gauge());
    let mut checked = Checked {
        verdict: Verdict::Unknown,
        witness: Vec::new(),
        guilty: Vec::new(),
        proof: Proof::NotTried,
        reason: None,
    };
    match found {
        Found::Ok(order) => match trusted::replay(model, calls, &order) {
            Ok(_) => (checked.verdict, checked.witness) = (Verdict::Ok, order),
            Err(flaw) => checked.reason = Some(Reason::Fault(flaw.to_string())),
        },
        Found::Bad { at } => {
            let (guilty, is_explained) = shrink::any_model(model, calls, at, limits.time / 10);
            checked.proof = Proof::of(is_explained);
            checked.guilty = guilty;
            if checked.proof == Proof::Refuted {
                let text = "a verdict of bad was refuted by trying all orders".to_owned();
                checked.reason = Some(Reason::Fault(text));
            } else {
                checked.verdict = Verdict::Bad;
            }
        }
        Found::Stuck(stuck) => {
            let (passed, width) = (stuck.passed, stuck.width);
            checked.reason = Some(Reason::Hard { limit: stuck.why, passed, width });
        }
    }
    checked
}
