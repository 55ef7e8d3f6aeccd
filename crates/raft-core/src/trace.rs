//! Transitions by the names they have in the public TLA+ specifications of Raft, so that a run can be held
//! against them. `docs/testing.md` fixes the list. Costs one comparison where nobody listens.

use std::fmt;

use crate::ids::{EntryId, Index, NodeId, Term};
use crate::output::Output;
use crate::raft::Raft;
use crate::role::Role;
use crate::status::RoleName;

/// A transition's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "docs/testing.md says of each when it happens, and is the contract"
)]
pub enum Action {
    Restart,
    Timeout,
    RequestVote,
    HandleRequestVoteRequest,
    HandleRequestVoteResponse,
    BecomeLeader,
    ClientRequest,
    AppendEntries,
    HandleAppendEntriesRequest,
    HandleAppendEntriesResponse,
    AdvanceCommitIndex,
    UpdateTerm,
    DropStaleResponse,
    Heartbeat,
    SendSnapshot,
    StepDownToFollower,
    PersistState,
    ApplyConfChange,
    AddNewServer,
    AddLearner,
    DeleteServer,
    ChangeConfiguration,
    CheckQuorum,
    RcvProposeVoteRequest,
    PreVote,
    HandlePreVoteRequest,
    HandlePreVoteResponse,
    HandleHeartbeatRequest,
    HandleHeartbeatResponse,
    FollowerAdvanceCommitIndex,
    InstallSnapshot,
    CompactLog,
    ReadIndex,
    Poison,
}

/// One transition, and the node right after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What happened.
    pub action: Action,
    /// The node it happened to.
    pub node: NodeId,
    /// The peer concerned, if one is.
    pub peer: Option<NodeId>,
    /// The node's term.
    pub term: Term,
    /// Its role.
    pub role: RoleName,
    /// Its vote.
    pub vote: Option<NodeId>,
    /// The last entry of its log.
    pub last: EntryId,
    /// Its commit index.
    pub commit: Index,
}

impl Raft {
    pub(crate) fn trace(&self, action: Action, peer: Option<NodeId>, out: &mut Output) {
        let Some(trace) = &mut out.trace else { return };
        trace.push(Trace {
            action,
            node: self.config.id,
            peer,
            term: self.ballot.term,
            role: self.role_name(),
            vote: self.ballot.vote,
            last: self.log.last(),
            commit: self.commit,
        });
    }

    pub(crate) fn role_name(&self) -> RoleName {
        match &self.role {
            Role::Follower(_) => RoleName::Follower,
            Role::PreCandidate(_) => RoleName::PreCandidate,
            Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }
}

/// One line of JSON.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, node, peer, term, role, vote, last, commit } = self;
        write!(f, "{{\"action\":\"{action:?}\",\"node\":{},\"peer\":", node.0)?;
        optional(*peer, f)?;
        write!(f, ",\"term\":{term},\"role\":\"{role}\",\"vote\":")?;
        optional(*vote, f)?;
        write!(
            f,
            ",\"last_index\":{},\"last_term\":{},\"commit\":{commit}}}",
            last.index, last.term
        )
    }
}

fn optional(id: Option<NodeId>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match id {
        Some(id) => write!(f, "{}", id.0),
        None => f.write_str("null"),
    }
}
