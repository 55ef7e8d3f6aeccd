//! Random small histories: every tier agrees with plain search.

mod plain;

use std::time::Duration;

use checker::check::{Options, Verdict, check};
use checker::explain::Proof;
use checker::history::History;
use checker::judge::{Reason, Tier, Tiers};
use checker::models::ModelKind;
use checker::trusted::EXHAUST_MAX;
use checker::value::Value;
use plain::{Random, Shape};

const MODEL: ModelKind = ModelKind::CasRegister(Value::Absent);

fn verdict(history: &History, tiers: Tiers) -> Verdict {
    let explain = Duration::from_millis(200);
    let options = Options { tiers, threads: 1, explain, ..Options::default() };
    let report = check(history, &MODEL, &options);
    if let Some(reason) = report.reason
        && !matches!(reason, Reason::NotApplicable(_))
    {
        panic!("{tiers:?}: {reason:?}\n{:?}\n{}", report.explanation, plain::show(history));
    }
    if let Some(explanation) = report.explanation {
        let places = explanation.guilty.len() + explanation.ties.len();
        let proof = if places > EXHAUST_MAX { Proof::NotTried } else { Proof::Again };
        assert_eq!(explanation.proof, proof, "{explanation:?}\n{}", plain::show(history));
        assert!(!explanation.guilty.is_empty() && explanation.sentence.ends_with('.'));
    }
    report.verdict
}

/// Checks one history by every tier against `expected`; `unknown` counts as wrong only where the tier
/// must be able to decide.
fn agree(history: &History, expected: bool) -> Verdict {
    let expected = if expected { Verdict::Ok } else { Verdict::Bad };
    for tiers in [
        Tiers::All,
        Tiers::BlackBox,
        Tiers::Only(Tier::Zones),
        Tiers::Only(Tier::Frontier),
        Tiers::Only(Tier::Any),
    ] {
        let found = verdict(history, tiers);
        let may_pass = tiers == Tiers::Only(Tier::Zones) && found == Verdict::Unknown;
        assert!(
            found == expected || may_pass,
            "{tiers:?} says {found:?} where plain search says {expected:?}:\n{}",
            plain::show(history)
        );
    }
    expected
}

fn run(histories: u64, seed: u64, shape: impl Fn(&mut Random) -> Shape) {
    let mut random = Random::new(seed);
    let mut bad = 0;
    for _ in 0..histories {
        let shape = shape(&mut random);
        let history = plain::history(&mut random, &shape);
        let expected = plain::wing_gong(&history);
        if shape.operations <= 6 {
            assert_eq!(plain::brute_force(&history), expected, "{}", plain::show(&history));
        }
        bad += u64::from(agree(&history, expected) == Verdict::Bad);
    }
    println!("{histories} histories, {bad} bad");
    assert!(bad * 20 > histories && bad * 20 < histories * 19, "both verdicts occur: {bad} bad");
}

#[test]
fn tiny_histories_get_the_verdict_of_brute_force() {
    run(120_000, 1, |random| Shape::random(random, 3, 8));
}

#[test]
fn small_histories_get_the_verdict_of_plain_search() {
    run(80_000, 2, |random| Shape::random(random, 8, 24));
}

#[test]
fn longer_histories_get_the_verdict_of_plain_search() {
    run(12_000, 3, |random| Shape::random(random, 24, 60));
}
