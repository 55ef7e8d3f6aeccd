//! Writes a history down while it happens: JSON lines in the format of the reader beside it.
//!
//! Clients share one recorder. Each event is formatted outside the lock, and the lock is held for one
//! copy into a buffer, so that recording costs little; its order under the lock is the order of the
//! history. Invokes are recorded before the request leaves and returns after the answer came, so the
//! recorded span covers the true one. The buffer goes to the file when it is full, on
//! [`Recorder::flush`], and on drop: call `flush` a few times a second and a run that dies loses
//! no more than that.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::history::{Call, Hint, History, NoteKind, Operation, Outcome, Position, Step};
use crate::value::{Value, ValueId};

/// A history on its way to a file.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    sink: Mutex<BufWriter<W>>,
}

impl Recorder<File> {
    /// A recorder to a new file.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self::new(File::create(path)?))
    }
}

impl<W: Write> Recorder<W> {
    /// A recorder to anything.
    pub fn new(sink: W) -> Self {
        Self { sink: Mutex::new(BufWriter::with_capacity(BUFFER_BYTES, sink)) }
    }

    /// A client asks. Record it before the request leaves.
    pub fn invoke(&self, at_ns: u64, process: i64, key: &str, asked: &Asked<'_>) -> io::Result<()> {
        let mut line = format!("{{\"t\":{at_ns},\"p\":{process},\"e\":\"invoke\"");
        push_asked(&mut line, key, asked);
        self.write(line)
    }

    /// A client has its answer. Record it after the answer came.
    pub fn ok(&self, at_ns: u64, process: i64, answer: &Answer, hint: Hint) -> io::Result<()> {
        let mut line = format!("{{\"t\":{at_ns},\"p\":{process},\"e\":\"ok\"");
        match answer {
            Answer::Done => {}
            Answer::Value(value) => {
                line.push_str(",\"v\":");
                push_value(&mut line, value);
            }
            Answer::Stored(stored) => push(&mut line, format_args!(",\"r\":{stored}")),
        }
        push_hint(&mut line, hint);
        self.write(line)
    }

    /// A client knows that its operation was not done.
    pub fn fail(&self, at_ns: u64, process: i64) -> io::Result<()> {
        self.write(format!("{{\"t\":{at_ns},\"p\":{process},\"e\":\"fail\""))
    }

    /// A client gives up. Its process number must not be used again.
    pub fn info(&self, at_ns: u64, process: i64) -> io::Result<()> {
        self.write(format!("{{\"t\":{at_ns},\"p\":{process},\"e\":\"info\""))
    }

    /// A fault, a leader, a remark.
    pub fn note(&self, at_ns: u64, kind: NoteKind, text: &str) -> io::Result<()> {
        let mut line = format!("{{\"t\":{at_ns},\"e\":");
        line.push_str(note_fields(kind));
        line.push_str(",\"text\":");
        push_text(&mut line, text);
        self.write(line)
    }

    /// Hands everything recorded so far to the operating system.
    pub fn flush(&self) -> io::Result<()> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }

    fn write(&self, mut line: String) -> io::Result<()> {
        line.push_str("}\n");
        self.sink.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Read a key.
    Read,
    /// Store a value.
    Write(&'a Value),
    /// Store the second if the first is there.
    Cas(&'a Value, &'a Value),
    /// Append text.
    Append(&'a Value),
    /// Add a number.
    Add(i64),
    /// Remove a key.
    Delete,
    /// Take a lock.
    Acquire,
    /// Give a lock back.
    Release,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// That it was done.
    Done,
    /// What was read, the sum after an add, or what a delete removed.
    Value(Value),
    /// Whether a cas stored.
    Stored(bool),
}

/// Writes a whole history in the recorder's format.
pub fn write_history(history: &History, sink: impl Write) -> io::Result<()> {
    let mut sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
    let mut events: Vec<(Position, String)> = Vec::with_capacity(history.operations().len() * 2);
    for operation in history.operations() {
        events.push((operation.invoked, invoke_line(history, operation)));
        if operation.returned != Position::NEVER {
            events.push((operation.returned, return_line(history, operation)));
        }
    }
    for note in history.notes() {
        let mut line = format!("{{\"t\":{},\"e\":{},\"text\":", note.at_ns, note_fields(note.kind));
        push_text(&mut line, &note.text);
        events.push((note.at, line));
    }
    events.sort_by_key(|(at, _)| *at);
    for (_, line) in events {
        sink.write_all(line.as_bytes())?;
        sink.write_all(b"}\n")?;
    }
    sink.flush()
}

fn invoke_line(history: &History, operation: &Operation) -> String {
    let Operation { invoked_ns, process, .. } = operation;
    // One that never returned frees its process for nobody: no `info` line is needed.
    let mut line = format!("{{\"t\":{invoked_ns},\"p\":{process},\"e\":\"invoke\"");
    let key = history.key(operation.key);
    let value = |id: ValueId| history.values().get(id);
    match operation.call {
        Call::Read(_) => push_asked(&mut line, key, &Asked::Read),
        Call::Write(id) => push_asked(&mut line, key, &Asked::Write(value(id))),
        Call::Cas { from, to, .. } => {
            push_asked(&mut line, key, &Asked::Cas(value(from), value(to)));
        }
        Call::Append(id) => push_asked(&mut line, key, &Asked::Append(value(id))),
        Call::Add { by, .. } => {
            push_function(&mut line, "add", key);
            line.push_str(",\"v\":");
            push_value(&mut line, value(by));
        }
        Call::Delete { .. } => push_asked(&mut line, key, &Asked::Delete),
        Call::Transaction { steps, .. } => {
            push_function(&mut line, "txn", key);
            push_steps(&mut line, history, history.steps(steps));
        }
        Call::Acquire => push_asked(&mut line, key, &Asked::Acquire),
        Call::Release => push_asked(&mut line, key, &Asked::Release),
    }
    line
}

fn return_line(history: &History, operation: &Operation) -> String {
    let Operation { returned_ns, process, .. } = operation;
    let event = if operation.outcome == Outcome::Fail { "fail" } else { "ok" };
    let mut line = format!("{{\"t\":{returned_ns},\"p\":{process},\"e\":\"{event}\"");
    if operation.outcome == Outcome::Fail {
        return line;
    }
    match operation.call {
        Call::Read(Some(id))
        | Call::Add { total: Some(id), .. }
        | Call::Delete { removed: Some(id) } => {
            line.push_str(",\"v\":");
            push_value(&mut line, history.values().get(id));
        }
        Call::Cas { stored: Some(stored), .. } => push(&mut line, format_args!(",\"r\":{stored}")),
        Call::Transaction { steps, held } => {
            push_steps(&mut line, history, history.steps(steps));
            push(&mut line, format_args!(",\"r\":{}", held.unwrap_or(true)));
        }
        _ => {}
    }
    push_hint(&mut line, operation.hint);
    line
}

fn push_asked(line: &mut String, key: &str, asked: &Asked<'_>) {
    let (function, value) = match asked {
        Asked::Read => ("read", None),
        Asked::Write(value) => ("write", Some(*value)),
        Asked::Append(value) => ("append", Some(*value)),
        Asked::Delete => ("delete", None),
        Asked::Acquire => ("acquire", None),
        Asked::Release => ("release", None),
        Asked::Cas(from, to) => {
            push_function(line, "cas", key);
            line.push_str(",\"v\":[");
            push_value(line, from);
            line.push(',');
            push_value(line, to);
            line.push(']');
            return;
        }
        Asked::Add(number) => {
            push_function(line, "add", key);
            push(line, format_args!(",\"v\":{number}"));
            return;
        }
    };
    push_function(line, function, key);
    if let Some(value) = value {
        line.push_str(",\"v\":");
        push_value(line, value);
    }
}

fn push_function(line: &mut String, function: &str, key: &str) {
    push(line, format_args!(",\"f\":\"{function}\",\"k\":"));
    push_text(line, key);
}

fn push_steps(line: &mut String, history: &History, steps: &[Step]) {
    line.push_str(",\"v\":[");
    for (at, step) in steps.iter().enumerate() {
        let (name, value) = match *step {
            Step::Expect(_, value) => ("expect", Some(value)),
            Step::Read(_, value) => ("read", value),
            Step::Write(_, value) => ("write", Some(value)),
            Step::Append(_, value) => ("append", Some(value)),
            Step::Add(_, value) => ("add", Some(value)),
            Step::Delete(_) => ("delete", None),
        };
        let gap = if at == 0 { "" } else { "," };
        push(line, format_args!("{gap}[\"{name}\","));
        push_text(line, history.key(step.key()));
        if let Some(value) = value {
            line.push(',');
            push_value(line, history.values().get(value));
        }
        line.push(']');
    }
    line.push(']');
}

fn push_value(line: &mut String, value: &Value) {
    match value {
        Value::Absent => line.push_str("null"),
        Value::Int(number) => push(line, format_args!("{number}")),
        Value::Text(text) => push_text(line, text),
        Value::List(items) => {
            line.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    line.push(',');
                }
                push_value(line, item);
            }
            line.push(']');
        }
    }
}

fn push_hint(line: &mut String, hint: Hint) {
    if let Some(index) = hint.index {
        push(line, format_args!(",\"i\":{index}"));
    }
    if let Some(revision) = hint.revision {
        push(line, format_args!(",\"rev\":{revision}"));
    }
}

fn note_fields(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::FaultBegins => "\"fault\",\"v\":true",
        NoteKind::FaultEnds => "\"fault\",\"v\":false",
        NoteKind::Leader => "\"leader\"",
        NoteKind::Remark => "\"note\"",
    }
}

/// Text as JSON has it.
pub(crate) fn push_text(line: &mut String, text: &str) {
    line.push('"');
    for letter in text.chars() {
        match letter {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            letter if letter < ' ' => push(line, format_args!("\\u{:04x}", u32::from(letter))),
            letter => line.push(letter),
        }
    }
    line.push('"');
}

fn push(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("a string takes every character");
}

/// A few hundred events.
const BUFFER_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{ReadLimits, read};

    #[test]
    fn recorded_run_reads_back_as_it_was() {
        let mut bytes = Vec::new();
        let recorder = Recorder::new(&mut bytes);
        let one = Value::Int(1);
        let text = Value::text("a \"b\"\n\\");
        let index = std::num::NonZeroU64::new(7);
        let hint = Hint { index, revision: None };
        record(&recorder, &one, &text, hint).expect("a vector takes every byte");
        drop(recorder);

        let first = read(&bytes[..], &ReadLimits::default()).expect("our own format").history;
        let mut again = Vec::new();
        write_history(&first, &mut again).expect("a vector takes every byte");
        let second = read(&again[..], &ReadLimits::default()).expect("our own format").history;

        assert_eq!(first.operations().len(), 4);
        assert_eq!(first.operations()[1].hint, hint);
        assert_eq!(first.notes(), second.notes());
        for (one, other) in first.operations().iter().zip(second.operations()) {
            assert_eq!((one.call, one.outcome), (other.call, other.outcome));
            assert_eq!(one.hint, other.hint);
        }
        assert_eq!(first.values().get(answer(&first)), &text);
    }

    fn record(
        recorder: &Recorder<&mut Vec<u8>>,
        one: &Value,
        text: &Value,
        hint: Hint,
    ) -> io::Result<()> {
        recorder.note(1, NoteKind::FaultBegins, "kill 2")?;
        recorder.invoke(2, 1, "key", &Asked::Write(text))?;
        recorder.invoke(3, 2, "key", &Asked::Read)?;
        recorder.ok(4, 2, &Answer::Value(text.clone()), hint)?;
        recorder.info(5, 1)?;
        recorder.invoke(6, 2, "key", &Asked::Cas(text, one))?;
        recorder.ok(7, 2, &Answer::Stored(false), Hint::default())?;
        recorder.invoke(8, 2, "key", &Asked::Add(3))?;
        recorder.fail(9, 2)
    }

    fn answer(history: &History) -> ValueId {
        match history.operations()[1].call {
            Call::Read(Some(value)) => value,
            call => panic!("the second operation is a read, not {call:?}"),
        }
    }
}
