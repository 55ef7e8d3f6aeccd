//! The report page: one self-contained file that shows a history, its verdict, and who is guilty.
//!
//! The history goes into the page as columns of small numbers; every word and shape on it is drawn from
//! them by the script in `page/`. Nothing is loaded from anywhere. Long values are shown by their end.

use std::fmt::Write as _;

use crate::check::Report;
use crate::explain::{Proof, show};
use crate::hash::FastMap;
use crate::history::{Call, History, NoteKind, Operation, OperationId, Outcome, Position, Step};
use crate::models::ModelKind;
use crate::recorder::push_text;

/// The page for a history and the report on it.
pub fn render(title: &str, history: &History, model: &ModelKind, report: &Report) -> String {
    let mut data = String::from("{");
    push_head(&mut data, title, model, report);
    Columns::of(history, report).push(&mut data, history);
    push_notes(&mut data, history);
    data.push('}');
    // Within a script element only `<` could end it or begin a comment.
    let data = data.replace('<', "\\u003c");
    let parts = [HEAD, STYLE, BODY, &data, MIDDLE, SCRIPT, TAIL];
    parts.concat()
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\"><title>History</title>\n<style>\n";
const STYLE: &str = include_str!("page/page.css");
const BODY: &str = concat!(
    "</style></head><body>\n",
    include_str!("page/body.html"),
    "<script type=\"application/json\" id=\"data\">"
);
const MIDDLE: &str = "</script>\n<script>\n";
const SCRIPT: &str = include_str!("page/page.js");
const TAIL: &str = "</script></body></html>\n";

fn push_head(data: &mut String, title: &str, model: &ModelKind, report: &Report) {
    push_member(data, "title", title);
    push_member(data, "model", &model.to_string());
    push_member(data, "verdict", report.verdict.name());
    let tier = report.tier.number();
    push(data, format_args!("\"tier\":{tier},\"operations\":{},", report.operations));
    let sentence = match (&report.explanation, &report.reason) {
        (_, Some(reason)) => reason.to_string(),
        (Some(explanation), None) => explanation.sentence.clone(),
        (None, None) => "One order explains every answer; it was replayed.".to_owned(),
    };
    push_member(data, "sentence", &sentence);
    if let Some(explanation) = &report.explanation {
        push_numbers(data, "guilty", explanation.guilty.iter().map(|id| u64::from(id.0)));
        push_numbers(data, "ties", explanation.ties.iter().map(|id| u64::from(id.0)));
        let proof = match explanation.proof {
            Proof::Again => "Proved again by trying all orders of these operations.",
            Proof::NotTried => "Not proved again: too many operations for trying all orders.",
            Proof::Refuted => "Refuted by trying all orders: the checker is at fault.",
        };
        push_member(data, "proof", proof);
    }
    data.push_str("\"warnings\":[");
    for (at, warning) in report.warnings.iter().enumerate() {
        data.push_str(if at == 0 { "" } else { "," });
        push_text(data, warning);
    }
    data.push_str("],");
}

/// The operations, a column a property. Times are in microseconds, each the difference to the last.
struct Columns {
    processes: Vec<i64>,
    process: Vec<u64>,
    key: Vec<u64>,
    invoked: Vec<u64>,
    /// One more than the duration; zero for an operation that never returned.
    lasted: Vec<u64>,
    function: Vec<u64>,
    outcome: Vec<u64>,
    /// One more than the place of the value seen, and of the value stored; zero for none.
    seen: Vec<u64>,
    stored: Vec<u64>,
    texts: Vec<String>,
    /// Rank in the witness, counted from one.
    rank: Vec<u64>,
}

impl Columns {
    fn of(history: &History, report: &Report) -> Self {
        let mut columns = Self {
            processes: Vec::new(),
            process: Vec::new(),
            key: Vec::new(),
            invoked: Vec::new(),
            lasted: Vec::new(),
            function: Vec::new(),
            outcome: Vec::new(),
            seen: Vec::new(),
            stored: Vec::new(),
            texts: Vec::new(),
            rank: vec![0; history.operations().len()],
        };
        for order in &report.witness {
            for (rank, OperationId(at)) in (1..).zip(order) {
                columns.rank[*at as usize] = rank;
            }
        }
        let mut rows: FastMap<i64, u64> = FastMap::default();
        let mut texts: FastMap<String, u64> = FastMap::default();
        let has_times = history.operations().iter().any(|operation| operation.invoked_ns > 0);
        let mut last = 0;
        for operation in history.operations() {
            let row = *rows.entry(operation.process).or_insert(columns.processes.len() as u64);
            if row == columns.processes.len() as u64 {
                columns.processes.push(operation.process);
            }
            let (invoked, returned) = times(operation, has_times);
            columns.process.push(row);
            columns.key.push(u64::from(operation.key.0));
            columns.invoked.push(invoked.saturating_sub(last));
            last = last.max(invoked);
            let lasted = returned.map_or(0, |returned| returned.saturating_sub(invoked) + 1);
            columns.lasted.push(lasted);
            columns.outcome.push(match operation.outcome {
                Outcome::Ok => 0,
                Outcome::Fail => 1,
                Outcome::Info => 2,
            });
            let (function, seen, stored) = shown(history, operation);
            columns.function.push(function);
            for (text, column) in [(seen, &mut columns.seen), (stored, &mut columns.stored)] {
                let next = columns.texts.len() as u64 + 1;
                column.push(text.map_or(0, |text| {
                    *texts.entry(text.clone()).or_insert_with(|| {
                        columns.texts.push(text);
                        next
                    })
                }));
            }
        }
        columns
    }

    fn push(&self, data: &mut String, history: &History) {
        data.push_str("\"processes\":[");
        for (at, process) in self.processes.iter().enumerate() {
            push(data, format_args!("{}{process}", if at == 0 { "" } else { "," }));
        }
        data.push_str("],\"keys\":[");
        for (at, key) in (0..history.key_count()).enumerate() {
            data.push_str(if at == 0 { "" } else { "," });
            let key = u32::try_from(key).unwrap_or(0);
            push_text(data, history.key(crate::history::KeyId(key)));
        }
        data.push_str("],\"texts\":[");
        for (at, text) in self.texts.iter().enumerate() {
            data.push_str(if at == 0 { "" } else { "," });
            push_text(data, text);
        }
        data.push_str("],");
        let columns = [
            ("process", &self.process),
            ("key", &self.key),
            ("invoked", &self.invoked),
            ("lasted", &self.lasted),
            ("function", &self.function),
            ("outcome", &self.outcome),
            ("seen", &self.seen),
            ("stored", &self.stored),
            ("rank", &self.rank),
        ];
        for (name, column) in columns {
            push_numbers(data, name, column.iter().copied());
        }
    }
}

/// When it was asked and answered, in microseconds; where the history has no times, by its events.
fn times(operation: &Operation, has_times: bool) -> (u64, Option<u64>) {
    let is_known = operation.returned != Position::NEVER;
    if has_times {
        let returned = is_known.then_some(operation.returned_ns / 1000);
        return (operation.invoked_ns / 1000, returned);
    }
    let at = |position: Position| u64::from(position.0) * 1000;
    (at(operation.invoked), is_known.then(|| at(operation.returned)))
}

/// The function's number, and what was seen and stored.
fn shown(history: &History, operation: &Operation) -> (u64, Option<String>, Option<String>) {
    let text = |id| show(history, id);
    match operation.call {
        Call::Read(value) => (0, value.map(text), None),
        Call::Write(value) => (1, None, Some(text(value))),
        Call::Cas { from, to, stored: Some(false) } => (3, Some(text(from)), Some(text(to))),
        Call::Cas { from, to, .. } => (2, Some(text(from)), Some(text(to))),
        Call::Append(piece) => (4, None, Some(text(piece))),
        Call::Add { by, total } => (5, total.map(text), Some(text(by))),
        Call::Delete { removed } => (6, removed.map(text), None),
        Call::Transaction { steps, .. } => {
            (7, None, Some(steps_shown(history, history.steps(steps))))
        }
        Call::Acquire => (8, None, None),
        Call::Release => (9, None, None),
    }
}

fn steps_shown(history: &History, steps: &[Step]) -> String {
    let step = |step: &Step| {
        let key = history.key(step.key());
        match *step {
            Step::Expect(_, value) => format!("{key}={}?", show(history, value)),
            Step::Read(_, Some(value)) => format!("{key}→{}", show(history, value)),
            Step::Read(_, None) => format!("{key}→"),
            Step::Write(_, value) => format!("{key}:={}", show(history, value)),
            Step::Append(_, value) => format!("{key}+={}", show(history, value)),
            Step::Add(_, value) => format!("{key}+{}", show(history, value)),
            Step::Delete(_) => format!("{key} deleted"),
        }
    };
    steps.iter().map(step).collect::<Vec<_>>().join(" ")
}

fn push_notes(data: &mut String, history: &History) {
    data.push_str("\"notes\":[");
    for (at, note) in history.notes().iter().enumerate() {
        let kind = match note.kind {
            NoteKind::FaultBegins => 0,
            NoteKind::FaultEnds => 1,
            NoteKind::Leader => 2,
            NoteKind::Remark => 3,
        };
        let gap = if at == 0 { "" } else { "," };
        push(data, format_args!("{gap}[{},{kind},", note.at_ns / 1000));
        push_text(data, &note.text);
        data.push(']');
    }
    data.push(']');
}

fn push_member(data: &mut String, name: &str, value: &str) {
    push(data, format_args!("\"{name}\":"));
    push_text(data, value);
    data.push(',');
}

fn push_numbers(data: &mut String, name: &str, numbers: impl Iterator<Item = u64>) {
    push(data, format_args!("\"{name}\":["));
    for (at, number) in numbers.enumerate() {
        push(data, format_args!("{}{number}", if at == 0 { "" } else { "," }));
    }
    data.push_str("],");
}

fn push(data: &mut String, text: std::fmt::Arguments<'_>) {
    data.write_fmt(text).expect("a string takes every character");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Options, check};
    use crate::generator::{Plan, Wrong};
    use crate::value::Value;

    fn page(plan: &Plan) -> String {
        let history = plan.history();
        let model = ModelKind::CasRegister(Value::Absent);
        let report = check(&history, &model, &Options::default());
        render("a </script> title", &history, &model, &report)
    }

    #[test]
    fn page_loads_nothing_and_is_small() {
        let page = page(&Plan { keys: 4, ..Plan::new(10_000, 10, 0, 5) });
        assert!(page.len() < 1_000_000, "{} bytes", page.len());
        for word in ["http:", "https:", "src=", "url(", "@import", "fetch("] {
            assert!(!page.contains(word), "the page has {word}");
        }
        assert_eq!(page.matches("</script>").count(), 2, "no text of the history ends the script");
    }

    #[test]
    fn page_of_a_bad_history_names_the_guilty() {
        let plan = Plan { wrong: Some(Wrong::End), ..Plan::new(500, 5, 0, 5) };
        let page = page(&plan);
        assert!(page.contains("\"verdict\":\"bad\""));
        assert!(page.contains("\"guilty\":["));
        assert!(page.contains("Proved again"));
    }
}
