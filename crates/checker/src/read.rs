//! Histories from files and streams, in every format we know, told apart by their content.
//!
//! A reader takes one line or one form at a time and hands it to the draft: beside the history
//! itself, memory is bounded by [`ReadLimits`]. Bytes may be anything; what cannot be read is an
//! error that names the line, never a panic.

mod edn;
mod jepsen;
mod jsonl;
mod lines;
mod maps;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::history::{Draft, History};
use lines::Lines;

/// Reads a history from a file, plain or gzip.
pub fn read_file(path: &Path, limits: &ReadLimits) -> Result<Reading, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::at(0, error.to_string()))?;
    read(file, limits)
}

/// Reads a history from any stream, plain or gzip.
pub fn read(stream: impl Read, limits: &ReadLimits) -> Result<Reading, ReadError> {
    let mut stream = BufReader::with_capacity(SNIFF_BYTES, stream);
    let is_gzip = fill(&mut stream)?.starts_with(&GZIP_MAGIC);
    if is_gzip {
        let unpacked = MultiGzDecoder::new(stream);
        return read_plain(BufReader::with_capacity(SNIFF_BYTES, unpacked), limits);
    }
    read_plain(stream, limits)
}

/// What was read, and how it was written down.
#[derive(Debug)]
pub struct Reading {
    /// The history.
    pub history: History,
    /// The format it was in.
    pub format: Format,
}

/// A way to write a history down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of Jepsen's own log.
    JepsenLog,
    /// EDN-like maps with `:key`, one a line, as Porcupine's kv tests have them.
    PorcupineKv,
    /// Maps of Jepsen and Knossos.
    Edn,
    /// JSON lines: ours.
    JsonLines,
}

impl Format {
    /// Its name in `expected.tsv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::JepsenLog => "jepsen-log",
            Self::PorcupineKv => "porcupine-kv",
            Self::Edn => "edn",
            Self::JsonLines => "jsonl",
        }
    }
}

/// How much a reader accepts before it refuses.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Operations in one history.
    pub operations: usize,
    /// Bytes in one line or form.
    pub line_bytes: usize,
    /// Bytes of the different keys, values and steps together.
    pub content_bytes: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { operations: 50_000_000, line_bytes: 16 << 20, content_bytes: 1 << 30 }
    }
}

/// Why a history could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, counted from one; zero if it is about the file as a whole.
    pub line: u64,
    /// What is wrong there.
    pub message: String,
}

impl ReadError {
    pub(crate) fn at(line: u64, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

impl std::error::Error for ReadError {}

/// The draft that a reader fills, and what it may still take.
pub(crate) struct Intake<'a> {
    pub(crate) draft: Draft,
    limits: &'a ReadLimits,
    content_bytes: usize,
}

impl<'a> Intake<'a> {
    fn new(limits: &'a ReadLimits) -> Self {
        Self { draft: Draft::new(), limits, content_bytes: 0 }
    }

    /// Counts what `line` brings before it is kept: at a limit the whole history is refused, since
    /// a part of it could have another verdict.
    pub(crate) fn admit(&mut self, line: u64, content_bytes: usize) -> Result<(), ReadError> {
        self.content_bytes += content_bytes;
        if self.content_bytes > self.limits.content_bytes {
            let message = format!("keys and values exceed {} bytes", self.limits.content_bytes);
            return Err(ReadError::at(line, message));
        }
        if self.draft.so_far().operations().len() >= self.limits.operations {
            let message = format!("more than {} operations", self.limits.operations);
            return Err(ReadError::at(line, message));
        }
        Ok(())
    }
}

fn read_plain(mut stream: impl BufRead, limits: &ReadLimits) -> Result<Reading, ReadError> {
    let format = recognize(fill(&mut stream)?)?;
    let mut intake = Intake::new(limits);
    match format {
        Format::JepsenLog => jepsen::read(Lines::new(stream, limits.line_bytes), &mut intake)?,
        Format::JsonLines => jsonl::read(Lines::new(stream, limits.line_bytes), &mut intake)?,
        Format::Edn | Format::PorcupineKv => {
            maps::read(edn::Forms::new(stream, limits.line_bytes), &mut intake)?;
        }
    }
    Ok(Reading { history: intake.draft.finish(), format })
}

/// The first bytes of the stream, as many as come at once; none at its end.
fn fill(stream: &mut impl BufRead) -> Result<&[u8], ReadError> {
    loop {
        match stream.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError::at(0, error.to_string())),
            Ok(_) => break,
        }
    }
    stream.fill_buf().map_err(|error| ReadError::at(0, error.to_string()))
}

fn recognize(start: &[u8]) -> Result<Format, ReadError> {
    if contains(start, b"jepsen.util") {
        return Ok(Format::JepsenLog);
    }
    let text = start.trim_ascii_start();
    match text {
        [] => Err(ReadError::at(0, "the file is empty")),
        [b'{', rest @ ..] if rest.trim_ascii_start().starts_with(b"\"") => Ok(Format::JsonLines),
        [b'{', b'}', ..] => Ok(Format::JsonLines),
        [b'[' | b'(' | b'{' | b';' | b'#' | b',', ..] => {
            let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or(text);
            let is_kv = contains(first_line, b":key") && !contains(first_line, b":txn");
            Ok(if is_kv { Format::PorcupineKv } else { Format::Edn })
        }
        _ => Err(ReadError::at(1, "this is no history: neither JSON lines, EDN nor a Jepsen log")),
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Enough to meet the first line of interest in a log that opens with others.
const SNIFF_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Reading, ReadError> {
        read(text.as_bytes(), &ReadLimits::default())
    }

    #[test]
    fn formats_are_told_apart_by_content() {
        let log = "x\nINFO  jepsen.util - 4\t:invoke\t:read\tnil\n";
        let kv = "{:process 0, :type :invoke, :f :get, :key \"0\", :value nil}\n";
        let edn = "; a note\n[{:process 0 :type :invoke :f :read :value nil}]";
        let json = "{\"t\":1,\"p\":0,\"e\":\"invoke\",\"f\":\"read\",\"k\":\"a\"}\n";
        let format = |text| read_text(text).map(|reading| reading.format);

        assert_eq!(format(log), Ok(Format::JepsenLog));
        assert_eq!(format(kv), Ok(Format::PorcupineKv));
        assert_eq!(format(edn), Ok(Format::Edn));
        assert_eq!(format(json), Ok(Format::JsonLines));
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let json = "{\"t\":1,\"p\":0,\"e\":\"invoke\",\"f\":\"read\",\"k\":\"a\"}\n{\"t\":2,\n";
        assert_eq!(read_text(json).expect_err("cut off").line, 2);
        let edn = "[{:process 0 :type :invoke :f :read :value nil}\n{:process 0 :type :ok";
        assert_eq!(read_text(edn).expect_err("cut off").line, 2);
        let twice = "INFO  jepsen.util - 1\t:invoke\t:read\tnil\n".repeat(2);
        assert_eq!(read_text(&twice).expect_err("still open").line, 2);
        assert_eq!(read_text("").expect_err("empty").line, 0);
    }

    #[test]
    fn gzip_cut_short_is_an_error() {
        use std::io::Write;
        let json = "{\"t\":1,\"p\":0,\"e\":\"invoke\",\"f\":\"read\",\"k\":\"a\"}\n";
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(json.as_bytes()).expect("a vector takes every byte");
        let packed = packed.finish().expect("a vector takes every byte");

        let whole = read(&packed[..], &ReadLimits::default()).expect("whole");
        assert_eq!(whole.history.operations().len(), 1);
        assert!(read(&packed[..packed.len() - 6], &ReadLimits::default()).is_err());
    }

    #[test]
    fn history_beyond_its_limits_is_refused() {
        let json = "{\"t\":1,\"p\":0,\"e\":\"invoke\",\"f\":\"read\",\"k\":\"a\"}\n\
                    {\"t\":1,\"p\":1,\"e\":\"invoke\",\"f\":\"read\",\"k\":\"a\"}\n";
        let few = ReadLimits { operations: 1, ..ReadLimits::default() };
        let short = ReadLimits { line_bytes: 20, ..ReadLimits::default() };

        assert_eq!(read(json.as_bytes(), &few).expect_err("too many").line, 2);
        assert_eq!(read(json.as_bytes(), &short).expect_err("too long").line, 1);
    }
}
