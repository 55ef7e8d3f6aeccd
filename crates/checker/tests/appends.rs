//! Texts that grow: every tier agrees with plain search, and long logs are fast.

mod plain;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use checker::check::{Options, Verdict, check};
use checker::explain::Proof;
use checker::history::{Call, Draft, Hint, History, Position};
use checker::judge::{Tier, Tiers};
use checker::models::ModelKind;
use checker::trusted::EXHAUST_MAX;
use checker::value::Value;
use plain::Random;

struct Shape {
    operations: u64,
    clients: usize,
    /// Whether pieces may repeat, so that a text can be made in several ways.
    is_ambiguous: bool,
    /// How often each piece is used; zero for once.
    repeats: u64,
    unknown_percent: u64,
    corrupted: u64,
}

struct Open {
    call: Call,
    answer: Option<String>,
}

/// A history of one key that holds text, some reads changed afterwards.
fn history(random: &mut Random, shape: &Shape, keys: usize) -> History {
    let mut draft = Draft::new();
    let names: Vec<_> = (0..keys).map(|key| draft.key(&key.to_string())).collect();
    let mut texts = vec![String::new(); keys];
    let mut seen = vec![String::new()];
    let mut clients: Vec<Option<(usize, Open)>> = (0..shape.clients).map(|_| None).collect();
    let mut processes: Vec<i64> = (0..).take(shape.clients).collect();
    let (mut left, mut written, mut corrupted) = (shape.operations, 0, shape.corrupted);
    while left > 0 || clients.iter().any(Option::is_some) {
        let client = random.place(clients.len());
        let process = processes[client];
        match &mut clients[client] {
            None if left == 0 => {}
            None => {
                left -= 1;
                let key = random.place(keys);
                written += 1;
                let piece = match shape.is_ambiguous {
                    true => random.pick(&["a", "b", "ab"]).to_owned(),
                    false if shape.repeats > 0 => format!("x {} y", written / shape.repeats),
                    false => format!("x {written} y"),
                };
                let piece = draft.value(Value::text(&piece));
                let call = match random.below(20) {
                    0 => Call::Write(piece),
                    1..10 => Call::Read(None),
                    _ => Call::Append(piece),
                };
                draft.invoke(process, 0, names[key], call).expect("the client is free");
                clients[client] = Some((key, Open { call, answer: None }));
            }
            Some((key, open)) if open.answer.is_none() && random.percent(60) => {
                let value = |id| match draft.so_far().values().get(id) {
                    Value::Text(text) => text.to_string(),
                    other => panic!("{other} is no text"),
                };
                match open.call {
                    Call::Write(id) => texts[*key] = value(id),
                    Call::Append(id) => texts[*key].push_str(&value(id)),
                    _ => {}
                }
                open.answer = Some(texts[*key].clone());
                seen.push(texts[*key].clone());
            }
            Some((_, open)) if random.percent(30) => {
                if random.percent(shape.unknown_percent) {
                    draft.info(process, 0, Hint::default()).expect("it is open");
                    processes[client] += 1000;
                    clients[client] = None;
                } else if let Some(answer) = &open.answer {
                    let mut call = open.call;
                    if let Call::Read(_) = call {
                        let mut text = answer.clone();
                        if corrupted > 0 && random.percent(70) {
                            corrupted -= 1;
                            let recent = &seen[seen.len().saturating_sub(6)..];
                            text.clone_from(&recent[random.place(recent.len())]);
                        }
                        call = Call::Read(Some(draft.value(Value::text(&text))));
                    }
                    draft.ok(process, 0, call, Hint::default()).expect("it is open");
                    clients[client] = None;
                }
            }
            Some(_) => {}
        }
    }
    draft.finish()
}

fn wing_gong(history: &History) -> bool {
    let operations = history.operations();
    let text = |id| match history.values().get(id) {
        Value::Text(text) => text.to_string(),
        other => panic!("{other} is no text"),
    };
    let known = (0..operations.len()).filter(|at| operations[*at].returned != Position::NEVER);
    let must: u64 = known.map(|at| 1 << at).sum();
    let mut seen: HashSet<(u64, String)> = HashSet::new();
    let mut stack = vec![(0u64, String::new())];
    while let Some((done, state)) = stack.pop() {
        if done & must == must {
            return true;
        }
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let left = (0..operations.len()).filter(|at| done & 1 << at == 0);
        let first = left.clone().map(|at| operations[at].returned).min();
        for at in left.filter(|at| first.is_none_or(|first| operations[*at].invoked < first)) {
            let next = match operations[at].call {
                Call::Write(id) => text(id),
                Call::Append(id) => [state.clone(), text(id)].concat(),
                Call::Read(Some(id)) if text(id) != state => continue,
                _ => state.clone(),
            };
            stack.push((done | 1 << at, next));
        }
    }
    false
}

fn model() -> ModelKind {
    ModelKind::Kv(Value::text(""))
}

#[test]
fn texts_get_the_verdict_of_plain_search() {
    let mut random = Random::new(7);
    let (mut bad, mut by_zones) = (0, 0);
    for round in 0..20_000 {
        let shape = Shape {
            operations: 3 + random.below(10),
            clients: 2 + random.place(4),
            is_ambiguous: round % 4 == 0,
            repeats: random.pick(&[0, 0, 2, 3]),
            unknown_percent: random.pick(&[0, 0, 10]),
            corrupted: random.below(4),
        };
        let history = history(&mut random, &shape, 1);
        let expected = if wing_gong(&history) { Verdict::Ok } else { Verdict::Bad };
        for tiers in [Tiers::All, Tiers::Only(Tier::Zones), Tiers::Only(Tier::Any)] {
            let explain = Duration::from_millis(200);
            let options = Options { tiers, threads: 1, explain, ..Options::default() };
            let report = check(&history, &model(), &options);
            let may_pass = tiers == Tiers::Only(Tier::Zones) && report.verdict == Verdict::Unknown;
            assert!(
                report.verdict == expected || may_pass,
                "{tiers:?} {report:?}, expected {expected:?}:\n{}",
                shown(&history)
            );
            by_zones += u64::from(tiers == Tiers::All && report.tier == Tier::Zones);
            if let Some(explanation) = report.explanation
                && report.operations <= EXHAUST_MAX
            {
                assert_eq!(explanation.proof, Proof::Again, "{explanation:?}\n{}", shown(&history));
            }
        }
        bad += u64::from(expected == Verdict::Bad);
    }
    println!("{bad} bad, {by_zones} by zones");
    assert!((1_000..19_000).contains(&bad));
    assert!(by_zones > 5_000, "texts that can be taken apart in one way go to the fast tier");
}

fn shown(history: &History) -> String {
    let mut bytes = Vec::new();
    checker::recorder::write_history(history, &mut bytes).expect("a vector takes every byte");
    String::from_utf8(bytes).expect("the format is text")
}

#[test]
fn log_of_fifty_clients_is_judged_at_once() {
    for repeats in [0, 2] {
        judge_fifty(repeats);
    }
}

fn judge_fifty(repeats: u64) {
    let mut random = Random::new(5);
    let (operations, clients) = (2_000, 50);
    let shape = Shape {
        operations,
        clients,
        is_ambiguous: false,
        repeats,
        unknown_percent: 0,
        corrupted: 0,
    };
    let history = history(&mut random, &shape, 10);
    let options = Options { threads: 1, ..Options::default() };
    let start = Instant::now();
    let report = check(&history, &model(), &options);
    println!("{:?}, tier {:?}, repeats {repeats}", start.elapsed(), report.tier);
    assert_eq!(report.verdict, Verdict::Ok);
    assert!(repeats > 0 || report.tier == Tier::Zones);
}
