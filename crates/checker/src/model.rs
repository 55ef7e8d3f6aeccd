//! What an object does: the sequential specification that a history is held against.
//!
//! A model of your own is a type with a state and a step. A queue of one place, for example:
//!
//! ```
//! use checker::model::{Model, Timed};
//! use checker::history::Position;
//! use checker::limits::Limits;
//! use checker::check::{check_model, Verdict};
//!
//! #[derive(Clone, PartialEq, Eq, Hash)]
//! enum Call {
//!     Put(u8),
//!     Take(Option<u8>),
//! }
//!
//! struct Place;
//!
//! impl Model for Place {
//!     type Call = Call;
//!     type State = Option<u8>;
//!
//!     fn initial(&self) -> Option<u8> {
//!         None
//!     }
//!
//!     fn step(&self, state: &Option<u8>, call: &Call) -> Option<Option<u8>> {
//!         match call {
//!             Call::Put(value) => state.is_none().then_some(Some(*value)),
//!             Call::Take(answer) => (state == answer).then_some(None),
//!         }
//!     }
//! }
//!
//! let put = Timed { invoked: Position(0), returned: Position(1), call: Call::Put(7) };
//! let take = Timed { invoked: Position(2), returned: Position(3), call: Call::Take(Some(8)) };
//! assert_eq!(check_model(&Place, &[put, take], &Limits::default()).verdict, Verdict::Bad);
//! ```

use std::hash::Hash;

use crate::history::Position;

/// An object, as one client after another would see it.
pub trait Model {
    /// What is asked, with the answer where there is one. Without an answer any would do.
    type Call: Clone + Eq + Hash;
    /// All that later answers depend on.
    type State: Clone + Eq + Hash;

    /// The state before the first call.
    fn initial(&self) -> Self::State;

    /// The state after `call`, or `None` if in this state the object could not have answered so.
    /// Deterministic: one state and one call have one outcome.
    fn step(&self, state: &Self::State, call: &Self::Call) -> Option<Self::State>;

    /// Whether `call` changes no state. Such calls are done as soon as their answer fits.
    fn is_read_only(&self, _call: &Self::Call) -> bool {
        false
    }

    /// About how much memory `state` takes.
    fn state_bytes(&self, _state: &Self::State) -> usize {
        size_of::<Self::State>()
    }
}

/// A call with its place in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed<C> {
    /// When it was asked.
    pub invoked: Position,
    /// When it was answered; [`Position::NEVER`] if that never happened, and then it may never have
    /// been done either.
    pub returned: Position,
    /// What it was.
    pub call: C,
}

impl<C> Timed<C> {
    /// Whether it must have been done.
    pub fn is_known(&self) -> bool {
        self.returned != Position::NEVER
    }
}
