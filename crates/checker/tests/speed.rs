//! What a check takes on the generated histories, and that each gets the verdict it was made for.

use std::time::{Duration, Instant};

use checker::check::{Options, Verdict, check};
use checker::generator::{Plan, Wrong};
use checker::judge::Tiers;
use checker::limits::Limits;
use checker::models::ModelKind;
use checker::value::Value;

fn judge(plan: &Plan, limits: Limits) -> (Verdict, Duration, u8) {
    let history = plan.history();
    let model = ModelKind::CasRegister(Value::Absent);
    let tiers = Tiers::BlackBox;
    let options = Options { tiers, limits, threads: 1, explain: Duration::ZERO };
    let start = Instant::now();
    let report = check(&history, &model, &options);
    if let Some(reason) = &report.reason {
        println!("{reason}");
    }
    (report.verdict, start.elapsed(), report.tier.number())
}

fn bad(plan: Plan) -> Plan {
    Plan { wrong: Some(Wrong::End), ..plan }
}

fn expected(plan: &Plan) -> Verdict {
    if plan.wrong.is_some() { Verdict::Bad } else { Verdict::Ok }
}

#[test]
fn small_runs_of_every_kind_get_their_verdict() {
    for values in [0, 5] {
        for (clients, unknown) in [(5, 0), (10, 1), (30, 0), (5, 10)] {
            for seed in 1..4 {
                let good = Plan { seed, ..Plan::new(400, clients, values, unknown) };
                assert_eq!(judge(&good, Limits::default()).0, Verdict::Ok, "{good:?}");
                if values == 0 || unknown == 0 {
                    let bad = bad(good);
                    assert_eq!(judge(&bad, Limits::default()).0, Verdict::Bad, "{bad:?}");
                }
            }
        }
    }
}

#[test]
fn wrong_read_is_found_wherever_it_is() {
    for wrong in [Wrong::Start, Wrong::Middle, Wrong::End] {
        let plan = Plan { wrong: Some(wrong), keys: 3, ..Plan::new(3_000, 10, 0, 10) };
        assert_eq!(judge(&plan, Limits::default()).0, Verdict::Bad, "{plan:?}");
    }
}

#[test]
#[ignore = "measures"]
fn table() {
    let million = Plan::new(1_000_000, 30, 0, 10);
    let few = Plan::new(10_000, 10, 5, 1);
    let wide = Plan::new(10_000, 30, 5, 0);
    let many_keys = Plan { keys: 100, ..Plan::new(100_000, 30, 0, 10) };
    let plans = [
        million,
        bad(million),
        few,
        Plan { operations: 100_000, ..few },
        wide,
        bad(wide),
        many_keys,
        bad(many_keys),
    ];
    for plan in plans {
        let limits = Limits { time: Duration::from_secs(60), memory_bytes: 500 << 20 };
        let (verdict, time, tier) = judge(&plan, limits);
        let mark = if verdict == expected(&plan) { ' ' } else { '!' };
        println!(
            "{mark} {:>10.3} ms tier {tier} {verdict:?} {plan:?}",
            time.as_secs_f64() * 1000.0
        );
    }
}

#[test]
#[ignore = "measures"]
fn few_values_of_many_shapes() {
    for seed in 1..4 {
        for (operations, clients, unknown) in [
            (100_000, 10, 1),
            (100_000, 5, 1),
            (10_000, 30, 1),
            (10_000, 5, 10),
            (10_000, 10, 10),
            (10_000, 30, 10),
        ] {
            let plan = Plan { seed, ..Plan::new(operations, clients, 5, unknown) };
            let limits = Limits { time: Duration::from_secs(10), memory_bytes: 500 << 20 };
            let (verdict, time, _) = judge(&plan, limits);
            println!("{:>10.3} ms {verdict:?} {plan:?}", time.as_secs_f64() * 1000.0);
        }
    }
}
