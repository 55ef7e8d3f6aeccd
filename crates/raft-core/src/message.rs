//! What peers say to each other, in the paper's words. A message carries its sender's term; who sent it is
//! proven by the connection it came on, so it does not name its sender.
//!
//! Every kind has rules that hold whatever the sender's state, and [`Message::check`] is all of them. The
//! codec and [`Raft::step`](crate::Raft::step) both call it, so nonsense stops at either door.

use serde::{Deserialize, Serialize};

use crate::entries::Entries;
use crate::event::VoteRefusal;
use crate::ids::{EntryId, Epoch, Index, Round, Term};
use crate::snapshot::{SnapshotId, SnapshotMeta};

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's own term. A receiver with an older one adopts it first, except from a pre-vote and from
    /// an answer that grants one: those change nobody's term.
    pub term: Term,
    /// What it says.
    pub kind: Kind,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Would you vote for me in the next term?
    RequestPreVote(RequestPreVote),
    /// The answer; a refusal teaches the refuser's term.
    RequestPreVoteReply(RequestPreVoteReply),
    /// Vote for me in this term.
    RequestVote(RequestVote),
    /// The answer, sent once the vote is durable.
    RequestVoteReply(RequestVoteReply),
    /// Entries that follow one you should have.
    AppendEntries(AppendEntries),
    /// How far you and I agree, or where we do not.
    AppendEntriesReply(AppendEntriesReply),
    /// I lead; this much is committed; do you still follow?
    Heartbeat(Heartbeat),
    /// I do.
    HeartbeatReply(HeartbeatReply),
    /// This much is committed. Needs no answer.
    Commit(Commit),
    /// You are too far behind: a snapshot follows on a stream of its own.
    InstallSnapshot(InstallSnapshot),
    /// How much of it is staged, or that it is installed.
    InstallSnapshotReply(InstallSnapshotReply),
    /// Campaign at once: leadership is yours to take.
    TimeoutNow(TimeoutNow),
    /// A follower asks from which index on a read of its own is linearizable.
    ReadIndex(ReadIndex),
    /// The answer, after a round that confirmed the leader.
    ReadIndexReply(ReadIndexReply),
}

/// A question that changes nothing: neither side's term nor vote. The message's term is the asker's present
/// one; the election in question would be in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPreVote {
    /// Answers to another round are not counted.
    pub round: Round,
    /// The asker's last entry.
    pub last: EntryId,
    /// The asker's last committed entry. A receiver that holds the same entry may take it as committed.
    pub commit: EntryId,
    /// Between equal logs the higher priority goes first.
    pub priority: u8,
}

/// The answer to a [`RequestPreVote`]. The message's term is the answerer's own; the asker takes over a newer
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPreVoteReply {
    /// The round that was asked in.
    pub round: Round,
    /// Why a vote in the next term would be refused as things stand; `None` if it would be granted.
    pub refusal: Option<VoteRefusal>,
    /// The answerer's last committed entry, as in [`RequestPreVote::commit`].
    pub commit: EntryId,
}

/// A candidate asks for a vote in the message's term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate's last entry.
    pub last: EntryId,
    /// The candidate's last committed entry. A receiver that holds the same entry may take it as
    /// committed.
    pub commit: EntryId,
    /// The leader itself asked for this election, so voters do not hold on to it.
    pub transfer: bool,
    /// Between equal logs the higher priority goes first.
    pub priority: u8,
}

/// The answer to a [`RequestVote`] of the message's term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// Why the vote was refused; `None` if it was given, and is durable by now.
    pub refusal: Option<VoteRefusal>,
    /// The voter's last committed entry, as in [`RequestVote::commit`].
    pub commit: EntryId,
}

/// Entries for a follower's log. Without entries it only carries the commit index, or asks whether
/// `previous` matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendEntries {
    /// The sender's count of its connections with this peer; the answer echoes it.
    pub epoch: Epoch,
    /// The entry right before the first one sent.
    pub previous: EntryId,
    /// How far the leader has committed. It binds a follower only as far as it is proven to match.
    pub commit_index: Index,
    /// What follows `previous`.
    pub entries: Entries,
}

/// The answer to an [`AppendEntries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntriesReply {
    /// The epoch of the append.
    pub epoch: Epoch,
    /// Whether the logs agree.
    pub result: AppendResult,
    /// The follower's memory or disk cannot keep up; the leader should take fewer proposals.
    pub busy: bool,
}

/// Whether a follower's log agrees with an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendResult {
    /// Up to here the logs agree and the follower's is durable.
    Matched(Index),
    /// The follower does not hold `rejected`. `hint` is the last entry it does hold whose index and term
    /// are not above it, so that a leader skips a whole term at a time.
    Conflict {
        /// The `previous` that did not match.
        rejected: EntryId,
        /// Where agreement may be sought next.
        hint: EntryId,
    },
}

/// Sent to every member at a fixed interval, on a stream that log entries cannot hold up. It proves nothing
/// about the log, and its answer never counts towards a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The sender's count of its connections with this peer; the answer echoes it.
    pub epoch: Epoch,
    /// The round this heartbeat belongs to; reads and leases count the answers to it.
    pub round: Round,
    /// The smaller of what is committed and what this peer is known to hold.
    pub commit_index: Index,
    /// How long the leader means to count on the answer for reads from its lease; zero if it does not.
    pub lease_ms: u64,
}

/// The answer to a [`Heartbeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatReply {
    /// The epoch of the heartbeat.
    pub epoch: Epoch,
    /// The round of the heartbeat.
    pub round: Round,
    /// This node will help nobody else to be elected for as long as the heartbeat asked, also not after a
    /// restart. Only such answers count towards a lease.
    pub promised: bool,
    /// As in [`AppendEntriesReply::busy`].
    pub busy: bool,
}

/// Tells a commit that no append has carried within a moment. Nobody answers it; if it is lost, the next
/// heartbeat or append tells the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The sender's count of its connections with this peer.
    pub epoch: Epoch,
    /// How far the leader has committed. It binds a follower only as far as it is proven to match.
    pub commit_index: Index,
}

/// Opens the transfer of a snapshot. The bytes from `offset` on follow on a stream of their own; how much of
/// them is staged comes back in replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallSnapshot {
    /// The sender's count of its connections with this peer; answers echo it.
    pub epoch: Epoch,
    /// What the snapshot stands for.
    pub meta: SnapshotMeta,
    /// The size of the whole.
    pub bytes: u64,
    /// Where the stream begins.
    pub offset: u64,
}

/// The answer to an [`InstallSnapshot`] or to the bytes that followed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshotReply {
    /// The epoch of the transfer.
    pub epoch: Epoch,
    /// The last entry of the snapshot in question.
    pub last: EntryId,
    /// What has become of it.
    pub result: InstallResult,
}

/// What has become of a snapshot at its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstallResult {
    /// This many bytes are staged; a transfer goes on from here. Zero: from the beginning.
    Staged(u64),
    /// The receiver holds everything up to this index, from this snapshot or from elsewhere.
    Installed(Index),
}

/// The leader hands over: its target campaigns at once, without a pre-vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeoutNow {
    /// The leader's last entry. A target that does not hold it durably refuses.
    pub last: EntryId,
}

/// Asks the leader for a read index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadIndex {
    /// The asker's number for the question.
    pub read: Round,
}

/// The answer to a [`ReadIndex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadIndexReply {
    /// The asker's number for the question.
    pub read: Round,
    /// A read that has applied this far is linearizable; `None` if the asked one does not lead.
    pub index: Option<Index>,
}

/// Why a message cannot have been sent by a correct node in any state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonsense(pub &'static str);

impl Message {
    /// Holds the message against the rules of its kind.
    ///
    /// # Errors
    /// The rule it breaks, as a sentence.
    pub fn check(&self) -> Result<(), Nonsense> {
        if self.term > Term::MAX {
            return Err(Nonsense("a message carries a term behind which no election could follow"));
        }
        match &self.kind {
            Kind::RequestPreVote(ask) => {
                check_candidate(ask.last, self.term)?;
                check_commit(ask.commit, ask.last)
            }
            Kind::RequestPreVoteReply(reply) => {
                check_candidate(reply.commit, self.term)?;
                check_refusal(reply.refusal)
            }
            Kind::RequestVote(ask) => {
                self.check_term()?;
                check_commit(ask.commit, ask.last)?;
                if ask.last.term >= self.term {
                    return Err(Nonsense("a candidate's log is not older than its term"));
                }
                check_candidate(ask.last, self.term)
            }
            Kind::RequestVoteReply(reply) => {
                self.check_term()?;
                check_candidate(reply.commit, self.term)?;
                check_refusal(reply.refusal)
            }
            Kind::AppendEntries(append) => {
                self.check_term()?;
                append.check(self.term)
            }
            Kind::AppendEntriesReply(reply) => {
                self.check_term()?;
                reply.result.check()
            }
            Kind::Heartbeat(beat) => {
                self.check_term()?;
                check_index(beat.commit_index)
            }
            Kind::HeartbeatReply(_) | Kind::ReadIndex(_) => self.check_term(),
            Kind::Commit(notice) => {
                self.check_term()?;
                check_index(notice.commit_index)
            }
            Kind::InstallSnapshot(install) => {
                self.check_term()?;
                install.check(self.term)
            }
            Kind::InstallSnapshotReply(reply) => {
                self.check_term()?;
                check_id(reply.last)?;
                match reply.result {
                    InstallResult::Staged(_) => Ok(()),
                    InstallResult::Installed(index) => check_index(index),
                }
            }
            Kind::TimeoutNow(now) => {
                self.check_term()?;
                check_candidate(now.last, self.term)
            }
            Kind::ReadIndexReply(reply) => {
                self.check_term()?;
                reply.index.map_or(Ok(()), check_index)
            }
        }
    }

    fn check_term(&self) -> Result<(), Nonsense> {
        if self.term == Term(0) {
            return Err(Nonsense("a message of term 0 speaks of an election that never was"));
        }
        Ok(())
    }
}

impl AppendEntries {
    fn check(&self, term: Term) -> Result<(), Nonsense> {
        check_id(self.previous)?;
        check_index(self.commit_index)?;
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return check_candidate(self.previous, term);
        };
        if self.previous.index.next() != Some(first.index) {
            return Err(Nonsense("the entries of an append do not follow its previous entry"));
        }
        if first.term < self.previous.term {
            return Err(Nonsense("the entries of an append are older than its previous entry"));
        }
        check_candidate(last, term)
    }
}

impl AppendResult {
    fn check(self) -> Result<(), Nonsense> {
        match self {
            Self::Matched(index) => check_index(index),
            Self::Conflict { rejected, hint } => {
                check_id(rejected)?;
                check_id(hint)?;
                if hint.index > rejected.index || hint.term > rejected.term {
                    return Err(Nonsense("a conflict's hint lies above what was rejected"));
                }
                Ok(())
            }
        }
    }
}

impl InstallSnapshot {
    /// What names the snapshot's bytes.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        SnapshotId { last: self.meta.last, bytes: self.bytes }
    }

    fn check(&self, term: Term) -> Result<(), Nonsense> {
        check_candidate(self.meta.last, term)?;
        if self.meta.last == EntryId::ZERO {
            return Err(Nonsense("a snapshot of nothing is never sent"));
        }
        if self.meta.membership.members().is_empty() {
            return Err(Nonsense("a snapshot leaves the cluster without members"));
        }
        if self.meta.membership_index > self.meta.last.index {
            return Err(Nonsense("a snapshot's membership stands behind its last entry"));
        }
        if self.offset > self.bytes {
            return Err(Nonsense("a snapshot's stream begins behind its end"));
        }
        Ok(())
    }
}

// Entry 0 is the one before the first, and it alone has term 0.
fn check_id(id: EntryId) -> Result<(), Nonsense> {
    check_index(id.index)?;
    if (id.index == Index::ZERO) != (id.term == Term(0)) {
        return Err(Nonsense("a message names an entry that no log can hold"));
    }
    Ok(())
}

// What is committed at a candidate is in its log.
fn check_commit(commit: EntryId, last: EntryId) -> Result<(), Nonsense> {
    check_id(commit)?;
    if commit.index > last.index || commit.term > last.term {
        return Err(Nonsense("a candidate has committed more than its log holds"));
    }
    Ok(())
}

fn check_refusal(refusal: Option<VoteRefusal>) -> Result<(), Nonsense> {
    let Some(VoteRefusal::OldLog { theirs, ours }) = refusal else { return Ok(()) };
    check_id(theirs)?;
    check_id(ours)
}

// Nobody holds an entry of a later term than its own.
fn check_candidate(last: EntryId, term: Term) -> Result<(), Nonsense> {
    check_id(last)?;
    if last.term > term {
        return Err(Nonsense("a message names an entry of a later term than the sender's"));
    }
    Ok(())
}

fn check_index(index: Index) -> Result<(), Nonsense> {
    if index > Index::MAX {
        return Err(Nonsense("a message names a position that no entry can have"));
    }
    Ok(())
}
