//! EDN maps as events: Jepsen's and Knossos' histories, and Porcupine's kv logs with a `:key`.
//!
//! `:fail` means that the operation did not happen, a failed cas too. A read answered with nil says
//! nothing, except in a kv log, whose answers are strings.

use std::io::BufRead;

use super::edn::{Form, Forms};
use super::{Intake, ReadError};
use crate::history::{Call, Hint, KeyId, Step};
use crate::value::{Value, ValueId};

pub(super) fn read<R: BufRead>(
    mut forms: Forms<R>,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    while let Some((line, form)) = forms.next()? {
        let Form::Map(entries) = form else {
            return Err(ReadError::at(line, "an event is not a map"));
        };
        let event = Event::of(&entries).map_err(|message| ReadError::at(line, message))?;
        intake.admit(line, event.bytes())?;
        event.take_into(intake).map_err(|message| ReadError::at(line, message))?;
    }
    Ok(())
}

struct Event<'a> {
    /// None: not a client.
    process: Option<i64>,
    kind: &'a str,
    function: &'a str,
    key: Option<String>,
    value: &'a Form,
    at_ns: u64,
}

impl<'a> Event<'a> {
    fn of(entries: &'a [(Form, Form)]) -> Result<Self, String> {
        let find =
            |name: &str| entries.iter().find(|(key, _)| is_word(key, name)).map(|(_, value)| value);
        let word = |name: &str| match find(name) {
            Some(Form::Word(word)) => Ok(word.as_str()),
            Some(_) => Err(format!(":{name} is not a keyword")),
            None => Err(format!(":{name} is missing")),
        };
        let process = match find("process") {
            Some(Form::Int(process)) => Some(*process),
            Some(Form::Word(_) | Form::Nil) => None,
            Some(_) => return Err(":process is neither a number nor a keyword".to_owned()),
            None => return Err(":process is missing".to_owned()),
        };
        let at_ns = match find("time") {
            Some(Form::Int(time)) => u64::try_from(*time).unwrap_or(0),
            _ => 0,
        };
        let key = find("key").map(name_of).transpose()?;
        let value = find("value").unwrap_or(&Form::Nil);
        Ok(Self { process, kind: word("type")?, function: word("f")?, key, value, at_ns })
    }

    /// About what it adds to the history.
    fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, String::len) + weight(self.value)
    }

    fn take_into(&self, intake: &mut Intake<'_>) -> Result<(), String> {
        let Some(process) = self.process else { return Ok(()) };
        let hint = Hint::default();
        match self.kind {
            "invoke" => {
                let key = intake.draft.key(self.key.as_deref().unwrap_or("register"));
                let call = self.call(intake)?;
                intake.draft.invoke(process, self.at_ns, key, call).map(drop)
            }
            "ok" => {
                let call = self.answer(intake, process)?;
                intake.draft.ok(process, self.at_ns, call, hint)
            }
            "fail" => intake.draft.fail(process, self.at_ns),
            "info" => intake.draft.info(process, self.at_ns, hint),
            kind => return Err(format!(":type :{kind} is not known")),
        }
        .map_err(|misuse| misuse.to_string())
    }

    fn call(&self, intake: &mut Intake<'_>) -> Result<Call, String> {
        Ok(match self.function {
            "read" | "get" => Call::Read(None),
            "write" | "put" => Call::Write(value_of(intake, self.value)?),
            "append" => Call::Append(value_of(intake, self.value)?),
            "add" => Call::Add { by: value_of(intake, self.value)?, total: None },
            "delete" => Call::Delete { removed: None },
            "acquire" => Call::Acquire,
            "release" => Call::Release,
            "cas" => match self.value {
                Form::List(pair) if pair.len() == 2 => {
                    let from = value_of(intake, &pair[0])?;
                    Call::Cas { from, to: value_of(intake, &pair[1])?, stored: None }
                }
                _ => return Err("the value of a cas is not [FROM TO]".to_owned()),
            },
            "txn" => {
                let steps = steps_of(intake, self.value)?;
                Call::Transaction { steps: intake.draft.transaction(&steps), held: None }
            }
            function => return Err(format!(":f :{function} is not known")),
        })
    }

    fn answer(&self, intake: &mut Intake<'_>, process: i64) -> Result<Call, String> {
        let operation = intake.draft.open(process);
        let asked = operation.map(|operation| operation.call).ok_or_else(|| {
            format!("process {process} completes an operation that it never invoked")
        })?;
        Ok(match asked {
            Call::Read(_) if *self.value == Form::Nil => Call::Read(None),
            Call::Read(_) => Call::Read(Some(value_of(intake, self.value)?)),
            Call::Cas { from, to, .. } => Call::Cas { from, to, stored: Some(true) },
            Call::Transaction { .. } => {
                let steps = steps_of(intake, self.value)?;
                let steps = intake.draft.transaction(&steps);
                Call::Transaction { steps, held: Some(true) }
            }
            call => call,
        })
    }
}

fn steps_of(intake: &mut Intake<'_>, form: &Form) -> Result<Vec<Step>, String> {
    let Form::List(items) = form else {
        return Err("the value of a txn is not a vector".to_owned());
    };
    items.iter().map(|item| step_of(intake, item)).collect()
}

fn step_of(intake: &mut Intake<'_>, form: &Form) -> Result<Step, String> {
    let Form::List(parts) = form else {
        return Err("a step of a txn is not a vector".to_owned());
    };
    let [Form::Word(function), key, value] = parts.as_slice() else {
        return Err("a step of a txn is not [FUNCTION KEY VALUE]".to_owned());
    };
    let key: KeyId = intake.draft.key(&name_of(key)?);
    Ok(match function.as_str() {
        "read" | "r" if *value == Form::Nil => Step::Read(key, None),
        "read" | "r" => Step::Read(key, Some(value_of(intake, value)?)),
        "write" | "w" => Step::Write(key, value_of(intake, value)?),
        function => return Err(format!("a txn has a step :{function}, which is not known")),
    })
}

fn value_of(intake: &mut Intake<'_>, form: &Form) -> Result<ValueId, String> {
    let value = convert(form)?;
    Ok(intake.draft.value(value))
}

fn convert(form: &Form) -> Result<Value, String> {
    Ok(match form {
        Form::Nil => Value::Absent,
        Form::Int(number) => Value::Int(*number),
        Form::Text(text) | Form::Word(text) => Value::text(text),
        Form::List(items) => Value::List(items.iter().map(convert).collect::<Result<_, _>>()?),
        Form::Map(_) => return Err("a map is no value that any model knows".to_owned()),
    })
}

fn name_of(form: &Form) -> Result<String, String> {
    match form {
        Form::Int(number) => Ok(number.to_string()),
        Form::Text(text) | Form::Word(text) => Ok(text.clone()),
        _ => Err("a key is neither a name nor a number".to_owned()),
    }
}

fn weight(form: &Form) -> usize {
    match form {
        Form::Nil | Form::Int(_) => size_of::<Form>(),
        Form::Text(text) | Form::Word(text) => size_of::<Form>() + text.len(),
        Form::List(items) => items.iter().map(weight).sum(),
        Form::Map(entries) => entries.iter().map(|(key, value)| weight(key) + weight(value)).sum(),
    }
}

fn is_word(form: &Form, name: &str) -> bool {
    matches!(form, Form::Word(word) if word == name)
}
