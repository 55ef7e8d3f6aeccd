//! Runs the binary and walks its command tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How one run of `kv` ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command line as a shell would, `kv put k 'two words'`, without a terminal.
pub(crate) fn kv(line: &str) -> Run {
    let words = words(line);
    assert_eq!(words.first().map(String::as_str), Some("kv"), "{line}");
    run(&mut command(&words[1..]))
}

/// The binary with these arguments, on a page of 80 columns.
pub(crate) fn command(args: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv"));
    command.args(args).env("COLUMNS", "80").stdin(Stdio::null());
    command
}

pub(crate) fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the binary was built for this test");
    Run {
        code: output.status.code().expect("nothing here kills it"),
        stdout: String::from_utf8(output.stdout).expect("text on stdout"),
        stderr: String::from_utf8(output.stderr).expect("text on stderr"),
    }
}

/// Splits at blanks, except within single quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in line.split('\'').enumerate() {
        let mut pieces =
            if at % 2 == 0 { part.split(' ').collect() } else { vec![part] }.into_iter();
        if let Some(first) = pieces.next() {
            words.last_mut().expect("there is always a last word").push_str(first);
        }
        words.extend(pieces.map(str::to_owned));
    }
    words
}

/// An empty folder of this name, for one test alone.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("it is left from an earlier run of this test");
    }
    fs::create_dir_all(&folder).expect("cargo made the directory above");
    folder
}

/// Runs `kv` with these words in this folder.
pub(crate) fn kv_in(folder: &Path, line: &str) -> Run {
    run(command(&words(line)[1..]).current_dir(folder))
}

/// A command of the tree with its path, `kv lease grant`.
pub(crate) type Named = (String, clap::Command);

/// Every command that does something itself.
pub(crate) fn leaves() -> Vec<Named> {
    all().into_iter().filter(|(_, command)| !command.has_subcommands()).collect()
}

/// Every command below `kv`, each before what is below it.
pub(crate) fn all() -> Vec<Named> {
    let mut found = Vec::new();
    collect("kv", &kv_cli::command(), &mut found);
    found
}

fn collect(path: &str, command: &clap::Command, found: &mut Vec<Named>) {
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name());
        found.push((path.clone(), below.clone()));
        collect(&path, below, found);
    }
}

#[test]
fn a_line_is_split_as_a_shell_does() {
    assert_eq!(words("kv txn --if 'a b = c'"), ["kv", "txn", "--if", "a b = c"]);
    assert_eq!(words("kv put k ''"), ["kv", "put", "k", ""]);
}
