//! Words that do not stand in our Rust code, and what a file of it begins with.
//!
//! Reads code and comments apart, so that prose and strings may say any of these words.

use crate::Violation;
use crate::source::{Source, words};
use crate::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    tree.rust().flat_map(|(file, source)| check_file(file, source)).collect()
}

fn check_file(file: &File, source: &Source) -> Vec<Violation> {
    let mut found = check_opening(file);
    for (line, code) in source.code() {
        let broken = words(code).filter_map(|(word, after)| check_word(file, word, after));
        found.extend(
            broken.map(|(rule, message)| Violation::of_line(rule, &file.path, line, message)),
        );
    }
    for (line, comment) in source.comments() {
        if words(comment).any(|(word, _)| matches!(word, "FIXME" | "XXX")) {
            let message = "do it now, or say in a sentence what is missing and why that is safe";
            found.push(Violation::of_line("leftovers", &file.path, line, message));
        }
    }
    found.extend(check_ignored(&file.path, source));
    found
}

/// What a file holds, what it relies on and what is absent, before its first line of code.
fn check_opening(file: &File) -> Vec<Violation> {
    let is_source = file.path.split('/').any(|part| part == "src");
    if !is_source || file.text.starts_with("//!") {
        return Vec::new();
    }
    let message = "open it with `//!` lines that say what it holds, relies on, and leaves out";
    vec![Violation::of_line("opening", &file.path, 1, message)]
}

fn check_word(file: &File, word: &str, after: &str) -> Option<(&'static str, &'static str)> {
    let is_macro = after.trim_start().starts_with('!') && !after.trim_start().starts_with("!=");
    let is_ours = file.path.starts_with("crates/");
    match word {
        "unsafe" => Some(("unsafe", "write it in safe Rust: that is the project's promise")),
        "todo" | "unimplemented" if is_macro => {
            Some(("leftovers", "write it, or refuse with a reason"))
        }
        "dbg" if is_macro => Some(("leftovers", "remove what debugging left behind")),
        "dangerous" if is_ours => Some(("verifier", VERIFIER)),
        "ServerCertVerifier" | "ClientCertVerifier" if is_ours && is_implemented(after) => {
            Some(("verifier", VERIFIER))
        }
        _ => None,
    }
}

/// The trait of `impl Trait for Type`.
fn is_implemented(after: &str) -> bool {
    after.starts_with(' ') && words(after).next().is_some_and(|(word, _)| word == "for")
}

fn check_ignored(path: &str, source: &Source) -> Vec<Violation> {
    let silent = source.attributes().into_iter().filter(|attribute| {
        let text = attribute.text.trim_start_matches("#[");
        (text.starts_with("ignore") || text.starts_with("cfg_attr("))
            && words(text).any(|(word, after)| word == "ignore" && !gives_reason(after))
    });
    silent
        .map(|attribute| {
            let message = "give the reason, as in `#[ignore = \"needs a quiet machine\"]`";
            Violation::of_line("ignore", path, attribute.line, message)
        })
        .collect()
}

fn gives_reason(after: &str) -> bool {
    after.starts_with("=\"") && !after.starts_with("=\"\"")
}

const VERIFIER: &str =
    "leave certificates to rustls and webpki: a verifier of our own is how checks get lost";
