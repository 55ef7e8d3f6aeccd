//! EDN, one form at a time: as much of it as histories use, and nothing that can exhaust memory.
//!
//! A form's depth and size are bounded. Tags are skipped, and what they tag is read as it stands.

use std::io::{BufRead, ErrorKind};

use super::ReadError;

/// One EDN form.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Nil,
    Int(i64),
    Text(String),
    /// A keyword without its colon, a symbol, a boolean, a number that is not whole.
    Word(String),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// The forms of a file: those in its one outer vector or list, or one after another.
pub(super) struct Forms<R> {
    stream: R,
    line: u64,
    /// What closes the outer bracket, if there is one.
    outer: Option<u8>,
    is_started: bool,
    left_bytes: usize,
    bytes_max: usize,
}

impl<R: BufRead> Forms<R> {
    pub(super) fn new(stream: R, bytes_max: usize) -> Self {
        Self { stream, line: 1, outer: None, is_started: false, left_bytes: bytes_max, bytes_max }
    }

    /// The next form and the line it begins on.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Form)>, ReadError> {
        self.left_bytes = self.bytes_max;
        let mut next = self.peek_token()?;
        if !self.is_started {
            self.is_started = true;
            self.outer = match next {
                Some(b'[') => Some(b']'),
                Some(b'(') => Some(b')'),
                _ => None,
            };
            if self.outer.is_some() {
                self.bump()?;
                next = self.peek_token()?;
            }
        }
        match (next, self.outer) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(self.fail("the file ends within its outer bracket")),
            (Some(byte), Some(outer)) if byte == outer => self.end(),
            (Some(_), _) => {
                let line = self.line;
                Ok(Some((line, self.form(0)?)))
            }
        }
    }

    fn end(&mut self) -> Result<Option<(u64, Form)>, ReadError> {
        self.bump()?;
        self.outer = None;
        match self.peek_token()? {
            None => Ok(None),
            Some(_) => Err(self.fail("something follows the outer bracket")),
        }
    }

    fn form(&mut self, depth: usize) -> Result<Form, ReadError> {
        if depth > DEPTH_MAX {
            return Err(self.fail("brackets are nested too deeply"));
        }
        match self.peek_token()? {
            None => Err(self.fail("the file ends within a form")),
            Some(b'[') => Ok(Form::List(self.items(b']', depth)?)),
            Some(b'(') => Ok(Form::List(self.items(b')', depth)?)),
            Some(b'{') => self.map(depth),
            Some(b'"') => Ok(Form::Text(self.string()?)),
            Some(b'#') => self.tagged(depth),
            Some(b']' | b')' | b'}') => Err(self.fail("a bracket closes that was not opened")),
            Some(_) => self.word(),
        }
    }

    fn items(&mut self, close: u8, depth: usize) -> Result<Vec<Form>, ReadError> {
        self.bump()?;
        let mut items = Vec::new();
        loop {
            match self.peek_token()? {
                None => return Err(self.fail("the file ends within a bracket")),
                Some(byte) if byte == close => {
                    self.bump()?;
                    return Ok(items);
                }
                Some(_) => items.push(self.form(depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Form, ReadError> {
        let items = self.items(b'}', depth)?;
        if items.len() % 2 != 0 {
            return Err(self.fail("a map has a key without a value"));
        }
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Ok(Form::Map(entries))
    }

    fn tagged(&mut self, depth: usize) -> Result<Form, ReadError> {
        self.bump()?;
        match self.peek()? {
            Some(b'{') => Ok(Form::List(self.items(b'}', depth)?)),
            Some(b'_') => {
                self.bump()?;
                self.form(depth + 1)?;
                self.form(depth + 1)
            }
            _ => {
                self.token()?;
                self.form(depth + 1)
            }
        }
    }

    fn string(&mut self) -> Result<String, ReadError> {
        self.bump()?;
        let mut bytes = Vec::new();
        loop {
            match self.bump()? {
                None => return Err(self.fail("the file ends within a string")),
                Some(b'"') => break,
                Some(b'\\') => bytes.push(match self.bump()? {
                    Some(b'n') => b'\n',
                    Some(b't') => b'\t',
                    Some(b'r') => b'\r',
                    Some(byte @ (b'"' | b'\\')) => byte,
                    _ => return Err(self.fail("a string has an escape that is not known")),
                }),
                Some(byte) => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).map_err(|_| self.fail("a string is not UTF-8"))
    }

    fn word(&mut self) -> Result<Form, ReadError> {
        let token = self.token()?;
        if token.is_empty() {
            return Err(self.fail("a character that begins no form"));
        }
        if token == "nil" {
            return Ok(Form::Nil);
        }
        let whole = token.strip_suffix('N').unwrap_or(&token);
        Ok(match whole.parse::<i64>() {
            Ok(number) => Form::Int(number),
            Err(_) => Form::Word(token.strip_prefix(':').unwrap_or(&token).to_owned()),
        })
    }

    fn token(&mut self) -> Result<String, ReadError> {
        let mut bytes = Vec::new();
        while let Some(byte) = self.peek()? {
            if is_blank(byte) || b"[](){}\";".contains(&byte) {
                break;
            }
            bytes.push(byte);
            self.bump()?;
        }
        String::from_utf8(bytes).map_err(|_| self.fail("a word is not UTF-8"))
    }

    /// The first byte of the next token, after blanks and comments.
    fn peek_token(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            match self.peek()? {
                Some(b';') => while !matches!(self.bump()?, None | Some(b'\n')) {},
                Some(byte) if is_blank(byte) => {
                    self.bump()?;
                }
                next => return Ok(next),
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            match self.stream.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::at(self.line, error.to_string())),
            }
        }
    }

    fn bump(&mut self) -> Result<Option<u8>, ReadError> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.stream.consume(1);
            self.left_bytes = self
                .left_bytes
                .checked_sub(1)
                .ok_or_else(|| self.fail("a form or a comment is too long"))?;
        }
        if byte == Some(b'\n') {
            self.line += 1;
        }
        Ok(byte)
    }

    fn fail(&self, message: &str) -> ReadError {
        ReadError::at(self.line, message)
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b','
}

/// Histories nest four deep; the stack would bear thousands.
const DEPTH_MAX: usize = 64;
