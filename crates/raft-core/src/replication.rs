//! A leader's log on its way to the others: what to send to whom, and what comes back.

use crate::contradiction::Contradiction;
use crate::entries::Entries;
use crate::event::Event;
use crate::ids::{EntryId, Index, NodeId};
use crate::message::{AppendEntries, AppendEntriesReply, AppendResult, Commit, Kind};
use crate::output::Output;
use crate::progress::{Pace, Progress, WindowLimits};
use crate::raft::Raft;
use crate::role::Role;
use crate::trace::Action;

impl Raft {
    /// Sends to everybody what there is and what may be sent.
    pub(crate) fn send_all(&mut self, out: &mut Output) {
        let Role::Leader(leader) = &self.role else { return };
        let peers: Vec<NodeId> = leader.peers.iter().map(|peer| peer.id).collect();
        for peer in peers {
            self.send_entries(peer, out);
        }
    }

    /// Sends appends to one peer until its window is full or nothing is left. A peer that is being probed gets
    /// one, also without entries: its answer says where the logs agree.
    pub(crate) fn send_entries(&mut self, to: NodeId, out: &mut Output) {
        while let Some(append) = self.next_append(to) {
            let (last, bytes) = (append.entries.last(), append.entries.bytes().len());
            let previous = append.previous.index;
            let commit = append.commit_index;
            self.trace(Action::AppendEntries, Some(to), out);
            self.send(to, Kind::AppendEntries(append), out);
            if let Some(peer) = self.peer_mut(to) {
                peer.sent(last.map_or(previous, |last| last.index), bytes);
                peer.told_commit = commit;
            }
        }
    }

    /// The next append for a peer, if one may be sent.
    fn next_append(&self, to: NodeId) -> Option<AppendEntries> {
        let (epoch, peer) = (self.link(to)?, self.peer(to)?);
        let room = peer.room(&self.window_limits())?;
        let entries = self.log.read(peer.next, room);
        let must_wait = entries.is_empty() && matches!(peer.pace, Pace::Replicate(_));
        // One entry may be above every limit; it goes once nothing else is on its way.
        if must_wait || (entries.bytes().len() > room && !peer.is_quiet()) {
            return None;
        }
        self.append_behind(peer, epoch, entries)
    }

    /// An append whose entries follow exactly the one it names. `None` if that one is in a snapshot: the peer
    /// is then too far behind for the log.
    fn append_behind(
        &self,
        peer: &Progress,
        epoch: crate::ids::Epoch,
        entries: Entries,
    ) -> Option<AppendEntries> {
        let index = peer.next.previous();
        let previous = EntryId::new(self.log.term_at(index)?, index);
        Some(AppendEntries { epoch, previous, commit_index: self.commit, entries })
    }

    /// Asks a peer that answers heartbeats and nothing else what it has: an append may have been lost, or all
    /// acks of a full window. Without entries: it may be its disk that is slow.
    pub(crate) fn ask_where_it_is(&mut self, to: NodeId, out: &mut Output) {
        let (Some(epoch), Some(peer)) = (self.link(to), self.peer(to)) else { return };
        if let Some(append) = self.append_behind(peer, epoch, Entries::empty()) {
            self.trace(Action::AppendEntries, Some(to), out);
            self.send(to, Kind::AppendEntries(append), out);
        }
    }

    /// Tells the commit index to those that no append has told.
    pub(crate) fn tell_commit(&mut self, out: &mut Output) {
        let commit_index = self.commit;
        let Role::Leader(leader) = &mut self.role else { return };
        leader.notice_at = None;
        let mut untold = Vec::new();
        for peer in leader.peers.iter_mut().filter(|peer| peer.told_commit < commit_index) {
            peer.told_commit = commit_index;
            untold.push(peer.id);
        }
        for to in untold {
            if let Some(epoch) = self.link(to) {
                self.send(to, Kind::Commit(Commit { epoch, commit_index }), out);
            }
        }
    }

    /// A connection is up: whatever was on its way on an old one may be lost, so the peer is probed anew.
    pub(crate) fn greet_as_leader(&mut self, to: NodeId, out: &mut Output) {
        let last = self.log.last().index;
        if let Some(peer) = self.peer_mut(to) {
            peer.reconnected(last);
            self.beat_one(to, Index::ZERO, out);
            self.send_entries(to, out);
        }
    }

    pub(crate) fn receive_append_reply(
        &mut self,
        from: NodeId,
        reply: AppendEntriesReply,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        let (epoch, now, last) = (self.link(from), self.now, self.log.last());
        let hint = match reply.result {
            AppendResult::Conflict { hint, .. } => self.log.last_not_above(hint).index,
            AppendResult::Matched(index) => index,
        };
        let Some(peer) = self.peer_mut(from).filter(|_| epoch == Some(reply.epoch)) else {
            self.trace(Action::DropStaleResponse, Some(from), out);
            return Ok(());
        };
        if hint > last.index {
            let why = "a peer acknowledges entries that this leader does not have";
            out.events.push(Event::MessageRefused { from, why });
            return Ok(());
        }
        peer.heard = now;
        peer.busy = reply.busy;
        let is_news = match reply.result {
            AppendResult::Matched(index) => peer.acknowledged(index),
            AppendResult::Conflict { rejected, .. } => {
                peer.conflicted(rejected.index, hint);
                false
            }
        };
        self.trace(Action::HandleAppendEntriesResponse, Some(from), out);
        if is_news {
            self.advance_commit(out)?;
        }
        self.send_entries(from, out);
        Ok(())
    }

    fn window_limits(&self) -> WindowLimits {
        WindowLimits {
            append_bytes_max: self.config.append_bytes_max,
            bytes_max: self.config.inflight_bytes_max,
            messages_max: self.config.inflight_messages_max,
        }
    }

    fn peer(&self, id: NodeId) -> Option<&Progress> {
        let Role::Leader(leader) = &self.role else { return None };
        leader.peer(id)
    }

    fn peer_mut(&mut self, id: NodeId) -> Option<&mut Progress> {
        let Role::Leader(leader) = &mut self.role else { return None };
        leader.peer_mut(id)
    }
}
