//! Our own format: one JSON object a line, in the order in which things happened.
//!
//! | field | meaning |
//! | --- | --- |
//! | `t` | nanoseconds since the start of the recording |
//! | `p` | process |
//! | `e` | `invoke`; then `ok`, `fail` (definitely not done) or `info` (unknown); or a note, below |
//! | `f` | `read`, `write`, `cas`, `append`, `add`, `delete`, `txn`, `acquire`, `release` |
//! | `k` | key; absent for one single object |
//! | `v` at the invoke | of write, append: the value; of add: a whole number; of cas: `[from, to]`; of txn: its steps |
//! | `v` at the ok | of read: what was read, `null` if nothing; of add: the sum, if told; of delete: what it removed, if told; of txn: its steps with what they read |
//! | `r` | ok of cas: whether it stored, or else ran and did not match; of txn: whether its expectations held. Left out, it is true |
//! | `i` | log index at which it took effect, if the server tells; a read: the index it read at |
//! | `rev` | revision of the store then, if the server tells |
//!
//! A step is `["expect", k, v]`, `["read", k]` (answered: `["read", k, v]`), `["write", k, v]`,
//! `["append", k, v]`, `["add", k, n]` or `["delete", k]`. A value is `null`, a whole number, a
//! string, or an array of values.
//!
//! Where -1000000 occurs as the `from` of cas and nowhere else it means `null`: some generators cannot
//! write a `null` there.
//!
//! Notes have `e` of `fault` with `v` true where it begins and false where it ends, `leader`, or
//! `note`, and say in `text` what it is.

use std::borrow::Cow;
use std::io::BufRead;
use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::lines::Lines;
use super::{Intake, ReadError};
use crate::history::{Call, Hint, NoteKind, Step};
use crate::value::{Value, ValueId};

pub(super) fn read<R: BufRead>(
    mut lines: Lines<R>,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    while let Some((number, line)) = lines.next()? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let event: Event<'_> = serde_json::from_str(line)
            .map_err(|error| ReadError::at(number, format!("not an event: {error}")))?;
        intake.admit(number, event.bytes())?;
        event.take_into(intake).map_err(|message| ReadError::at(number, message))?;
    }
    intake.draft.take_for_absent(NULL_MARKER);
    Ok(())
}

/// Generated histories have this where a cas expects the `null` that its client once read.
const NULL_MARKER: i64 = -1_000_000;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default)]
    t: u64,
    p: Option<i64>,
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow)]
    f: Option<Cow<'a, str>>,
    #[serde(borrow)]
    k: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    v: Option<Json>,
    r: Option<bool>,
    i: Option<NonZeroU64>,
    rev: Option<NonZeroU64>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// A `null` that stands there is an answer; a field left out is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

impl Event<'_> {
    fn bytes(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |text| text.len());
        self.k.as_ref().map_or(0, |key| key.len()) + text + self.v.as_ref().map_or(0, weight)
    }

    fn take_into(&self, intake: &mut Intake<'_>) -> Result<(), String> {
        if let Some(kind) = self.note_kind()? {
            let text = self.text.as_deref().unwrap_or("");
            return intake.draft.note(self.t, kind, text).map_err(|misuse| misuse.to_string());
        }
        let process = self.p.ok_or("`p` is missing")?;
        let hint = Hint { index: self.i, revision: self.rev };
        match self.e.as_ref() {
            "invoke" => {
                let key = intake.draft.key(self.k.as_deref().unwrap_or("register"));
                let call = self.call(intake)?;
                intake.draft.invoke(process, self.t, key, call).map(drop)
            }
            "ok" => {
                let call = self.answer(intake, process)?;
                intake.draft.ok(process, self.t, call, hint)
            }
            "fail" => intake.draft.fail(process, self.t),
            "info" => intake.draft.info(process, self.t, hint),
            event => return Err(format!("`e` is {event:?}, which is not known")),
        }
        .map_err(|misuse| misuse.to_string())
    }

    fn note_kind(&self) -> Result<Option<NoteKind>, String> {
        Ok(match self.e.as_ref() {
            "fault" => match self.v {
                Some(Json::Bool(true)) => Some(NoteKind::FaultBegins),
                Some(Json::Bool(false)) => Some(NoteKind::FaultEnds),
                _ => return Err("a fault says neither true nor false in `v`".to_owned()),
            },
            "leader" => Some(NoteKind::Leader),
            "note" => Some(NoteKind::Remark),
            _ => None,
        })
    }

    fn call(&self, intake: &mut Intake<'_>) -> Result<Call, String> {
        let function = self.f.as_deref().ok_or("`f` is missing")?;
        let value = || self.v.as_ref().ok_or(format!("a {function} has no `v`"));
        Ok(match function {
            "read" | "get" => Call::Read(None),
            "write" | "put" => Call::Write(value_of(intake, value()?)?),
            "append" => Call::Append(value_of(intake, value()?)?),
            "add" => Call::Add { by: value_of(intake, value()?)?, total: None },
            "delete" => Call::Delete { removed: None },
            "acquire" => Call::Acquire,
            "release" => Call::Release,
            "cas" => match value()?.as_array().map(Vec::as_slice) {
                Some([from, to]) => {
                    let from = value_of(intake, from)?;
                    Call::Cas { from, to: value_of(intake, to)?, stored: None }
                }
                _ => return Err("`v` of a cas is not [from, to]".to_owned()),
            },
            "txn" => {
                let steps = steps_of(intake, value()?)?;
                Call::Transaction { steps: intake.draft.transaction(&steps), held: None }
            }
            function => return Err(format!("`f` is {function:?}, which is not known")),
        })
    }

    fn answer(&self, intake: &mut Intake<'_>, process: i64) -> Result<Call, String> {
        let operation = intake.draft.open(process);
        let asked = operation.map(|operation| operation.call).ok_or_else(|| {
            format!("process {process} completes an operation that it never invoked")
        })?;
        let is_done = self.r.unwrap_or(true);
        Ok(match asked {
            Call::Read(_) => {
                let value = self.v.as_ref().ok_or("an ok read has no `v`")?;
                Call::Read(Some(value_of(intake, value)?))
            }
            Call::Cas { from, to, .. } => Call::Cas { from, to, stored: Some(is_done) },
            Call::Add { by, .. } => {
                let total = self.v.as_ref().map(|value| value_of(intake, value)).transpose()?;
                Call::Add { by, total }
            }
            Call::Delete { .. } => {
                let removed = self.v.as_ref().map(|value| value_of(intake, value)).transpose()?;
                Call::Delete { removed }
            }
            Call::Transaction { steps, .. } => {
                let steps = match &self.v {
                    Some(value) => {
                        let steps = steps_of(intake, value)?;
                        intake.draft.transaction(&steps)
                    }
                    None => steps,
                };
                Call::Transaction { steps, held: Some(is_done) }
            }
            call => call,
        })
    }
}

fn steps_of(intake: &mut Intake<'_>, json: &Json) -> Result<Vec<Step>, String> {
    let items = json.as_array().ok_or("`v` of a txn is not an array of steps")?;
    items.iter().map(|item| step_of(intake, item)).collect()
}

fn step_of(intake: &mut Intake<'_>, json: &Json) -> Result<Step, String> {
    let parts = json.as_array().map_or(&[][..], Vec::as_slice);
    let (Some(function), Some(key)) =
        (parts.first().and_then(Json::as_str), parts.get(1).and_then(Json::as_str))
    else {
        return Err("a step of a txn is not [function, key, …]".to_owned());
    };
    let key = intake.draft.key(key);
    Ok(match (function, &parts[2..]) {
        ("read", []) => Step::Read(key, None),
        ("read", [value]) => Step::Read(key, Some(value_of(intake, value)?)),
        ("expect", [value]) => Step::Expect(key, value_of(intake, value)?),
        ("write", [value]) => Step::Write(key, value_of(intake, value)?),
        ("append", [value]) => Step::Append(key, value_of(intake, value)?),
        ("add", [value]) => Step::Add(key, value_of(intake, value)?),
        ("delete", []) => Step::Delete(key),
        _ => return Err(format!("a txn has a step {json}, which is not known")),
    })
}

fn value_of(intake: &mut Intake<'_>, json: &Json) -> Result<ValueId, String> {
    let value = convert(json)?;
    Ok(intake.draft.value(value))
}

fn convert(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Absent,
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => return Err(format!("{number} is not a whole number of 64 bits")),
        },
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::List(items.iter().map(convert).collect::<Result<_, _>>()?),
        Json::Bool(_) | Json::Object(_) => return Err(format!("{json} is no value")),
    })
}

fn weight(json: &Json) -> usize {
    match json {
        Json::String(text) => size_of::<Json>() + text.len(),
        Json::Array(items) => items.iter().map(weight).sum(),
        Json::Object(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => size_of::<Json>(),
    }
}
