//! Keys and values on the command line, safe for any bytes: as they stand, in hexadecimal, from a
//! file, or from stdin.
//!
//! Says only where the bytes come from. Files and stdin are read when the command runs, so that a
//! wrong command line touches nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// Where the bytes of a key or a value come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The argument itself, any bytes. With `--hex` it is digits that [`decode_hex`] accepts.
    Text(Vec<u8>),
    /// The content of a file, written `@FILE`.
    File(PathBuf),
    /// All of stdin, written `-`.
    Stdin,
}

impl Input {
    /// With `--hex`, refuses text that is not hexadecimal. Files and stdin are raw bytes anyhow.
    pub fn check_hex(&self) -> Result<(), String> {
        match self {
            Self::Text(text) => decode_hex(text).map(drop),
            Self::File(_) | Self::Stdin => Ok(()),
        }
    }
}

/// The parser of a key: like a value, and never empty.
pub fn key() -> impl TypedValueParser<Value = Input> {
    OsStringValueParser::new().try_map(|text| match input(text)? {
        Input::Text(text) if text.is_empty() => Err("a key has at least one byte".to_owned()),
        input => Ok(input),
    })
}

/// The parser of a value, which may be empty.
pub fn value() -> impl TypedValueParser<Value = Input> {
    OsStringValueParser::new().try_map(input)
}

/// The bytes behind hexadecimal digits, two for each byte, in either case.
pub fn decode_hex(digits: &[u8]) -> Result<Vec<u8>, String> {
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| {
        let shown = OsStr::from_bytes(digits);
        format!("with --hex each byte is two digits 0-9 or a-f; {shown:?} is not")
    })
}

fn input(text: OsString) -> Result<Input, String> {
    match text.as_bytes() {
        b"-" => Ok(Input::Stdin),
        b"@" => Err("@ stands before a file's name; for a text that starts with @ write @@".into()),
        [b'@', text @ ..] if text.starts_with(b"@") => Ok(Input::Text(text.to_vec())),
        [b'@', file @ ..] => Ok(Input::File(PathBuf::from(OsStr::from_bytes(file)))),
        _ => Ok(Input::Text(text.into_vec())),
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Input, String> {
        input(OsString::from_vec(text.to_vec()))
    }

    #[test]
    fn text_is_taken_byte_for_byte() {
        for text in [&b"hello"[..], b"", b"a@b", b"--", b"\xff\xfe", b"-5"] {
            assert_eq!(read(text), Ok(Input::Text(text.to_vec())));
        }
    }

    #[test]
    fn an_at_sign_names_a_file_and_two_stand_for_one() {
        assert_eq!(read(b"@motd.txt"), Ok(Input::File(PathBuf::from("motd.txt"))));
        assert_eq!(read(b"@@user"), Ok(Input::Text(b"@user".to_vec())));
        assert_eq!(read(b"@@"), Ok(Input::Text(b"@".to_vec())));
        assert!(read(b"@").is_err());
    }

    #[test]
    fn a_dash_is_stdin() {
        assert_eq!(read(b"-"), Ok(Input::Stdin));
    }

    #[test]
    fn hexadecimal_is_two_digits_a_byte() {
        assert_eq!(decode_hex(b""), Ok(vec![]));
        assert_eq!(decode_hex(b"00fFa5"), Ok(vec![0x00, 0xff, 0xa5]));
        for digits in [&b"0"[..], b"0g", b"0 ", b"0x00", b"\xff\xff", b"+1"] {
            assert!(decode_hex(digits).is_err(), "{digits:?}");
        }
    }

    #[test]
    fn every_byte_can_be_written_in_hexadecimal() {
        for byte in 0..=u8::MAX {
            assert_eq!(decode_hex(format!("{byte:02x}").as_bytes()), Ok(vec![byte]));
        }
    }

    #[test]
    fn only_text_is_held_to_hexadecimal() {
        assert!(Input::Text(b"zz".to_vec()).check_hex().is_err());
        assert!(Input::Text(b"7a".to_vec()).check_hex().is_ok());
        assert!(Input::File(PathBuf::from("zz")).check_hex().is_ok());
        assert!(Input::Stdin.check_hex().is_ok());
    }
}
