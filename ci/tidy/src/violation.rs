//! One broken rule, at one place, with a sentence that says what to do about it.

use std::fmt;

/// A rule of the house that a file breaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The name of the rule, as the rule's own file gives it.
    pub rule: &'static str,
    /// The file, relative to the root of the workspace, with `/` between folders.
    pub path: String,
    /// The line, counted from 1, where one line is to blame.
    pub line: Option<usize>,
    /// What to do, in a sentence.
    pub message: String,
}

impl Violation {
    pub(crate) fn of_file(rule: &'static str, path: &str, message: impl Into<String>) -> Self {
        Self { rule, path: path.to_owned(), line: None, message: message.into() }
    }

    pub(crate) fn of_line(
        rule: &'static str,
        path: &str,
        line: usize,
        message: impl Into<String>,
    ) -> Self {
        Self { rule, path: path.to_owned(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path, line, message } = self;
        match line {
            Some(line) => write!(to, "{path}:{line}: {rule}: {message}"),
            None => write!(to, "{path}: {rule}: {message}"),
        }
    }
}
