//! Reading bytes that may be anything: a cursor that answers with an error where bytes end early or say
//! what they may not. Nothing is allocated before its size has been held against what is left to read.

use std::fmt;

/// Why bytes from a peer or a disk are refused. They were produced elsewhere: the blame is never here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Written by a newer version of this program; an update here would read it.
    Version {
        /// The version the bytes name.
        found: u16,
        /// The newest version this build reads.
        known: u16,
    },
    /// Above a fixed limit, refused before anything was allocated.
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: u64,
        /// How large it may be.
        max: u64,
    },
    /// The bytes end before what they announce.
    Truncated,
    /// The bytes break a rule of the format, which the sentence names.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { found: 0, .. } => {
                f.write_str("the bytes name version 0, which never was")
            }
            Self::Version { found, known } => write!(
                f,
                "the bytes are of format version {found}, this build reads up to {known}; update it"
            ),
            Self::TooLarge { what, size, max } => {
                write!(f, "{what} is {size}, above the limit of {max}")
            }
            Self::Truncated => f.write_str("the bytes end before what they announce"),
            Self::Invalid(rule) => f.write_str(rule),
        }
    }
}

impl std::error::Error for DecodeError {}

/// A cursor over received bytes. Integers are little-endian and of fixed width.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count of items that take at least `item_bytes` each, held against `max` and against what is left.
    pub(crate) fn count(
        &mut self,
        what: &'static str,
        item_bytes: usize,
        max: usize,
    ) -> Result<usize, DecodeError> {
        let count = usize::from(self.u16()?);
        if count > max {
            return Err(DecodeError::TooLarge { what, size: count as u64, max: max as u64 });
        }
        if count.saturating_mul(item_bytes) > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(count)
    }

    /// Everything announced has been read; what follows would be a second truth.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Invalid("bytes are left over behind what was announced"))
        }
    }
}
