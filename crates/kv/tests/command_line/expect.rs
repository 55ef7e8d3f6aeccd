//! `kv check --expect`: a made-up table, and the recorded histories where they lie beside the repository.

use std::fs;
use std::path::Path;

use crate::check::histories;
use crate::json::Json;
use crate::support::kv_in;

const HEAD: &str = "file\tformat\tmodel\tops\tverdict\n";

fn row(file: &str, model: &str, verdict: &str) -> String {
    format!("{file}\tjsonl\t{model}\t3\t{verdict}\tmade up\n")
}

#[test]
fn rows_as_expected_pass_and_models_not_known_are_skipped() {
    let folder = histories("expect-passes");
    let rows = [
        row("ok.jsonl", "cas-register(null) per key", "ok"),
        row("bad.jsonl", "cas-register(null) per key", "bad"),
        row("ok.jsonl", "bank", "ok"),
    ];
    fs::write(folder.join("expected.tsv"), HEAD.to_owned() + &rows.concat()).expect("a folder");

    let run =
        kv_in(folder.parent().expect("it has one"), "kv check --expect expect-passes/expected.tsv");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("ok.jsonl: passed, expected ok, is ok, 2 operations, "));
    assert!(lines[1].starts_with("bad.jsonl: passed, expected bad, is bad, 3 operations, "));
    assert_eq!(
        lines[2..],
        ["ok.jsonl: skipped, its model is not known", "2 passed, 0 failed, 1 skipped"]
    );

    let run = kv_in(&folder, "kv check --expect expected.tsv -o json");
    let json = Json::lines(&run.stdout);
    let [ok, bad] = json.items() else { panic!("two rows: {json:?}") };
    assert_eq!((ok.at("expected").text(), ok.at("verdict").text()), ("ok", "ok"));
    assert_eq!((bad.at("file").text(), bad.at("verdict").text()), ("bad.jsonl", "bad"));
    assert_eq!(bad.at("ops").number(), 3.0);
    assert!(bad.at("ms").number() >= 0.0 && bad.at("tier").number() <= 3.0);
}

#[test]
fn a_row_that_differs_or_cannot_be_read_fails_the_table() {
    let folder = histories("expect-fails");
    let rows = [
        row("ok.jsonl", "kv", "bad"),
        row("garbage.jsonl", "kv", "ok"),
        row("bad.jsonl", "kv", "bad"),
    ];
    fs::write(folder.join("expected.tsv"), HEAD.to_owned() + &rows.concat()).expect("a folder");
    let run = kv_in(&folder, "kv check --expect expected.tsv");
    assert_eq!(run.code, 8);
    assert!(run.stdout.contains("ok.jsonl: FAILED, expected bad, is ok"), "{}", run.stdout);
    assert!(run.stdout.contains("garbage.jsonl: FAILED"), "{}", run.stdout);
    assert!(run.stdout.contains("line 2"), "{}", run.stdout);
    assert!(run.stdout.ends_with("\n1 passed, 2 failed, 0 skipped\n"), "{}", run.stdout);
    assert_eq!(kv_in(&folder, "kv check --expect expected.tsv -o json").code, 8);
}

#[test]
fn a_table_that_is_none_is_an_error_with_its_line() {
    let folder = histories("expect-none");
    fs::write(folder.join("expected.tsv"), format!("{HEAD}ok.jsonl\tjsonl\n")).expect("a folder");
    let run = kv_in(&folder, "kv check --expect expected.tsv");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("expected.tsv: line 2: "), "{}", run.stderr);
    assert_eq!(kv_in(&folder, "kv check --expect missing.tsv").code, 1);
}

#[test]
fn every_recorded_history_has_its_known_verdict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if !root.join("../shared/histories/expected.tsv").is_file() {
        println!("skipped: there are no histories beside the repository");
        return;
    }
    let run = kv_in(&root, "kv check --expect ../shared/histories/expected.tsv");
    assert_eq!(run.code, 0, "{}", run.stdout);
    let summary = run.stdout.lines().last().expect("a summary");
    assert!(summary.contains(" passed, 0 failed, "), "{summary}");
}
