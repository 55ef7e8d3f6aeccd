//! Jepsen's log of one register: `INFO  jepsen.util - PROCESS :kind :function value`.
//!
//! A failed cas *ran and did not match*; a failed read or write did not happen. Lines of other
//! loggers, stack traces and the nemesis are passed over.

use std::io::BufRead;

use super::lines::Lines;
use super::{Intake, ReadError};
use crate::history::{Call, Hint};
use crate::value::{Value, ValueId};

pub(super) fn read<R: BufRead>(
    mut lines: Lines<R>,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    while let Some((number, line)) = lines.next()? {
        let Some(fields) = fields_of(line) else { continue };
        let Ok(process) = fields.process.parse::<i64>() else { continue };
        read_event(intake, number, process, &fields)
            .map_err(|message| ReadError::at(number, message))?;
    }
    Ok(())
}

struct Fields<'a> {
    process: &'a str,
    kind: &'a str,
    function: &'a str,
    value: &'a str,
}

fn fields_of(line: &str) -> Option<Fields<'_>> {
    let rest = line.strip_prefix("INFO")?.trim_start().strip_prefix("jepsen.util")?;
    let rest = rest.trim_start().strip_prefix('-')?.trim_start();
    let (process, rest) = word(rest)?;
    let (kind, rest) = word(rest)?;
    let (function, rest) = word(rest)?;
    Some(Fields { process, kind, function, value: rest.trim() })
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn read_event(
    intake: &mut Intake<'_>,
    number: u64,
    process: i64,
    fields: &Fields<'_>,
) -> Result<(), String> {
    intake.admit(number, fields.value.len()).map_err(|error| error.message)?;
    // The log has no times.
    let at_ns = 0;
    let key = intake.draft.key("register");
    let hint = Hint::default();
    let draft = &mut intake.draft;
    match (fields.kind, fields.function) {
        (":invoke", ":read") => draft.invoke(process, at_ns, key, Call::Read(None)).map(drop),
        (":invoke", ":write") => {
            let value = parse_value(intake, fields.value)?;
            intake.draft.invoke(process, at_ns, key, Call::Write(value)).map(drop)
        }
        (":invoke", ":cas") => {
            let (from, to) = parse_pair(intake, fields.value)?;
            let call = Call::Cas { from, to, stored: None };
            intake.draft.invoke(process, at_ns, key, call).map(drop)
        }
        (":ok", ":read") => {
            let value = parse_value(intake, fields.value)?;
            intake.draft.ok(process, at_ns, Call::Read(Some(value)), hint)
        }
        (":ok", ":write" | ":cas") => {
            let call = answered(intake, process, true)?;
            intake.draft.ok(process, at_ns, call, hint)
        }
        (":fail", ":cas") if fields.value != ":timed-out" => {
            let call = answered(intake, process, false)?;
            intake.draft.ok(process, at_ns, call, hint)
        }
        (":fail", _) => draft.fail(process, at_ns),
        (":info", _) => draft.info(process, at_ns, hint),
        (kind, function) => return Err(format!("{kind} {function} is not known here")),
    }
    .map_err(|misuse| misuse.to_string())
}

/// What the process had asked, with its answer.
fn answered(intake: &Intake<'_>, process: i64, stored: bool) -> Result<Call, String> {
    match intake.draft.open(process).map(|operation| operation.call) {
        Some(Call::Cas { from, to, .. }) => Ok(Call::Cas { from, to, stored: Some(stored) }),
        Some(call) => Ok(call),
        None => Err(format!("process {process} completes an operation that it never invoked")),
    }
}

fn parse_value(intake: &mut Intake<'_>, text: &str) -> Result<ValueId, String> {
    match text {
        "nil" => Ok(ValueId::ABSENT),
        "" => Err("the value is missing".to_owned()),
        text => Ok(match text.parse::<i64>() {
            Ok(number) => intake.draft.int(number),
            Err(_) => intake.draft.value(Value::text(text)),
        }),
    }
}

fn parse_pair(intake: &mut Intake<'_>, text: &str) -> Result<(ValueId, ValueId), String> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let mut words = inner.unwrap_or("").split_whitespace();
    let (Some(from), Some(to), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("{text} is not of the form [FROM TO]"));
    };
    Ok((parse_value(intake, from)?, parse_value(intake, to)?))
}
