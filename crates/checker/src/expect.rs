//! Checks a folder of histories against the verdicts that its `expected.tsv` says they have.
//!
//! The table has a header and, per line, at least: file, format, model, operations, verdict. Files are
//! named relative to it. A row whose model is not known here is skipped, and said to be.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::check::{Options, Report, Verdict, check};
use crate::history::History;
use crate::judge::Tier;
use crate::models::ModelKind;
use crate::read::{ReadError, ReadLimits, read_file};
use crate::recorder::push_text;

/// What came of a table.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// The rows that were checked.
    pub rows: Vec<Row>,
    /// Files whose model is not known here.
    pub skipped: Vec<String>,
}

/// What came of one file.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name in the table.
    pub file: String,
    /// The verdict it should have.
    pub expected: String,
    /// The verdict it was given.
    pub verdict: Verdict,
    /// How many operations it has.
    pub operations: usize,
    /// Milliseconds of the check alone; the least of five if it took less than 50.
    pub ms: f64,
    /// The tier that decided.
    pub tier: Tier,
    /// Why it could not be read.
    pub error: Option<String>,
}

impl Row {
    /// Whether the verdict is the one expected.
    pub fn is_passed(&self) -> bool {
        self.error.is_none() && self.verdict.name() == self.expected
    }
}

impl Expectations {
    /// Checks every row of the table at `path`.
    pub fn run(path: &Path, options: &Options) -> Result<Self, ReadError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ReadError { line: 0, message: error.to_string() })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut this = Self::default();
        for (number, line) in (1..).zip(text.lines()).skip(1) {
            if line.is_empty() {
                continue;
            }
            let columns: Vec<&str> = line.split('\t').collect();
            let [file, _, model, _, expected, ..] = columns[..] else {
                let message = "a row has fewer than five columns".to_owned();
                return Err(ReadError { line: number, message });
            };
            match ModelKind::parse(model) {
                Some(model) => this.rows.push(run_row(folder, file, &model, expected, options)),
                None => this.skipped.push(file.to_owned()),
            }
        }
        Ok(this)
    }

    /// How many rows passed, and how many did not.
    pub fn counts(&self) -> (usize, usize) {
        let passed = self.rows.iter().filter(|row| row.is_passed()).count();
        (passed, self.rows.len() - passed)
    }

    /// `N passed, N failed, N skipped`.
    pub fn summary(&self) -> String {
        let (passed, failed) = self.counts();
        format!("{passed} passed, {failed} failed, {} skipped", self.skipped.len())
    }

    /// All rows as a JSON array.
    pub fn to_json(&self) -> String {
        let mut json = String::from("[");
        for (at, row) in self.rows.iter().enumerate() {
            json.push_str(if at == 0 { "\n" } else { ",\n" });
            row.push_json(&mut json);
        }
        json.push_str("\n]\n");
        json
    }
}

impl Row {
    fn push_json(&self, json: &mut String) {
        json.push_str("{\"file\":");
        push_text(json, &self.file);
        json.push_str(",\"expected\":");
        push_text(json, &self.expected);
        let (verdict, tier) = (self.verdict.name(), self.tier.number());
        let Self { operations, ms, .. } = self;
        write!(
            json,
            ",\"verdict\":\"{verdict}\",\"ops\":{operations},\"ms\":{ms:.3},\"tier\":{tier}"
        )
        .expect("a string takes every character");
        if let Some(error) = &self.error {
            json.push_str(",\"error\":");
            push_text(json, error);
        }
        json.push('}');
    }
}

fn run_row(folder: &Path, file: &str, model: &ModelKind, expected: &str, options: &Options) -> Row {
    let mut row = Row {
        file: file.to_owned(),
        expected: expected.to_owned(),
        verdict: Verdict::Unknown,
        operations: 0,
        ms: 0.0,
        tier: Tier::Any,
        error: None,
    };
    match read_file(&folder.join(file), &ReadLimits::default()) {
        Err(error) => row.error = Some(error.to_string()),
        Ok(reading) => {
            let (report, time) = measure(&reading.history, model, options);
            row.verdict = report.verdict;
            row.operations = report.operations;
            row.tier = report.tier;
            row.ms = time.as_secs_f64() * 1000.0;
        }
    }
    row
}

/// A bare check with its time: the least of five if it is short, so that a busy machine shows less.
pub fn measure(history: &History, model: &ModelKind, options: &Options) -> (Report, Duration) {
    let bare = Options { explain: Duration::ZERO, ..*options };
    let once = || {
        let start = Instant::now();
        let report = check(history, model, &bare);
        (report, start.elapsed())
    };
    let (report, mut least) = once();
    if least < SHORT {
        for _ in 1..TIMES {
            least = least.min(once().1);
        }
    }
    (report, least)
}

const SHORT: Duration = Duration::from_millis(50);
const TIMES: usize = 5;
