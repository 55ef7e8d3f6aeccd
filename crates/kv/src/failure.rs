//! A command's failure as the user meets it: an error id to look up, a sentence to act on, and the
//! exit code. The same for people and, with `-o json`, for scripts.
//!
//! Usage errors are not here; clap writes those.

use crate::cli::options::Format;
use crate::exit::Exit;
use crate::{explain, json};

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The id that `kv explain` knows, where the failure has one.
    pub id: Option<&'static str>,
    /// What happened and what to do, in one sentence.
    pub message: String,
    /// What the shell is told.
    pub exit: Exit,
}

impl Failure {
    /// `kv lease grant` is in the tree, and the part it needs does not exist yet.
    pub fn not_built(command: &str, comes_with: &str) -> Self {
        Self {
            id: Some(explain::NOT_BUILT),
            message: format!(
                "{command}: not built yet — it comes with {comes_with}; \
                 see CHANGELOG.md for what works today"
            ),
            exit: Exit::Other,
        }
    }

    /// The text for stderr, with its newline.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Table => format!("{}\n", self.message),
            Format::Json => format!(
                "{{\"error\":{{\"id\":{},\"message\":{}}}}}\n",
                self.id.map_or_else(|| "null".to_owned(), json::string),
                json::string(&self.message),
            ),
        }
    }
}
