//! The error ids and what each means at length: the text behind `kv explain`.
//!
//! An id is given once and never again for anything else, since it ends up in runbooks and issues.

use crate::cli::options::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;

/// The id of a command whose parts do not exist yet.
pub const NOT_BUILT: &str = "KV-0001";

/// The id of a history, table or witness that cannot be read.
pub const UNREADABLE: &str = "KV-0002";

/// The id of a data directory that cannot be looked into.
pub const DATA_NOT_OPENED: &str = "KV-0003";

/// One error id.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// `KV-` and four digits.
    pub id: &'static str,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What it means and what to do, in lines of at most 80 columns.
    pub text: &'static str,
}

/// Every id there is, in ascending order.
pub const EXPLANATIONS: [Explanation; 3] = [
    Explanation {
        id: NOT_BUILT,
        title: "not built yet",
        text: "\
The command exists, and its arguments were read and found good, but the part of
Quorate that would carry it out is not in this version. Nothing was sent to any
cluster and no file was touched. The command line is a promise: it will mean the
same when that part is there. CHANGELOG.md says what works today.",
    },
    Explanation {
        id: UNREADABLE,
        title: "a history cannot be read",
        text: "\
The file is not there, or it is not a history, a table of expected verdicts or
a witness as the checker knows them. The message names the line if there is one.
A history is never judged in part: a part could have another verdict. Histories
are JSON lines, EDN, Jepsen logs or Porcupine's maps, plain or gzipped.",
    },
    Explanation {
        id: DATA_NOT_OPENED,
        title: "a data directory cannot be looked into",
        text: "\
The directory holds no data of a node, a running node has it open, a newer
version wrote it, or so much of it is lost that no node could start from it. The
message says which, and what to do. Nothing was written. Exit code 3 tells that
there is no data, 8 that it is beyond repair, 1 anything else.",
    },
];

/// The explanation of `id` for stdout. An unknown id is not found, and the known ones are named.
pub fn explain(id: &str, format: Format) -> Result<String, Failure> {
    let known = EXPLANATIONS.iter().find(|known| known.id.eq_ignore_ascii_case(id));
    known.map(|known| known.render(format)).ok_or_else(|| unknown(id))
}

impl Explanation {
    fn render(&self, format: Format) -> String {
        match format {
            Format::Table => format!("{}: {}\n\n{}\n", self.id, self.title, self.text),
            Format::Json => format!(
                "{{\"id\":{},\"title\":{},\"text\":{}}}\n",
                json::string(self.id),
                json::string(self.title),
                json::string(self.text),
            ),
        }
    }
}

fn unknown(id: &str) -> Failure {
    let known = EXPLANATIONS.map(|known| known.id).join(", ");
    Failure {
        id: None,
        message: format!("kv explain: no error has the id {id:?}; the known ids are: {known}"),
        exit: Exit::NotFound,
    }
}
