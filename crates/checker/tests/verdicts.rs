//! Small histories of every model, hints, limits, warnings, and bytes that are no history.

use std::time::Duration;

use checker::check::{Options, Report, Verdict, check};
use checker::explain::Proof;
use checker::generator::Plan;
use checker::judge::{Reason, Tier, Tiers};
use checker::limits::{Hard, Limits};
use checker::models::ModelKind;
use checker::read::{ReadLimits, read};
use checker::value::Value;

/// JSON lines from short ones: `1 write k 5`, `1 ok`, `1 ok 5`, with what follows as JSON.
fn judge(model: &ModelKind, lines: &[&str]) -> Report {
    judge_by(Tiers::All, model, lines)
}

fn judge_by(tiers: Tiers, model: &ModelKind, lines: &[&str]) -> Report {
    let text: String = lines.iter().map(|line| event(line)).collect();
    let history =
        read(text.as_bytes(), &ReadLimits::default()).expect("a case is a history").history;
    check(&history, model, &Options { tiers, ..Options::default() })
}

fn event(line: &str) -> String {
    let mut words = line.split(' ');
    let process = words.next().expect("a line has a process");
    let word = words.next().expect("a line has an event");
    let rest: Vec<&str> = words.collect();
    let fields = match (word, &rest[..]) {
        ("ok" | "fail" | "info", []) => format!("\"e\":\"{word}\""),
        ("ok", [value]) => format!("\"e\":\"ok\",\"v\":{value}"),
        ("ok", [value, more]) => format!("\"e\":\"ok\",\"v\":{value},{more}"),
        (function, [key]) => format!("\"e\":\"invoke\",\"f\":\"{function}\",\"k\":\"{key}\""),
        (function, [key, value]) => {
            format!("\"e\":\"invoke\",\"f\":\"{function}\",\"k\":\"{key}\",\"v\":{value}")
        }
        _ => panic!("a case has no line {line}"),
    };
    format!("{{\"p\":{process},{fields}}}\n")
}

fn expect(model: &ModelKind, verdict: Verdict, lines: &[&str]) {
    for tiers in [Tiers::All, Tiers::Only(Tier::Any)] {
        let report = judge_by(tiers, model, lines);
        assert_eq!(report.verdict, verdict, "{tiers:?} {lines:?} {report:?}");
        if let Some(explanation) = report.explanation {
            assert_eq!(explanation.proof, Proof::Again, "{lines:?}");
        }
    }
}

fn kv() -> ModelKind {
    ModelKind::Kv(Value::Absent)
}

#[test]
fn lock_is_held_by_one() {
    let model = ModelKind::Mutex;
    expect(
        &model,
        Verdict::Ok,
        &["1 acquire l", "1 ok", "1 release l", "2 acquire l", "2 ok", "1 ok"],
    );
    expect(&model, Verdict::Bad, &["1 acquire l", "1 ok", "2 acquire l", "2 ok"]);
    expect(&model, Verdict::Bad, &["1 release l", "1 ok"]);
    // A release of unknown outcome may have come first.
    expect(
        &model,
        Verdict::Ok,
        &["1 acquire l", "1 ok", "1 release l", "1 info", "2 acquire l", "2 ok"],
    );
}

#[test]
fn set_and_counter_hold_what_was_added() {
    let set = ModelKind::Set;
    expect(&set, Verdict::Ok, &["1 add s 3", "1 ok", "1 add s 4", "2 read s", "2 ok [3]", "1 ok"]);
    expect(&set, Verdict::Bad, &["1 add s 3", "1 ok", "2 read s", "2 ok []"]);
    let counter = ModelKind::Counter;
    expect(&counter, Verdict::Ok, &["1 add c 3", "2 read c", "2 ok 3", "1 ok"]);
    expect(&counter, Verdict::Bad, &["1 add c 3", "1 ok", "2 read c", "2 ok 6"]);
}

#[test]
fn store_deletes_adds_and_appends() {
    let ok = |lines: &[&str]| expect(&kv(), Verdict::Ok, lines);
    let bad = |lines: &[&str]| expect(&kv(), Verdict::Bad, lines);
    ok(&["1 put k 5", "1 ok", "1 delete k", "1 ok 5", "1 get k", "1 ok null"]);
    bad(&["1 put k 5", "1 ok", "1 delete k", "1 ok", "1 get k", "1 ok 5"]);
    bad(&["1 delete k", "1 ok 5"]);
    ok(&["1 add k 2", "1 ok 2", "2 add k 3", "2 ok 5", "1 get k", "1 ok 5"]);
    bad(&["1 add k 2", "1 ok 2", "2 add k 3", "2 ok 3"]);
    ok(&["1 append k \"a\"", "1 ok", "2 append k \"b\"", "2 ok", "1 get k", "1 ok \"ab\""]);
    bad(&["1 append k \"a\"", "1 ok", "2 append k \"b\"", "2 ok", "1 get k", "1 ok \"ba\""]);
    bad(&["1 append k \"a\"", "1 info", "2 get k", "2 ok \"aa\""]);
}

#[test]
fn transactions_tie_their_keys() {
    let both = "[[\"write\",\"a\",1],[\"write\",\"b\",1]]";
    let write = format!("1 txn a {both}");
    let torn = ["2 get a", "2 ok 1", "2 get b", "2 ok null"];
    let mut lines = vec![write.as_str(), "1 ok"];
    lines.extend(["2 get a", "2 ok 1", "2 get b", "2 ok 1"]);
    expect(&kv(), Verdict::Ok, &lines);
    let mut lines = vec![write.as_str()];
    lines.extend(torn);
    lines.push("1 ok");
    expect(&kv(), Verdict::Bad, &lines);

    let guarded = "1 txn a [[\"expect\",\"a\",7],[\"write\",\"b\",1]]";
    expect(
        &kv(),
        Verdict::Ok,
        &[guarded, "1 ok [[\"expect\",\"a\",7],[\"write\",\"b\",1]] \"r\":false"],
    );
    expect(
        &kv(),
        Verdict::Bad,
        &[guarded, "1 ok [[\"expect\",\"a\",7],[\"write\",\"b\",1]] \"r\":true"],
    );
}

#[test]
fn servers_order_is_tried_and_not_trusted() {
    let hinted = |read: &str| {
        let lines = ["1 append k \"a\"", "1 ok null \"i\":4", "2 get k", read];
        judge(&kv(), &lines)
    };
    let right = hinted("2 ok \"a\" \"i\":4");
    assert_eq!((right.verdict, right.tier), (Verdict::Ok, Tier::Hint));
    // The index is wrong, but the answers are right: that is no fault of the history.
    let wrong = hinted("2 ok \"a\" \"i\":3");
    assert_eq!((wrong.verdict, wrong.tier), (Verdict::Ok, Tier::Zones));
    let stale = hinted("2 ok null \"i\":3");
    assert_eq!(stale.verdict, Verdict::Bad);
}

#[test]
fn effect_of_a_recorded_failure_is_a_warning() {
    let report = judge(&kv(), &["1 put k 5", "1 fail", "2 get k", "2 ok 5"]);
    assert_eq!(report.verdict, Verdict::Bad);
    assert_eq!(report.warnings.len(), 1);
    assert!(report.warnings[0].contains("recorded as failed"), "{:?}", report.warnings);
}

#[test]
fn limits_end_a_check_with_the_reason() {
    // All overlap and nothing is read before the end: any order is possible for long.
    let mut lines: Vec<String> =
        (0..60).map(|at| format!("{at} add k {}", 1 << (at % 30))).collect();
    lines.extend((0..60).map(|at| format!("{at} ok")));
    lines.extend(["99 get k".to_owned(), "99 ok 12345678912345".to_owned()]);
    let text: String = lines.iter().map(|line| event(line)).collect();
    let history = read(text.as_bytes(), &ReadLimits::default()).expect("a history").history;
    let check_within = |limits: Limits| {
        let options = Options { limits, ..Options::default() };
        check(&history, &kv(), &options)
    };
    let time = Duration::from_millis(200);
    let slow = check_within(Limits { time, ..Limits::default() });
    let limit = |report: &Report| match &report.reason {
        Some(Reason::Hard { limit, .. }) => limit.clone(),
        other => panic!("a limit was to be reached, not {other:?}"),
    };
    assert_eq!(slow.verdict, Verdict::Unknown);
    assert_eq!(limit(&slow), Hard::Time(time));
    let wide = check_within(Limits { memory_bytes: 1 << 20, ..Limits::default() });
    assert_eq!(limit(&wide), Hard::Memory(1 << 20));
}

#[test]
fn threads_share_keys_and_agree() {
    let history = Plan { keys: 20, ..Plan::new(4_000, 8, 0, 5) }.history();
    let model = ModelKind::CasRegister(Value::Absent);
    let one = check(&history, &model, &Options { threads: 1, ..Options::default() });
    let two = check(&history, &model, &Options { threads: 2, ..Options::default() });
    assert_eq!(one.verdict, Verdict::Ok);
    assert_eq!(one.witness, two.witness);
}

#[test]
fn any_bytes_are_a_history_or_an_error() {
    let samples = [
        "{\"t\":1,\"p\":0,\"e\":\"invoke\",\"f\":\"cas\",\"k\":\"a\",\"v\":[1,2]}\n{\"p\":0,\"e\":\"ok\",\"r\":true}\n",
        "[{:process 0 :type :invoke :f :txn :value [[:read :x nil] [:write :y #{1}]]}]",
        "{:process 0, :type :invoke, :f :append, :key \"0\", :value \"x \\\" y\"}\n",
        "INFO  jepsen.util - 4\t:invoke\t:cas\t[1 2]\nINFO  jepsen.util - 4\t:fail\t:cas\t[1 2]\n",
        "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
    ];
    let mut state = 1u64;
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).expect("31 bits fit") % bound
    };
    let mut refused = 0;
    for _ in 0..60_000 {
        let mut bytes = samples[random(samples.len())].as_bytes().to_vec();
        for _ in 0..1 + random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = u8::try_from(random(256)).expect("it is below 256"),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.extend_from_within(at..),
                _ => bytes.insert(at, b"[]{}\"\\:#;,-9"[random(12)]),
            }
        }
        if let Err(error) = read(&bytes[..], &ReadLimits::default()) {
            refused += 1;
            assert!(!error.message.is_empty());
        }
    }
    assert!(refused > 10_000, "most damage is seen");
}
