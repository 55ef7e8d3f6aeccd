//! `kv explain`, and that every error id has its explanation.

use kv_cli::explain::EXPLANATIONS;
use kv_cli::help::WIDTH_MAX;

use crate::json::Json;
use crate::support::kv;

#[test]
fn every_known_id_is_explained_on_stdout() {
    for known in EXPLANATIONS {
        let run = kv(&format!("kv explain {}", known.id));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert_eq!(run.stdout, format!("{}: {}\n\n{}\n", known.id, known.title, known.text));
        assert!(run.stdout.lines().all(|line| line.chars().count() <= WIDTH_MAX), "{}", known.id);
    }
}

#[test]
fn an_explanation_can_be_json() {
    let run = kv("kv explain KV-0001 -o json");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let json = Json::line(&run.stdout);
    assert_eq!(json.at("id").text(), "KV-0001");
    assert_eq!(json.at("title").text(), "not built yet");
    assert_eq!(json.at("text").text(), EXPLANATIONS[0].text);
}

#[test]
fn an_id_may_be_typed_in_lower_case() {
    assert_eq!(kv("kv explain kv-0001").stdout, kv("kv explain KV-0001").stdout);
}

#[test]
fn an_unknown_id_is_not_found_and_the_known_ones_are_named() {
    let run = kv("kv explain KV-9999");
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    let known = EXPLANATIONS.map(|known| known.id).join(", ");
    let said = format!("kv explain: no error has the id \"KV-9999\"; the known ids are: {known}\n");
    assert_eq!(run.stderr, said);
}

#[test]
fn an_unknown_id_in_json_has_no_id_of_its_own() {
    let run = kv("kv explain '\"' -o json");
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    let json = Json::line(&run.stderr);
    assert_eq!(*json.at("error").at("id"), Json::Null);
    assert!(json.at("error").at("message").text().contains(r#""\"""#));
}

#[test]
fn ids_are_unique_ascending_and_of_one_form() {
    let ids = EXPLANATIONS.map(|known| known.id);
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for id in ids {
        let digits = id.strip_prefix("KV-").expect("the prefix");
        assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{id}");
    }
}
