//! How long a line and a file may be.
//!
//! A line that does not fit is not read; a file above five hundred lines is often two nouns, which is
//! listed and not forbidden; above a thousand it is forbidden.

use crate::Violation;
use crate::tree::{File, Tree};

/// Rust files above five hundred lines that are not tests, the longest first.
pub fn long_files(tree: &Tree) -> Vec<(usize, &str)> {
    let mut files: Vec<_> = measured(tree)
        .filter(|(lines, _)| *lines > LINES_LISTED)
        .map(|(lines, file)| (lines, file.path.as_str()))
        .collect();
    files.sort_by_key(|(lines, path)| (std::cmp::Reverse(*lines), *path));
    files
}

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found: Vec<_> = tree.files().iter().flat_map(check_lines).collect();
    let long = measured(tree).filter(|(lines, _)| *lines > LINES_MAX);
    found.extend(long.map(|(lines, file)| {
        let message = format!("find the second noun in these {lines} lines and move it out");
        Violation::of_file("file-length", &file.path, message)
    }));
    found
}

fn measured(tree: &Tree) -> impl Iterator<Item = (usize, &File)> {
    let files = tree.rust().map(|(file, _)| file).filter(|file| !file.is_test());
    files.map(|file| (file.text.lines().count(), file))
}

fn check_lines(file: &File) -> Vec<Violation> {
    let is_prose = file.path.ends_with(".md");
    if !is_prose && !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| !(is_prose && line.starts_with('|')))
        .filter(|(_, line)| line.chars().count() > WIDTH_MAX)
        .map(|(at, _)| {
            let message = format!("break it: no line is longer than {WIDTH_MAX} characters");
            Violation::of_line("line-length", &file.path, at + 1, message)
        })
        .collect()
}

const LINES_LISTED: usize = 500;
const LINES_MAX: usize = 1_000;
const WIDTH_MAX: usize = 200;
