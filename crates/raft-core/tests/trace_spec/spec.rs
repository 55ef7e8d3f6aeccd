//! The actions of raft.tla as far as a trace shows them: for each node its term, role, vote, last entry and commit
//! index, and for each action when it may happen and what it may change. Whatever an action does not name stays
//! as it was.
//!
//! Two things are not in the lines and are followed here. A pre-candidate is a follower that asks: raft.tla knows
//! none. And what a leader takes is in its log from the next flush on, which has no line of its own, so its last
//! entry may grow by what it has taken with any line.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{RoleName, Status};

use super::line::Line;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Follower,
    Candidate,
    Leader,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    term: u64,
    role: Role,
    vote: Option<u64>,
    last: (u64, u64),
    commit: u64,
}

/// What a leader or candidate has besides.
#[derive(Clone, Debug, Default)]
struct Reign {
    /// Taken and not seen in the log yet.
    open: u64,
    /// The first entry of its own term.
    first: u64,
    /// Whose answers it has counted in its term.
    answered: BTreeSet<u64>,
}

/// All nodes, and what has ever been true of them.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    size: usize,
    nodes: BTreeMap<u64, Node>,
    reigns: BTreeMap<u64, Reign>,
    leaders: BTreeMap<u64, u64>,
    votes: BTreeSet<(u64, u64, u64)>,
    /// The longest log that a node has had in a term.
    held: BTreeMap<(u64, u64), u64>,
    /// The longest log it has ever had, or may have had.
    longest: BTreeMap<u64, u64>,
    /// The newest term that somebody has heard of from a node.
    told: BTreeMap<u64, u64>,
    committed: u64,
}

type Verdict = Result<(), String>;

fn rule(holds: bool, sentence: &str) -> Verdict {
    if holds { Ok(()) } else { Err(sentence.into()) }
}

impl Spec {
    /// A cluster of this many voters, none of which has started.
    pub(crate) fn of(size: usize) -> Self {
        Self {
            size,
            nodes: BTreeMap::new(),
            reigns: BTreeMap::new(),
            leaders: BTreeMap::new(),
            votes: BTreeSet::new(),
            held: BTreeMap::new(),
            longest: BTreeMap::new(),
            told: BTreeMap::new(),
            committed: 0,
        }
    }

    /// Takes one line, or says which rule it breaks.
    pub(crate) fn take(&mut self, line: &Line) -> Verdict {
        let after = Node::of(line)?;
        if line.action == "Restart" {
            self.restart(line.node, &after)?;
        } else {
            let before = self.nodes.get(&line.node).ok_or("a node acts before it has started")?;
            let before = self.flushed(line, before.clone(), &after)?;
            let allowed = self.act(line, &before, &after)?;
            let sentence =
                || format!("{} changes more than it may: {allowed:?} is {after:?}", line.action);
            rule(after == allowed, "").map_err(|_| sentence())?;
        }
        rule(after.commit <= after.last.1, "more is committed than the log holds")?;
        rule(after.last.0 <= after.term, "an entry is of a term that its holder has not seen")?;
        self.note(line.node, after);
        Ok(())
    }

    /// What of a node is not as its last line says, and cannot be explained by what has no line.
    pub(crate) fn differs(&self, id: u64, status: &Status) -> Option<&'static str> {
        let Some(node) = self.nodes.get(&id) else { return Some("it has no line at all") };
        let role = match status.role {
            RoleName::Candidate => Role::Candidate,
            RoleName::Leader => Role::Leader,
            RoleName::PreCandidate | RoleName::Follower => Role::Follower,
        };
        let asks_again = status.role == RoleName::PreCandidate && node.role == Role::Candidate;
        let last = (status.last.term.0, status.last.index.0);
        let shown = [
            ("its term", status.term.0 == node.term),
            ("its role", role == node.role || asks_again),
            ("its log", last == node.last || role == Role::Leader),
            ("its commit index", status.commit.0 == node.commit),
        ];
        shown.into_iter().find(|(_, is_same)| !is_same).map(|(what, _)| what)
    }

    fn note(&mut self, id: u64, node: Node) {
        if let Some(vote) = node.vote {
            self.votes.insert((id, node.term, vote));
        }
        let held = self.held.entry((id, node.term)).or_default();
        *held = (*held).max(node.last.1);
        let longest = self.longest.entry(id).or_default();
        *longest = (*longest).max(node.last.1);
        if node.role == Role::Follower {
            self.reigns.remove(&id);
        }
        self.nodes.insert(id, node);
    }

    /// The node with what it has flushed since its last line.
    fn flushed(&mut self, line: &Line, mut before: Node, after: &Node) -> Result<Node, String> {
        // Nobody may be there to be asked, and then no line says that a candidate asks again.
        if line.role == "pre-candidate" && before.role == Role::Candidate {
            before.role = Role::Follower;
        }
        let Some(reign) = self.reigns.get_mut(&line.node) else { return Ok(before) };
        if before.role == Role::Leader && after.last != before.last {
            let grown =
                after.last.1.checked_sub(before.last.1).filter(|grown| *grown <= reign.open);
            reign.open -= grown.ok_or("a leader's log changes other than by what it has taken")?;
            rule(after.last.0 == before.term, "a leader makes an entry of another term")?;
            before.last = after.last;
        }
        Ok(before)
    }

    /// When each action may happen, and what the node may be after it.
    fn act(&mut self, line: &Line, before: &Node, after: &Node) -> Result<Node, String> {
        let is =
            |role| rule(before.role == role, &format!("{} at a {:?}", line.action, before.role));
        let peer = || line.peer.ok_or_else(|| format!("{} names no peer", line.action));
        let mut next = before.clone();
        match line.action.as_str() {
            "Timeout" => {
                rule(before.role != Role::Leader, "Timeout at a Leader")?;
                self.reigns.insert(line.node, Reign::default());
                next = Node {
                    term: before.term + 1,
                    role: Role::Candidate,
                    vote: Some(line.node),
                    ..next
                };
            }
            "RequestVote" => is(Role::Candidate).and(peer().map(drop))?,
            "HandleRequestVoteRequest" => {
                let peer = peer()?;
                if after.vote != before.vote {
                    is(Role::Follower)?;
                    rule(before.vote.is_none(), "a vote changes within its term")?;
                    rule(after.vote == Some(peer), "a vote goes to somebody who did not ask")?;
                    next.vote = after.vote;
                }
            }
            "HandleRequestVoteResponse" => {
                is(Role::Candidate)?;
                let peer = peer()?;
                self.told.insert(peer, before.term.max(self.told.get(&peer).copied().unwrap_or(0)));
                self.reigns.entry(line.node).or_default().answered.insert(peer);
            }
            "BecomeLeader" => {
                is(Role::Candidate)?;
                self.become_leader(line.node, before)?;
                next.role = Role::Leader;
            }
            "ClientRequest" => {
                is(Role::Leader)?;
                self.reigns.entry(line.node).or_default().open += 1;
            }
            "AppendEntries" | "Heartbeat" => is(Role::Leader).and(peer().map(drop))?,
            "HandleAppendEntriesResponse" | "HandleHeartbeatResponse" => {
                is(Role::Leader).and(peer().map(drop))?;
            }
            "HandleAppendEntriesRequest" => {
                self.speaks_as_leader(line.node, peer()?, before)?;
                let leads = self.held.get(&(peer()?, before.term)).copied().unwrap_or(0);
                let open = self.reigns.get(&peer()?).map_or(0, |reign| reign.open);
                let is_known = after.last.1 <= leads.saturating_add(open).max(before.last.1);
                rule(is_known, "a follower has more than its leader")?;
                rule(after.last.1 >= before.commit, "a committed entry is cut off")?;
                next = Node { role: Role::Follower, last: after.last, ..next };
            }
            "HandleHeartbeatRequest" => {
                self.speaks_as_leader(line.node, peer()?, before)?;
                next.role = Role::Follower;
            }
            "AdvanceCommitIndex" => {
                is(Role::Leader)?;
                rule(after.commit > before.commit, "a commit that commits nothing")?;
                self.may_commit(line.node, before, after.commit)?;
                self.committed = self.committed.max(after.commit);
                next.commit = after.commit;
            }
            "FollowerAdvanceCommitIndex" => {
                rule(before.role != Role::Leader, "FollowerAdvanceCommitIndex at a Leader")?;
                rule(after.commit > before.commit, "a commit that commits nothing")?;
                rule(after.commit <= self.committed, "a follower commits what no leader has")?;
                next.commit = after.commit;
            }
            "UpdateTerm" => {
                rule(after.term > before.term, "UpdateTerm to a term that is not newer")?;
                let (term, vote, role) = (after.term, None, Role::Follower);
                next = Node { term, vote, role, ..next };
            }
            "StepDownToFollower" => next.role = Role::Follower,
            "CheckQuorum" => {
                is(Role::Leader)?;
                next.role = after.role;
                rule(after.role != Role::Candidate, "a leader that nobody answers campaigns")?;
            }
            "PreVote" | "HandlePreVoteResponse" => {
                rule(line.role == "pre-candidate", "only a pre-candidate asks for a pre-vote")?;
                is(Role::Follower).and(peer().map(drop))?;
            }
            "HandlePreVoteRequest" | "DropStaleResponse" => peer().map(drop)?,
            "PersistState" => {}
            other => return Err(format!("{other} belongs to a part that is not built yet")),
        }
        Ok(next)
    }

    /// Nothing that anybody was told is taken back, and nothing is there that was never written.
    fn restart(&mut self, id: u64, after: &Node) -> Verdict {
        rule(after.role == Role::Follower, "a node starts as something else than a follower")?;
        let told = self.told.get(&id).copied().unwrap_or(0);
        rule(after.term >= told, "a term is forgotten that somebody was told of")?;
        let Some(before) = self.nodes.get(&id) else {
            return rule(after.vote.is_none(), "a new node has voted");
        };
        rule(after.term <= before.term, "a restart makes a newer term")?;
        rule(after.commit <= before.commit, "a restart commits")?;
        let is_old = after.vote.is_none_or(|vote| self.votes.contains(&(id, after.term, vote)));
        rule(is_old, "a restart makes a vote")?;
        let longest = self.longest.get(&id).copied().unwrap_or(0);
        let open = self.reigns.remove(&id).map_or(0, |reign| reign.open);
        rule(after.last.1 <= longest + open, "a restart makes entries")
    }

    fn become_leader(&mut self, id: u64, before: &Node) -> Verdict {
        let reign = self.reigns.entry(id).or_default();
        let has_vote = |voter: &&u64| self.votes.contains(&(**voter, before.term, id));
        let granted = 1 + reign.answered.iter().filter(has_vote).count();
        rule(2 * granted > self.size, "a leader without the votes of a majority")?;
        rule(before.last.1 >= self.committed, "a leader without all that is committed")?;
        let leader = *self.leaders.entry(before.term).or_insert(id);
        rule(leader == id, "two leaders in one term")?;
        // Its first act is an entry of its own.
        (reign.open, reign.first) = (1, before.last.1 + 1);
        Ok(())
    }

    fn speaks_as_leader(&self, id: u64, peer: u64, before: &Node) -> Verdict {
        rule(before.role != Role::Leader, "a leader listens to a leader")?;
        rule(peer != id, "a node follows itself")?;
        let leader = self.leaders.get(&before.term);
        rule(leader == Some(&peer), "a follower listens to one that does not lead its term")
    }

    fn may_commit(&self, id: u64, before: &Node, commit: u64) -> Verdict {
        if commit <= self.committed {
            return Ok(());
        }
        let first = self.reigns.get(&id).map_or(u64::MAX, |reign| reign.first);
        rule(commit >= first, "a leader commits an entry of an earlier term by counting")?;
        let holds = |node: &&u64| {
            self.held.get(&(**node, before.term)).is_some_and(|held| *held >= commit)
                || (**node == id && before.last.1 >= commit)
        };
        let holders = self.nodes.keys().filter(holds).count();
        rule(2 * holders > self.size, "a leader commits what no majority holds")
    }
}

impl Node {
    fn of(line: &Line) -> Result<Self, String> {
        let role = match line.role.as_str() {
            "follower" | "pre-candidate" => Role::Follower,
            "candidate" => Role::Candidate,
            "leader" => Role::Leader,
            other => return Err(format!("no node is a {other}")),
        };
        let Line { term, vote, last, commit, .. } = *line;
        Ok(Self { term, role, vote, last, commit })
    }
}
