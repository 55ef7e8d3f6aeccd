//! What a command says whose part of the project does not exist yet. A command that comes to life
//! leaves these tests by joining `BUILT`.

use crate::json::Json;
use crate::support::{Run, command, kv, leaves, run, words};

/// The commands that work.
const BUILT: &[&str] = &["kv check", "kv explain", "kv fsck", "kv log"];

#[test]
fn an_unbuilt_command_says_so_in_one_sentence() {
    for (path, arguments) in unbuilt() {
        let Run { code, stdout, stderr } = kv(&format!("{path}{arguments}"));
        assert_eq!((code, stdout.as_str()), (1, ""), "{path}\n{stderr}");
        let sentence = stderr.strip_suffix('\n').expect("a whole line");
        assert!(!sentence.contains('\n'), "{path} says one line: {sentence}");
        assert!(
            sentence.starts_with(&format!("{path}: not built yet — it comes with the ")),
            "{sentence}"
        );
        assert!(sentence.ends_with("; see CHANGELOG.md for what works today"), "{sentence}");
    }
}

#[test]
fn with_json_the_same_sentence_is_an_object_on_stderr() {
    for (path, arguments) in unbuilt() {
        if ["kv serve", "kv top"].contains(&path.as_str()) {
            continue; // They print no result, and so have no -o.
        }
        let plain = kv(&format!("{path}{arguments}"));
        let Run { code, stdout, stderr } = kv(&format!("{path}{arguments} -o json"));
        assert_eq!((code, stdout.as_str()), (1, ""), "{path}\n{stderr}");
        let json = Json::line(&stderr);
        assert_eq!(json.at("error").at("id").text(), "KV-0001", "{path}");
        assert_eq!(json.at("error").at("message").text(), plain.stderr.trim_end(), "{path}");
    }
}

#[test]
fn the_sentence_of_put_is_the_promised_one() {
    assert_eq!(
        kv("kv put k v").stderr,
        "kv put: not built yet — it comes with the service; see CHANGELOG.md for what works today\n"
    );
}

#[test]
fn an_unbuilt_command_touches_no_file() {
    let empty = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("touches-no-file");
    std::fs::create_dir_all(&empty).expect("cargo made the directory above");
    for line in ["kv dev --dir D", "kv cert init-ca", "kv torture --html OUT"] {
        assert_eq!(run(command(&words(line)[1..]).current_dir(&empty)).code, 1, "{line}");
    }
    let left = std::fs::read_dir(&empty).expect("it was just made").count();
    assert_eq!(left, 0);
}

/// Each unbuilt command, with the least it must be given.
fn unbuilt() -> Vec<(String, &'static str)> {
    let paths = leaves().into_iter().map(|(path, _)| path);
    let unbuilt = paths.filter(|path| !BUILT.contains(&path.as_str()));
    unbuilt.map(|path| (path.clone(), arguments(&path))).collect()
}

fn arguments(path: &str) -> &'static str {
    match path {
        "kv serve" => " --config FILE",
        "kv put" | "kv append" => " K V",
        "kv get" | "kv del" | "kv watch" => " K",
        "kv cas" => " K OLD NEW",
        "kv add" => " K 1",
        "kv txn" => " --then 'get k'",
        "kv lease grant" => " 30s",
        "kv lease revoke" | "kv lease keep-alive" | "kv lease show" => " 7",
        "kv member add" => " 4 localhost:7401",
        "kv member remove" | "kv transfer" | "kv cert issue-node" => " 2",
        "kv cert issue-client" => " --role read",
        "kv snapshot save" => " FILE",
        "kv snapshot restore" => " FILE --dir D",
        "kv recover" => " --from D --into E",
        "kv kill" | "kv start" | "kv pause" | "kv resume" => " 1",
        "kv partition" => " 1 2",
        "kv sim run" => " --seeds 0..1",
        "kv sim replay" | "kv sim shrink" => " 1",
        "kv sim scenario" => " split-vote",
        _ => "",
    }
}
