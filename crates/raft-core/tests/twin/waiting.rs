//! The reference's disk, and what it may not say yet: the plainest account of what a crash may leave.

use raft_core::{AppendEntriesReply, AppendResult, Epoch, Index, Kind, Message, Term};

use super::reference::{Item, Twin, Unit};

impl Twin {
    pub(super) fn finish(&mut self) {
        if self.ballot_changed || !self.new_entries.is_empty() {
            self.tokens += 1;
            let entries = std::mem::take(&mut self.new_entries);
            self.units.push(Unit { token: self.tokens, issued_ms: self.now_ms, entries });
        }
        if std::mem::take(&mut self.ballot_changed) {
            self.ballot_token = self.tokens;
        }
        for (to, rests_on, message) in std::mem::take(&mut self.held) {
            if rests_on <= self.returned {
                self.sent.push((to, message));
            } else {
                self.held.push((to, rests_on, message));
            }
        }
        self.acknowledge();
    }

    fn acknowledge(&mut self) {
        let durable = self.durable();
        let Some(following) = &mut self.following else { return };
        let ack = durable.min(following.matched);
        let is_all = ack == following.matched;
        if following.owed && (is_all || ack > following.acked) {
            following.acked = ack;
            following.owed = !is_all;
            let (to, epoch) = (following.id, following.epoch);
            self.answer(to, epoch, AppendResult::Matched(Index(ack)));
        }
    }

    /// What of the log is there after a crash, whatever the crash leaves of the units under way.
    fn durable(&self) -> u64 {
        let mut disk = self.disk.clone();
        let mut durable = self.agreement(&disk);
        for item in self.units.iter().flat_map(|unit| &unit.entries) {
            disk = with(&disk, std::slice::from_ref(item));
            durable = durable.min(self.agreement(&disk));
        }
        durable
    }

    fn agreement(&self, disk: &[Item]) -> u64 {
        self.log.iter().zip(disk).take_while(|(here, there)| here == there).count() as u64
    }

    pub(super) fn answer(&mut self, to: u64, epoch: Epoch, result: AppendResult) {
        let reply = AppendEntriesReply { epoch, result, busy: false };
        self.send(to, Kind::AppendEntriesReply(reply));
    }

    /// Says it now, or once term and vote are on disk. Of what waits, the newest of a kind says all.
    pub(super) fn send(&mut self, to: u64, kind: Kind) {
        if !self.links.iter().any(|(peer, link)| *peer == to && link.is_some()) {
            return;
        }
        let rests_on = if self.ballot_changed { self.tokens + 1 } else { self.ballot_token };
        let same = |held: &(u64, u64, Message)| {
            held.0 == to && std::mem::discriminant(&held.2.kind) == std::mem::discriminant(&kind)
        };
        let at = self.held.iter().position(same).filter(|_| rests_on > self.returned);
        at.map(|at| self.held.remove(at));
        let message = Message { term: Term(self.term), kind };
        if rests_on <= self.returned {
            self.sent.push((to, message));
        } else {
            self.held.push((to, rests_on, message));
        }
    }
}

/// A log on which these entries were written: the first replaces what stands there and behind.
pub(super) fn with(disk: &[Item], entries: &[Item]) -> Vec<Item> {
    let Some(first) = entries.first() else { return disk.to_vec() };
    let kept = disk.iter().filter(|item| item.id.index < first.id.index);
    kept.chain(entries).cloned().collect()
}
