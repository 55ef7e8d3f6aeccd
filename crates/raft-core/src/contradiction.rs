//! What an invariant returns when it does not hold: a sentence, never a panic.

use std::borrow::Cow;
use std::fmt;

/// Two things that cannot both be true. Whoever meets one returns it; [`Raft::step`](crate::Raft::step)
/// then poisons the node: no votes, no acks, no writes from there on, while queries still work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction(Cow<'static, str>);

impl Contradiction {
    /// A contradiction described by a sentence that a person can act on.
    #[must_use]
    pub fn new(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Contradiction {}
