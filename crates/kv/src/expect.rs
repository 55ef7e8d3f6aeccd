//! `kv check --expect`: the checker on histories whose verdict is known, one line a row and the sum at the
//! end.

use std::path::Path;

use checker::expect::{Expectations, Row};

use crate::answer::Answer;
use crate::cli::options::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{check, explain};

/// Checks every row of the table whose model the checker knows.
pub fn table(path: &Path, tier: Option<u8>, format: Format) -> Result<Answer, Failure> {
    let outcome = Expectations::run(path, &check::options(tier)).map_err(|error| Failure {
        id: Some(explain::UNREADABLE),
        message: format!("kv check --expect: {}: {error}", path.display()),
        exit: Exit::Other,
    })?;
    let (_, failed) = outcome.counts();
    let text = match format {
        Format::Table => render(&outcome),
        Format::Json => outcome.to_json(),
    };
    Ok(Answer::new(text, if failed == 0 { Exit::Ok } else { Exit::CheckFailed }))
}

fn render(outcome: &Expectations) -> String {
    let rows = outcome.rows.iter().map(line);
    let skipped =
        outcome.skipped.iter().map(|file| format!("{file}: skipped, its model is not known\n"));
    let summary = format!("{}\n", outcome.summary());
    rows.chain(skipped).chain([summary]).collect()
}

fn line(row: &Row) -> String {
    let Row { file, expected, operations, ms, .. } = row;
    let outcome = if row.is_passed() { "passed" } else { "FAILED" };
    if let Some(error) = &row.error {
        return format!("{file}: {outcome}, expected {expected}, could not be read: {error}\n");
    }
    let (verdict, tier) = (row.verdict.name(), row.tier.number());
    format!(
        "{file}: {outcome}, expected {expected}, is {verdict}, {operations} operations, {ms:.3} ms, tier {tier}\n"
    )
}
