//! Who waits for which entry, and that each is answered exactly once. A proposal is answered when its entry is
//! committed; when leadership is lost it waits a little longer, because its fate may still become known.

use std::collections::VecDeque;

use crate::ids::{EntryId, Index, Term, Time, Token};
use crate::outcome::{End, Outcome, Refused, Unknown};

/// The proposals of one node that have no outcome yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    /// Of the present leadership, in order of index.
    own: VecDeque<Proposal>,
    own_bytes: u64,
    /// Of an earlier leadership: in the log when it was lost.
    orphans: Vec<Proposal>,
    /// When orphans are given up.
    give_up_at: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Proposal {
    id: EntryId,
    token: Token,
    bytes: u64,
}

impl Waiting {
    /// Bytes of proposals of the present leadership that are not committed.
    pub(crate) fn own_bytes(&self) -> u64 {
        self.own_bytes
    }

    /// When orphans are given up.
    pub(crate) fn give_up_at(&self) -> Option<Time> {
        self.give_up_at
    }

    /// A leader has taken a proposal.
    pub(crate) fn add(&mut self, id: EntryId, token: Token, bytes: u64) {
        self.own.push_back(Proposal { id, token, bytes });
        self.own_bytes = self.own_bytes.saturating_add(bytes);
    }

    /// Everything up to `commit` is committed, and `term_at` says by whom.
    pub(crate) fn committed(
        &mut self,
        commit: Index,
        term_at: impl Fn(Index) -> Option<Term>,
        outcomes: &mut Vec<Outcome>,
    ) {
        while let Some(proposal) = self.own.pop_front_if(|proposal| proposal.id.index <= commit) {
            self.own_bytes = self.own_bytes.saturating_sub(proposal.bytes);
            outcomes.push(proposal.decided(&term_at));
        }
        if self.orphans.is_empty() {
            return;
        }
        let decided = self.orphans.extract_if(.., |proposal| proposal.id.index <= commit);
        outcomes.extend(decided.map(|proposal| proposal.decided(&term_at)));
        if self.orphans.is_empty() {
            self.give_up_at = None;
        }
    }

    /// Leadership is lost. What never left this node has no effect; the rest may still be decided until
    /// `give_up_at`.
    pub(crate) fn orphan(
        &mut self,
        last: Index,
        refused: &Refused,
        give_up_at: Time,
        outcomes: &mut Vec<Outcome>,
    ) {
        self.own_bytes = 0;
        for proposal in std::mem::take(&mut self.own) {
            if proposal.id.index > last {
                let end = End::Refused(refused.clone());
                outcomes.push(Outcome { token: proposal.token, end });
            } else {
                self.orphans.push(proposal);
                self.give_up_at = Some(give_up_at);
            }
        }
    }

    /// Orphans have waited long enough.
    pub(crate) fn expire(&mut self, outcomes: &mut Vec<Outcome>) {
        self.give_up_at = None;
        outcomes.extend(std::mem::take(&mut self.orphans).into_iter().map(|proposal| {
            let end = End::Unknown(Unknown::SteppedDown { term: proposal.id.term });
            Outcome { token: proposal.token, end }
        }));
    }

    /// Nobody here will learn any more what became of them.
    pub(crate) fn give_up(&mut self, why: Unknown, outcomes: &mut Vec<Outcome>) {
        self.own_bytes = 0;
        self.give_up_at = None;
        let all =
            std::mem::take(&mut self.own).into_iter().chain(std::mem::take(&mut self.orphans));
        outcomes
            .extend(all.map(|proposal| Outcome { token: proposal.token, end: End::Unknown(why) }));
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.own.len().saturating_add(self.orphans.len())
    }
}

impl Proposal {
    fn decided(&self, term_at: impl Fn(Index) -> Option<Term>) -> Outcome {
        let end = match term_at(self.id.index) {
            Some(term) if term == self.id.term => End::Committed(self.id),
            Some(term) => {
                End::Refused(Refused::Overwritten { by: EntryId::new(term, self.id.index) })
            }
            None => End::Unknown(Unknown::Covered { by: EntryId::ZERO }),
        };
        Outcome { token: self.token, end }
    }
}
