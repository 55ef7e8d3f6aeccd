//! `kv check FILE…` on small histories: a good one, a bad one, and what is no history.

use std::fs;
use std::path::PathBuf;

use crate::json::Json;
use crate::support::{Run, folder, kv_in};

const OK: &str = r#"{"t":1,"p":0,"e":"invoke","f":"write","k":"a","v":1}
{"t":2,"p":0,"e":"ok","f":"write","k":"a"}
{"t":3,"p":1,"e":"invoke","f":"read","k":"a"}
{"t":4,"p":1,"e":"ok","f":"read","k":"a","v":1}
"#;

/// The second write is there, and then it is not.
pub(crate) const BAD: &str = r#"{"t":1,"p":0,"e":"invoke","f":"write","k":"a","v":1}
{"t":2,"p":0,"e":"ok","f":"write","k":"a"}
{"t":3,"p":0,"e":"invoke","f":"write","k":"a","v":2}
{"t":4,"p":0,"e":"ok","f":"write","k":"a"}
{"t":5,"p":1,"e":"invoke","f":"read","k":"a"}
{"t":6,"p":1,"e":"ok","f":"read","k":"a","v":1}
"#;

const GARBAGE: &str = "{\"t\":1,\"p\":0,\"e\":\"invoke\",\"f\":\"read\",\"k\":\"a\"}\n{\"t\":2,\n";

/// A folder with the three.
pub(crate) fn histories(name: &str) -> PathBuf {
    let folder = folder(name);
    for (file, text) in [("ok.jsonl", OK), ("bad.jsonl", BAD), ("garbage.jsonl", GARBAGE)] {
        fs::write(folder.join(file), text).expect("the folder was just made");
    }
    folder
}

#[test]
fn a_good_history_is_ok() {
    let Run { code, stdout, stderr } = kv_in(&histories("check-ok"), "kv check ok.jsonl");
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with("ok.jsonl: ok, 2 operations, "), "{stdout}");
    assert!(stdout.contains(" ms, tier "), "{stdout}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}

#[test]
fn a_bad_history_says_why_and_ends_in_8() {
    let Run { code, stdout, stderr } = kv_in(&histories("check-bad"), "kv check bad.jsonl");
    assert_eq!((code, stderr.as_str()), (8, ""), "{stdout}");
    assert!(stdout.starts_with("bad.jsonl: bad, 3 operations, "), "{stdout}");
    let (_, sentence) = stdout.split_once("tier ").expect("the tier");
    assert!(sentence.split_once(": ").is_some_and(|(_, why)| why.len() > 20), "{stdout}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_line_and_the_rest_is_judged() {
    let folder = histories("check-garbage");
    let Run { code, stdout, stderr } = kv_in(&folder, "kv check garbage.jsonl ok.jsonl");
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.starts_with("ok.jsonl: ok"), "{stdout}");
    assert!(stderr.starts_with("kv check: garbage.jsonl: line 2: "), "{stderr}");

    let run = kv_in(&folder, "kv check missing.jsonl garbage.jsonl bad.jsonl");
    assert_eq!((run.code, run.stderr.lines().count()), (8, 2), "bad weighs more than unreadable");
}

#[test]
fn with_json_each_file_is_an_object_and_each_error_too() {
    let folder = histories("check-json");
    let run = kv_in(&folder, "kv check ok.jsonl bad.jsonl garbage.jsonl -o json");
    assert_eq!(run.code, 8);
    let json = Json::lines(&run.stdout);
    let [ok, bad] = json.items() else { panic!("two were judged: {json:?}") };
    assert_eq!((ok.at("file").text(), ok.at("verdict").text()), ("ok.jsonl", "ok"));
    assert_eq!((bad.at("verdict").text(), bad.at("ops").number()), ("bad", 3.0));
    assert_eq!(*ok.at("sentence"), Json::Null);
    assert!(!bad.at("sentence").text().is_empty());
    assert!(bad.at("ms").number() >= 0.0);
    assert!(bad.at("tier").number() <= 3.0);
    assert_eq!(Json::line(&run.stderr).at("error").at("id").text(), "KV-0002");

    let none = kv_in(&folder, "kv check garbage.jsonl -o json");
    assert_eq!((none.code, Json::lines(&none.stdout)), (1, Json::Array(Vec::new())));
}

#[test]
fn a_tier_that_cannot_decide_leaves_the_history_unknown() {
    // Without a server's order there is no hint.
    let run = kv_in(&histories("check-unknown"), "kv check bad.jsonl --tier 0");
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.starts_with("bad.jsonl: unknown, 3 operations, "), "{}", run.stdout);
    assert!(run.stdout.contains("tier 0 alone cannot decide this history"), "{}", run.stdout);
}

#[test]
fn the_model_named_is_the_one_used() {
    let folder = histories("check-model");
    let from_one = OK.lines().skip(2).fold(String::new(), |text, line| text + line + "\n");
    fs::write(folder.join("one.jsonl"), from_one).expect("the folder is there");
    assert_eq!(kv_in(&folder, "kv check one.jsonl").code, 8, "nobody wrote the 1");
    assert_eq!(kv_in(&folder, "kv check one.jsonl --model 'cas-register(1)'").code, 0);
    assert_eq!(kv_in(&folder, "kv check one.jsonl --model 'register(2)'").code, 8);
}

#[test]
fn the_model_that_the_checker_lacks_is_said_to_be_lacking() {
    let run = kv_in(&histories("check-store"), "kv check ok.jsonl --model store");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.starts_with("kv check: the model store is not built yet"), "{}", run.stderr);
}

#[test]
fn the_page_is_written_for_a_bad_history_too() {
    let folder = histories("check-html");
    assert_eq!(kv_in(&folder, "kv check --html out.html bad.jsonl").code, 8);
    let page = fs::read_to_string(folder.join("out.html")).expect("it was written");
    assert!(page.starts_with("<!doctype html>") && page.contains("bad.jsonl"));

    let run = kv_in(&folder, "kv check --html no/out.html ok.jsonl");
    assert_eq!(run.code, 1, "the page could not be written");
    assert!(run.stderr.contains("no/out.html could not be written"), "{}", run.stderr);
}

#[test]
fn a_witness_proves_its_history_and_no_other() {
    let folder = histories("check-witness");
    assert_eq!(kv_in(&folder, "kv check --witness order.txt ok.jsonl").code, 0);
    let good = kv_in(&folder, "kv check --verify-witness order.txt ok.jsonl");
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert!(good.stdout.contains("by the witness given"), "{}", good.stdout);

    let other = kv_in(&folder, "kv check --verify-witness order.txt bad.jsonl");
    assert_eq!(other.code, 8, "{}", other.stdout);
    assert!(other.stdout.starts_with("bad.jsonl: unknown"), "{}", other.stdout);
    assert!(other.stdout.contains("does not hold"), "{}", other.stdout);

    let none = kv_in(&folder, "kv check --witness none.txt bad.jsonl");
    assert_eq!(none.code, 8);
    assert!(none.stderr.contains("only an ok history has a witness"), "{}", none.stderr);
    assert!(!folder.join("none.txt").exists());
}
