//! What a node does about what happens to it, and what can be seen of it: each thing a line.

use raft_core::{Apply, Input, NodeId, Output, RoleName, StepError, Time};

use super::stage::Stage;
use super::words;

impl Stage {
    pub(super) fn step(&mut self, id: NodeId, input: Input<'_>) {
        let mut out = Output::new();
        let actor = self.actors.get_mut(&id).expect("a known node");
        let Some(raft) = actor.raft.as_mut() else { return };
        let before = (raft.role(), raft.term(), raft.commit_index());
        match raft.step(Time(self.now), input, &mut out) {
            Ok(()) => {}
            Err(StepError::Stopped) => {
                self.notes.effect(format!("{id} has stopped, and does nothing"))
            }
            Err(error) => panic!("{id}: {error}"),
        }
        raft.check().unwrap_or_else(|what| panic!("{id}: {what}"));
        let after = (raft.role(), raft.term(), raft.commit_index());
        let is_told = out.events.iter().any(words::tells_role);
        if (before.0, before.1) != (after.0, after.1) && !is_told {
            self.notes.story(format!("{id} is {}", words::role(after.0, after.1)));
        }
        for words in out.events.iter().filter_map(words::event) {
            self.notes.story(format!("{id} {words}"));
        }
        // Whether a node may already say it is judged by what its disk held before this step.
        for envelope in &out.send {
            self.judge.sent(id, envelope, &self.disks[&id].durable);
        }
        self.write(id, &mut out);
        if before.2 != after.2 {
            let verb =
                if after.0 == RoleName::Leader { "commits" } else { "knows to be committed" };
            self.notes.story(format!("{id} {verb} everything up to {}", after.2));
        }
        let raft = self.actors[&id].raft.as_ref().expect("it has just taken a step");
        self.judge.look(id, raft, &self.disks, &self.membership);
        self.apply(id, out.apply);
        for outcome in out.outcomes {
            let (command, end) = (&self.requests[&outcome.token], &outcome.end);
            let words = format!("{id} answers \"{command}\": {}", words::answer(end));
            self.notes.story(words);
            self.judge.answered(outcome.token, outcome.end);
        }
        for envelope in out.send {
            let (to, message) = (envelope.to, &envelope.message);
            let lost = if self.network.is_cut(id, to) { " (lost)" } else { "" };
            let words = format!("{id} -> {to}: {}{lost}", words::message(message));
            if !self.notes.is_counted(&message.kind) {
                self.notes.effect(words);
            }
            if lost.is_empty() {
                let epoch = self.epoch(to, id);
                self.network.send(id, epoch, &envelope, 0, false);
            }
        }
    }

    fn write(&mut self, id: NodeId, out: &mut Output) {
        let disk = self.disks.get_mut(&id).expect("a known node");
        for write in out.write.drain(..) {
            let words = words::write(&write);
            self.notes.effect(format!("{id} begins write {}: {words}", write.token.0));
            let from = write.entries.first().map(|first| first.index);
            disk.submit(write);
            if let Some(from) = from {
                self.judge.written(id, &disk.written, from);
            }
        }
    }

    fn apply(&mut self, id: NodeId, applies: Vec<Apply>) {
        for apply in applies {
            let Apply::Entries(run) = apply else { continue };
            self.notes.story(format!("{id} applies {}", words::entries(&run)));
            let upto = run.last().expect("never an empty run").index;
            self.step(id, Input::Applied { upto, bytes: run.bytes().len() as u64 });
        }
    }

    // --- what can be looked at ---

    /// One line for each node.
    pub(crate) fn status(&mut self) {
        for id in self.ids() {
            let stored = &self.disks[&id].durable;
            let words = self.raft(id).map_or_else(
                || {
                    format!(
                        "down; on its disk are term {} and a log up to {}",
                        stored.ballot.term,
                        stored.last()
                    )
                },
                |raft| {
                    let status = raft.status();
                    format!(
                        "{}; {}, durable up to {}, committed up to {}",
                        words::role(status.role, status.term),
                        words::log_end("its", status.last),
                        status.durable,
                        status.commit
                    )
                },
            );
            self.notes.story(format!("{id} is {words}"));
        }
    }

    /// The log of each node.
    pub(crate) fn log(&mut self) {
        for id in self.ids() {
            let words = words::log(&self.disks[&id].written.log);
            self.notes.story(format!("{id} holds {words}"));
        }
    }

    /// How long each node would still wait for a leader.
    pub(crate) fn timers(&mut self) {
        for id in self.ids() {
            let Some(raft) = self.raft(id).filter(|raft| raft.role() != RoleName::Leader) else {
                continue;
            };
            let left_ms = raft.deadline().0.saturating_sub(self.now) / 1_000;
            let words = match left_ms {
                0..200 => "waits for less than 200 ms more",
                200..600 => "waits for 200 ms to 600 ms more",
                _ => "waits for more than 600 ms",
            };
            self.notes.story(format!("{id} {words}"));
        }
    }
}
