//! What `-h` and `--help` say, and that they say what is true.

use std::collections::BTreeSet;

use kv_cli::Exit;
use kv_cli::help::WIDTH_MAX;

use crate::support::{all, command, kv, leaves, run, words};

#[test]
fn the_command_tree_is_well_formed() {
    kv_cli::command().debug_assert();
}

#[test]
fn every_command_explains_itself() {
    for (path, _) in all() {
        for flag in ["-h", "--help"] {
            let run = kv(&format!("{path} {flag}"));
            assert_eq!(run.code, 0, "{path} {flag}");
            assert_eq!(run.stderr, "", "{path} {flag}");
            let description = run.stdout.lines().next().unwrap_or_default();
            assert!(description.contains(' '), "{path} {flag} begins with {description:?}");
            assert!(run.stdout.contains(&format!("Usage: {path}")), "{path} {flag}");
        }
    }
}

#[test]
fn every_command_that_does_something_shows_examples() {
    for (path, _) in leaves() {
        let long = kv(&format!("{path} --help")).stdout;
        assert!(long.contains("\nExamples:\n  "), "{path}");
        let own = examples(&long).iter().any(|line| line.starts_with(&path));
        assert!(own, "no example of `{path}` is of `{path}`");
        assert!(!kv(&format!("{path} -h")).stdout.contains("Examples:"), "{path}: -h is short");
    }
}

#[test]
fn every_example_is_a_good_command_line() {
    for (path, _) in leaves() {
        for line in examples(&kv(&format!("{path} --help")).stdout) {
            let tried = kv_cli::command().try_get_matches_from(words(&line));
            assert!(
                tried.is_ok(),
                "{line}\n{}",
                tried.err().map(|e| e.to_string()).unwrap_or_default()
            );
        }
    }
}

#[test]
fn every_argument_has_a_help_text() {
    for (path, command) in all() {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {}", argument.get_id());
        }
    }
}

#[test]
fn no_help_is_wider_than_the_page() {
    for path in all().into_iter().map(|(path, _)| path).chain(["kv".to_owned()]) {
        for flag in ["-h", "--help"] {
            for line in kv(&format!("{path} {flag}")).stdout.lines() {
                assert!(line.chars().count() <= WIDTH_MAX, "{path} {flag}: {line}");
            }
        }
    }
}

#[test]
fn no_generated_line_of_help_is_wrapped() {
    // On a wide page nothing is wrapped, so a generated line that differs there was too long.
    for path in all().into_iter().map(|(path, _)| path).chain(["kv".to_owned()]) {
        let args = &words(&format!("{path} --help"))[1..];
        let wide = run(command(args).env("COLUMNS", "100")).stdout;
        let narrow = kv(&format!("{path} --help")).stdout;
        assert_eq!(generated(&wide), generated(&narrow), "{path}");
    }
}

#[test]
fn the_grouped_list_names_every_command_exactly_once() {
    for flag in ["-h", "--help"] {
        let help = kv(&format!("kv {flag}")).stdout;
        let list = between(&help, "Run a cluster:\n", "\nOptions:\n");
        let rows = list.lines().filter_map(|line| line.strip_prefix("  "));
        let mut listed: Vec<_> =
            rows.filter_map(|row| row.split_once(' ')).map(|(n, _)| n).collect();
        // `help` is clap's own and not in the tree before it runs.
        let tree = kv_cli::command();
        let mut known: Vec<_> = tree.get_subcommands().map(clap::Command::get_name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known, "kv {flag}");
    }
}

#[test]
fn every_row_of_the_grouped_list_has_a_description() {
    let help = kv("kv --help").stdout;
    for (path, command) in all().iter().filter(|(path, _)| path.matches(' ').count() == 1) {
        let about = command.get_about().expect("every command has one").to_string();
        let name = path.trim_start_matches("kv ");
        let row = |line: &&str| line.starts_with(&format!("  {name} ")) && line.ends_with(&about);
        assert_eq!(help.lines().filter(row).count(), 1, "{path}");
    }
}

#[test]
fn the_groups_stand_in_the_order_of_a_first_day() {
    let help = kv("kv -h").stdout;
    let titles: Vec<_> = help.lines().filter(|line| line.ends_with(':')).collect();
    assert_eq!(
        titles,
        [
            "Run a cluster:",
            "Read and write data:",
            "Operate it:",
            "Break it (a `kv dev` cluster):",
            "Prove it:",
            "Offline:",
            "Options:",
            "First steps:",
        ]
    );
}

#[test]
fn the_long_help_lists_every_exit_code() {
    let help = kv("kv --help").stdout;
    let (_, table) = help.split_once("Exit codes:\n").expect("there is a table");
    let expected = Exit::ALL.map(|exit| format!("  {:>2}  {}", exit.code(), exit.meaning()));
    assert_eq!(table.trim_end().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn exit_codes_are_the_promised_numbers() {
    let codes = Exit::ALL.map(Exit::code);
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 74]);
    let meanings: BTreeSet<_> = Exit::ALL.into_iter().map(Exit::meaning).collect();
    assert_eq!(meanings.len(), codes.len(), "each code means something else");
}

#[test]
fn without_arguments_the_help_is_shown_as_a_usage_error() {
    let bare = kv("kv");
    assert_eq!((bare.code, bare.stdout.as_str()), (2, ""));
    assert_eq!(bare.stderr, kv("kv -h").stdout);
}

#[test]
fn help_is_plain_text_where_there_is_no_terminal() {
    assert!(!kv("kv --help").stdout.contains('\u{1b}'));
    assert!(!kv("kv put --help").stdout.contains('\u{1b}'));
}

/// The command lines of an Examples block, without remarks and without what comes before a pipe.
fn examples(help: &str) -> Vec<String> {
    let (_, block) = help.split_once("\nExamples:\n").unwrap_or_default();
    let lines = block.lines().map(|line| line.split(" # ").next().unwrap_or_default());
    lines
        .map(|line| line.rsplit(" | ").next().unwrap_or_default().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// The parts of a help page that `kv_cli::help` makes.
fn generated(help: &str) -> (String, String) {
    let list = help.split_once("Run a cluster:\n").map(|_| between(help, "Run a", "\nOptions:\n"));
    let end =
        ["\nExamples:\n", "\nFirst steps:\n"].into_iter().find_map(|title| help.split_once(title));
    (list.unwrap_or_default().to_owned(), end.map(|(_, end)| end).unwrap_or_default().to_owned())
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?} in:\n{text}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end:?} in:\n{rest}")).0
}
