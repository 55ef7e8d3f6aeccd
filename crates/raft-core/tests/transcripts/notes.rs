//! The lines of a transcript as they come about: what happened to a node, and indented below it what the node
//! did; and what is left out when a command asks for less.

use std::collections::BTreeMap;

use raft_core::{Kind, NodeId};

/// Lines, and what is left out of them.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) lines: Vec<String>,
    /// What the next effects are effects of; told with the first of them, or at once.
    pub(super) cause: Option<String>,
    /// Messages and writes are left out.
    pub(super) is_brief: bool,
    /// Heartbeats and their answers are counted instead of told.
    pub(super) beats: Option<BTreeMap<(NodeId, NodeId), (u64, u64)>>,
}

impl Notes {
    /// What happens to a node. `is_told` is false for what is only worth telling if something comes of it.
    pub(super) fn cause(&mut self, words: String, is_told: bool) {
        self.cause = None;
        if self.is_brief {
        } else if is_told {
            self.lines.push(format!("  {words}"));
        } else {
            self.cause = Some(words);
        }
    }

    /// A message or a write.
    pub(super) fn effect(&mut self, words: String) {
        if !self.is_brief {
            self.story(words);
        }
    }

    /// What belongs to the story however briefly it is told.
    pub(super) fn story(&mut self, words: String) {
        if let Some(cause) = self.cause.take() {
            self.lines.push(format!("  {cause}"));
        }
        self.lines.push(format!("    {words}"));
    }

    pub(super) fn is_counted(&self, kind: &Kind) -> bool {
        self.beats.is_some() && matches!(kind, Kind::Heartbeat(_) | Kind::HeartbeatReply(_))
    }

    pub(super) fn beat(&mut self, leader: NodeId, peer: NodeId) {
        if let Some(beats) = &mut self.beats {
            beats.entry((leader, peer)).or_default().0 += 1;
        }
    }

    pub(super) fn beat_answered(&mut self, leader: NodeId, peer: NodeId) {
        if let Some(beats) = &mut self.beats {
            beats.entry((leader, peer)).or_default().1 += 1;
        }
    }
}
