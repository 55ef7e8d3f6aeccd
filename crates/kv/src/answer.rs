//! What a command has to say when it came to its end: text for stdout, complaints about parts of what it was
//! given, and the exit code. A command that could not begin is a [`Failure`] instead.

use crate::exit::Exit;
use crate::failure::Failure;

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For stdout, whole lines.
    pub text: String,
    /// For stderr: what could not be done, while the rest was.
    pub complaints: Vec<Failure>,
    /// What the shell is told.
    pub exit: Exit,
}

impl Answer {
    /// A result without complaints.
    pub fn new(text: String, exit: Exit) -> Self {
        Self { text, complaints: Vec::new(), exit }
    }
}

/// A result that is nothing but good.
impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::new(text, Exit::Ok)
    }
}
