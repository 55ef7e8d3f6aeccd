//! The little language of `kv txn`: conditions such as `value stock = 5`, and operations such as
//! `put stock 4`.
//!
//! Words are separated by one blank, and the last word of a line is all the rest of it, so that a
//! value may hold blanks. A key that holds some is written in hexadecimal. Without any quoting of
//! its own, the language leaves that to the shell.

use std::str::FromStr;

use crate::input::decode_hex;

/// Something that must be true of one key for the `--then` operations to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The key, as digits with `--hex`.
    pub key: String,
    /// How what the key has is compared with what the line says.
    pub comparison: Comparison,
    /// What is compared, and with what.
    pub operand: Operand,
}

/// What of the key is compared, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The value, as digits with `--hex`.
    Value(String),
    /// How often the key was written since it was created; 0 if it is absent.
    Version(u64),
    /// The revision that created it.
    Created(u64),
    /// The revision that last changed it.
    Modified(u64),
    /// The lease it hangs on; 0 for none.
    Lease(u64),
}

/// How two things of one kind are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`, by bytes for values
    Less,
    /// `>`, by bytes for values
    Greater,
}

/// One step of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `get KEY`
    Get(String),
    /// `put KEY VALUE`
    Put(String, String),
    /// `del KEY`
    Del(String),
    /// `add KEY NUMBER`
    Add(String, i64),
    /// `append KEY VALUE`
    Append(String, String),
}

impl Condition {
    /// With `--hex`, refuses a key or a value that is not hexadecimal.
    pub fn check_hex(&self) -> Result<(), String> {
        decode_hex(self.key.as_bytes())?;
        match &self.operand {
            Operand::Value(value) => decode_hex(value.as_bytes()).map(drop),
            _ => Ok(()),
        }
    }
}

impl Operation {
    /// With `--hex`, refuses a key or a value that is not hexadecimal.
    pub fn check_hex(&self) -> Result<(), String> {
        let (key, value) = match self {
            Self::Get(key) | Self::Del(key) | Self::Add(key, _) => (key, ""),
            Self::Put(key, value) | Self::Append(key, value) => (key, value.as_str()),
        };
        decode_hex(key.as_bytes())?;
        decode_hex(value.as_bytes()).map(drop)
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        condition(text).ok_or_else(|| {
            "a condition is FIELD KEY = WHAT, with the field value, version, created, modified or \
             lease, and = != < or >, as in `version lock = 0`"
                .to_owned()
        })
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        operation(text).ok_or_else(|| {
            "an operation is get KEY, put KEY VALUE, del KEY, add KEY NUMBER or append KEY VALUE"
                .to_owned()
        })
    }
}

fn condition(text: &str) -> Option<Condition> {
    let [field, key, sign, what] = words(text)?;
    let comparison = match sign {
        "=" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        ">" => Comparison::Greater,
        _ => return None,
    };
    let operand = match field {
        "value" => Operand::Value(what.to_owned()),
        "version" => Operand::Version(what.parse().ok()?),
        "created" => Operand::Created(what.parse().ok()?),
        "modified" => Operand::Modified(what.parse().ok()?),
        "lease" => Operand::Lease(what.parse().ok()?),
        _ => return None,
    };
    Some(Condition { key: non_empty(key)?, comparison, operand })
}

fn operation(text: &str) -> Option<Operation> {
    let (verb, rest) = text.split_once(' ')?;
    match verb {
        "get" => Some(Operation::Get(lone_key(rest)?)),
        "del" => Some(Operation::Del(lone_key(rest)?)),
        "put" => key_and_word(rest).map(|(key, value)| Operation::Put(key, value.to_owned())),
        "append" => key_and_word(rest).map(|(key, value)| Operation::Append(key, value.to_owned())),
        "add" => key_and_word(rest)
            .and_then(|(key, number)| Some(Operation::Add(key, number.parse().ok()?))),
        _ => None,
    }
}

fn words<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.splitn(N, ' ').collect::<Vec<_>>().try_into().ok()
}

fn key_and_word(text: &str) -> Option<(String, &str)> {
    let [key, word] = words(text)?;
    Some((non_empty(key)?, word))
}

/// A second word after a lone key is a mistake, not a part of the key.
fn lone_key(text: &str) -> Option<String> {
    if text.contains(' ') { None } else { non_empty(text) }
}

fn non_empty(key: &str) -> Option<String> {
    (!key.is_empty()).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_compares_one_field_of_one_key() {
        let equal = |key: &str, operand| {
            Ok(Condition { key: key.to_owned(), comparison: Comparison::Equal, operand })
        };
        assert_eq!("value k = 5".parse(), equal("k", Operand::Value("5".to_owned())));
        assert_eq!("version k = 0".parse(), equal("k", Operand::Version(0)));
        assert_eq!("created k = 7".parse(), equal("k", Operand::Created(7)));
        assert_eq!("modified k = 7".parse(), equal("k", Operand::Modified(7)));
        assert_eq!("lease k = 9".parse(), equal("k", Operand::Lease(9)));
    }

    #[test]
    fn every_comparison_has_a_sign() {
        let signs = [
            ("=", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (sign, comparison) in signs {
            let parsed: Condition = format!("version k {sign} 3").parse().expect(sign);
            assert_eq!(parsed.comparison, comparison);
        }
    }

    #[test]
    fn a_value_is_all_the_rest_of_the_line() {
        let put = Operation::Put("k".to_owned(), "two words ".to_owned());
        assert_eq!("put k two words ".parse(), Ok(put));
        let empty = Operation::Append("k".to_owned(), String::new());
        assert_eq!("append k ".parse(), Ok(empty));
        let condition: Condition = "value k != a = b".parse().expect("a good condition");
        assert_eq!(condition.operand, Operand::Value("a = b".to_owned()));
    }

    #[test]
    fn every_operation_can_be_a_step() {
        assert_eq!("get k".parse(), Ok(Operation::Get("k".to_owned())));
        assert_eq!("del k".parse(), Ok(Operation::Del("k".to_owned())));
        assert_eq!("add k -3".parse(), Ok(Operation::Add("k".to_owned(), -3)));
    }

    #[test]
    fn what_is_not_understood_is_told_the_form() {
        for text in ["", "k = 5", "value k == 5", "value  = 5", "size k = 5", "version k = x"] {
            let reason = text.parse::<Condition>().expect_err(text);
            assert!(reason.starts_with("a condition is"), "{text}: {reason}");
        }
        for text in ["", "get", "get ", "get a b", "put k", "put  v", "add k x", "watch k"] {
            let reason = text.parse::<Operation>().expect_err(text);
            assert!(reason.starts_with("an operation is"), "{text}: {reason}");
        }
    }

    #[test]
    fn hexadecimal_covers_keys_and_values_but_not_numbers() {
        let condition = |text: &str| text.parse::<Condition>().expect("a good condition");
        assert!(condition("value 6b = 76").check_hex().is_ok());
        assert!(condition("value 6b = 7").check_hex().is_err());
        assert!(condition("version 6b = 7").check_hex().is_ok());
        assert!(condition("version k = 7").check_hex().is_err());
        let operation = |text: &str| text.parse::<Operation>().expect("a good operation");
        assert!(operation("put 6b 76").check_hex().is_ok());
        assert!(operation("put 6b v").check_hex().is_err());
        assert!(operation("add 6b 7").check_hex().is_ok());
        assert!(operation("get k").check_hex().is_err());
    }
}
