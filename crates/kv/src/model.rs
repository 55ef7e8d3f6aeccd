//! The models that `kv check --model` knows by name: what the object under test is, and how it
//! starts. How a model steps is the checker's business.

use std::str::FromStr;

use checker::models::ModelKind;
use checker::read::Format;
use checker::value::Value;

/// What a history is judged against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The service itself: revisions, ranges, transactions, the order of watches, leases.
    Store,
    /// A map of values with put, get, append, add, delete, cas and transactions, without revisions.
    Kv,
    /// One register with read and write; absent at first, or `initial`.
    Register {
        /// What a first read sees; nothing by default.
        initial: Option<i64>,
    },
    /// One register with read, write and cas; absent at first, or `initial`.
    CasRegister {
        /// What a first read sees; nothing by default.
        initial: Option<i64>,
    },
    /// Several registers, read and written together.
    MultiRegister,
    /// A lock that is free at first.
    Mutex,
    /// Elements that are added and read all at once.
    Set,
    /// A number that is added to and read; zero at first.
    Counter,
}

impl Model {
    /// The checker's model for a history in this format; `None` for one that it does not have.
    pub fn kind(self, format: Format) -> Option<ModelKind> {
        let first = |initial: Option<i64>| initial.map_or(Value::Absent, Value::Int);
        match self {
            Self::Store => None,
            // In Porcupine's histories a missing key reads as the empty text.
            Self::Kv if format == Format::PorcupineKv => Some(ModelKind::Kv(Value::text(""))),
            Self::Kv => Some(ModelKind::Kv(Value::Absent)),
            Self::Register { initial } => Some(ModelKind::Register(first(initial))),
            Self::CasRegister { initial } => Some(ModelKind::CasRegister(first(initial))),
            Self::MultiRegister => Some(ModelKind::MultiRegister(Value::Int(0))),
            Self::Mutex => Some(ModelKind::Mutex),
            Self::Set => Some(ModelKind::Set),
            Self::Counter => Some(ModelKind::Counter),
        }
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "store" => return Ok(Self::Store),
            "kv" => return Ok(Self::Kv),
            "multi-register" => return Ok(Self::MultiRegister),
            "mutex" => return Ok(Self::Mutex),
            "set" => return Ok(Self::Set),
            "counter" => return Ok(Self::Counter),
            _ => {}
        }
        match with_initial(text) {
            Some(("register", initial)) => Ok(Self::Register { initial }),
            Some(("cas-register", initial)) => Ok(Self::CasRegister { initial }),
            _ => {
                Err("a model is store, kv, register, cas-register, multi-register, mutex, set or \
                      counter; a register may be given its first value, as in cas-register(0)"
                    .to_owned())
            }
        }
    }
}

/// A name, and in brackets the value that a first read sees.
fn with_initial(text: &str) -> Option<(&str, Option<i64>)> {
    let Some((name, rest)) = text.split_once('(') else { return Some((text, None)) };
    match rest.strip_suffix(')')? {
        "nil" => Some((name, None)),
        value => Some((name, Some(value.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_may_be_given_its_first_value() {
        assert_eq!("cas-register".parse(), Ok(Model::CasRegister { initial: None }));
        assert_eq!("cas-register(nil)".parse(), Ok(Model::CasRegister { initial: None }));
        assert_eq!("cas-register(0)".parse(), Ok(Model::CasRegister { initial: Some(0) }));
        assert_eq!("cas-register(-3)".parse(), Ok(Model::CasRegister { initial: Some(-3) }));
    }

    #[test]
    fn the_other_models_have_a_name_only() {
        for text in ["store", "kv", "multi-register", "mutex", "set", "counter"] {
            assert!(text.parse::<Model>().is_ok(), "{text}");
            assert!(format!("{text}(0)").parse::<Model>().is_err(), "{text}(0)");
        }
        assert_eq!("register(2)".parse(), Ok(Model::Register { initial: Some(2) }));
    }

    #[test]
    fn an_unknown_model_is_told_the_known_ones() {
        for text in ["", "bank", "KV", "cas-register(", "cas-register(x)", "mutex()", "(0)"] {
            let reason = text.parse::<Model>().expect_err(text);
            assert!(reason.contains("cas-register(0)"), "{text}: {reason}");
        }
    }
}
