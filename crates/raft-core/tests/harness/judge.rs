//! Sees every node, every disk and every message, and holds them against what Raft promises: W01 to W12 of
//! the scenario list. Counts a vote when it is sent, not when it is decided: a vote lost before is none.

use std::collections::BTreeMap;

use raft_core::{
    AppendResult, End, Entries, EntryId, Envelope, Index, Kind, Membership, NodeId, Raft, RoleName,
    Term, Token,
};

use super::disk::{Disk, Stored};

/// The omniscient observer of one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judge {
    leaders: BTreeMap<Term, NodeId>,
    votes: BTreeMap<(NodeId, Term), NodeId>,
    /// Every entry ever written, and the hash of it with all before it.
    entries: BTreeMap<EntryId, u64>,
    /// What is committed, in order, the term of whoever said so first, and the hash.
    committed: BTreeMap<Index, (EntryId, Term, u64)>,
    asked: BTreeMap<Token, NodeId>,
    outcomes: BTreeMap<Token, End>,
    /// Where each node's commit index was when it was last looked at.
    seen_commit: BTreeMap<NodeId, Index>,
    led: BTreeMap<NodeId, Term>,
}

impl Judge {
    /// W01, W04: after a step of `node`.
    pub(crate) fn look(
        &mut self,
        node: NodeId,
        raft: &Raft,
        disks: &BTreeMap<NodeId, Disk>,
        membership: &Membership,
    ) {
        let written = &disks[&node].written;
        let term = raft.term();
        if raft.role() == RoleName::Leader && self.led.insert(node, term) != Some(term) {
            let other = self.leaders.insert(term, node).filter(|other| *other != node);
            assert_eq!(other, None, "W01 election safety: {node} also leads term {term}");
            self.leader_completeness(node, term, written);
        }
        let commit = raft.commit_index();
        let seen = self.seen_commit.insert(node, commit).unwrap_or_default();
        if commit > seen {
            let leads = raft.role() == RoleName::Leader;
            self.commit(node, seen, commit, term, leads, disks, membership);
        }
    }

    /// A node starts again: its commit index may begin lower.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.seen_commit.remove(&node);
        self.led.remove(&node);
    }

    // Only with what was committed in lower terms: a leader of an old term that wins late owes nothing to
    // later ones.
    fn leader_completeness(&self, node: NodeId, term: Term, written: &Stored) {
        for (index, (id, by, _)) in &self.committed {
            let is_held = written.holds(*id) || *index <= written.snapshot.last.index;
            assert!(
                *by >= term || is_held,
                "W04 leader completeness: {node} leads {term} without {id}"
            );
        }
    }

    #[expect(clippy::too_many_arguments, reason = "everything the judge sees of one commit")]
    fn commit(
        &mut self,
        node: NodeId,
        seen: Index,
        commit: Index,
        term: Term,
        leads: bool,
        disks: &BTreeMap<NodeId, Disk>,
        membership: &Membership,
    ) {
        let written = &disks[&node].written;
        for record in written.log.iter().filter(|it| it.id.index > seen && it.id.index <= commit) {
            let known =
                self.committed.entry(record.id.index).or_insert((record.id, term, record.chain));
            assert_eq!(
                (known.0, known.2),
                (record.id, record.chain),
                "W05 W07: {node} commits another entry at {}",
                record.id.index
            );
        }
        if leads {
            let holds = |id: &NodeId| {
                disks.get(id).is_some_and(|disk| {
                    disk.durable.last().index >= commit
                        && disk.durable.record(commit).map(|it| it.chain)
                            == written.record(commit).map(|it| it.chain)
                })
            };
            for half in
                [membership.old_voters().collect::<Vec<_>>(), membership.new_voters().collect()]
            {
                let count = half.iter().filter(|id| holds(id)).count();
                assert!(
                    count * 2 > half.len(),
                    "W06 committed on quorum: {node} commits {commit} on {count} of {}",
                    half.len()
                );
            }
        }
    }

    /// W03: what a node has just written.
    pub(crate) fn written(&mut self, node: NodeId, stored: &Stored, from: Index) {
        for record in stored.log.iter().filter(|record| record.id.index >= from) {
            let chain = *self.entries.entry(record.id).or_insert(record.chain);
            assert_eq!(chain, record.chain, "W03 log matching: {node} holds another {}", record.id);
        }
    }

    /// W07: a node is about to write over what it holds. Whatever of that is committed must come again.
    pub(crate) fn overwritten(&self, node: NodeId, before: &Stored, entries: &Entries) {
        let Some(from) = entries.first() else { return };
        for (id, _, _) in self.committed.range(from.index..).map(|(_, known)| known) {
            let comes_again = entries.iter().any(|entry| entry.id == *id);
            assert!(
                !before.holds(*id) || comes_again,
                "W07: {node} replaces {id}, which is committed"
            );
        }
    }

    /// W10: a message leaves. Whatever it says is on the sender's disk by now.
    pub(crate) fn sent(&mut self, from: NodeId, envelope: &Envelope, durable: &Stored) {
        let message = &envelope.message;
        assert_ne!(envelope.to, from, "R29: {from} sends to itself");
        assert_eq!(
            durable.ballot.term, message.term,
            "W10: {from} tells a term that is not durable"
        );
        match &message.kind {
            Kind::RequestVote(_) => {
                assert_eq!(
                    durable.ballot.vote,
                    Some(from),
                    "W10: {from} asks without its own vote"
                );
                self.vote(from, message.term, from);
            }
            Kind::RequestVoteReply(reply) if reply.refusal.is_none() => {
                assert_eq!(durable.ballot.vote, Some(envelope.to), "W10: a vote is not durable");
                self.vote(from, message.term, envelope.to);
            }
            Kind::AppendEntriesReply(reply) => {
                if let AppendResult::Matched(index) = reply.result {
                    assert!(
                        durable.last().index >= index,
                        "W10: {from} acknowledges {index} too early"
                    );
                }
            }
            _ => {}
        }
    }

    fn vote(&mut self, from: NodeId, term: Term, to: NodeId) {
        let cast = *self.votes.entry((from, term)).or_insert(to);
        assert_eq!(cast, to, "S2: {from} votes twice in term {term}");
    }

    pub(crate) fn asked(&mut self, token: Token, node: NodeId) {
        self.asked.insert(token, node);
    }

    /// W12: an answer arrives, once.
    pub(crate) fn answered(&mut self, token: Token, end: End) {
        if let End::Committed(id) = &end {
            let known = self.committed.get(&id.index).map(|(known, _, _)| *known);
            assert_eq!(known, Some(*id), "S9: {token:?} is answered and not committed");
        }
        let before = self.outcomes.insert(token, end);
        assert_eq!(before, None, "W12: {token:?} is answered twice");
    }

    pub(crate) fn outcome(&self, token: Token) -> Option<&End> {
        self.outcomes.get(&token)
    }

    /// Tokens asked of `node` that have no answer; a crash leaves them without one.
    pub(crate) fn unanswered(&self, node: NodeId) -> Vec<Token> {
        let open = self
            .asked
            .iter()
            .filter(|(token, at)| **at == node && !self.outcomes.contains_key(token));
        open.map(|(token, _)| *token).collect()
    }

    pub(crate) fn committed(&self) -> &BTreeMap<Index, (EntryId, Term, u64)> {
        &self.committed
    }

    pub(crate) fn leaders(&self) -> &BTreeMap<Term, NodeId> {
        &self.leaders
    }
}
