//! Lines of a stream with their numbers, none longer than allowed.

use std::io::{BufRead, Read};

use super::ReadError;

/// A stream, line by line.
pub(super) struct Lines<R> {
    stream: R,
    bytes: Vec<u8>,
    bytes_max: usize,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(stream: R, bytes_max: usize) -> Self {
        Self { stream, bytes: Vec::new(), bytes_max, number: 0 }
    }

    /// The next line without its end, and its number.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>, ReadError> {
        self.bytes.clear();
        self.number += 1;
        let number = self.number;
        let fail = |message: String| ReadError::at(number, message);
        let room = self.bytes_max as u64 + 1;
        let mut limited = self.stream.by_ref().take(room);
        let count =
            limited.read_until(b'\n', &mut self.bytes).map_err(|error| fail(error.to_string()))?;
        if count == 0 {
            return Ok(None);
        }
        if self.bytes.len() > self.bytes_max {
            return Err(fail(format!("longer than {} bytes", self.bytes_max)));
        }
        let line = std::str::from_utf8(&self.bytes).map_err(|_| fail("not UTF-8".to_owned()))?;
        Ok(Some((number, line.trim_end_matches(['\n', '\r']))))
    }
}
