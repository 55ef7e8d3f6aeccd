//! Messages on their way, as bytes. A link may be cut in one direction; a connection that breaks loses what
//! was on it. In adversarial mode every message may be lost, doubled or overtaken.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft_core::{Envelope, Epoch, Message, NodeId};

/// One message under way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    /// The receiver's number for the connection it was sent on.
    pub(crate) epoch: Epoch,
    pub(crate) bytes: Bytes,
}

impl Flight {
    pub(crate) fn message(&self) -> Message {
        Message::decode(&self.bytes).expect("what a node sends can be read")
    }
}

/// All links.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    /// By time of arrival, then by order of sending.
    flights: BTreeMap<(u64, u64), Flight>,
    sequence: u64,
    cut: BTreeSet<(NodeId, NodeId)>,
    /// When the last message of a direction arrives, so that none overtakes it.
    arrival: BTreeMap<(NodeId, NodeId), u64>,
}

impl Network {
    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.cut.contains(&(from, to))
    }

    /// Nothing sent from here on arrives in this direction.
    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    pub(crate) fn mend(&mut self, from: NodeId, to: NodeId) {
        self.cut.remove(&(from, to));
    }

    /// Puts a message on its way; in order with those before it unless `overtakes`.
    pub(crate) fn send(
        &mut self,
        from: NodeId,
        epoch: Epoch,
        envelope: &Envelope,
        due: u64,
        overtakes: bool,
    ) {
        let mut bytes = Vec::new();
        let tail = envelope.message.encode(&mut bytes).expect("what a node sends can be written");
        bytes.extend_from_slice(&tail);
        let flight = Flight { from, to: envelope.to, epoch, bytes: bytes.into() };
        self.put(flight, due, overtakes);
    }

    pub(crate) fn put(&mut self, flight: Flight, due: u64, overtakes: bool) {
        let arrival = self.arrival.entry((flight.from, flight.to)).or_default();
        let due = if overtakes { due } else { due.max(*arrival) };
        *arrival = due.max(*arrival);
        self.sequence += 1;
        self.flights.insert((due, self.sequence), flight);
    }

    pub(crate) fn next_due(&self) -> Option<u64> {
        self.flights.keys().next().map(|(due, _)| *due)
    }

    /// The next message that has arrived by `now`.
    pub(crate) fn arrived(&mut self, now: u64) -> Option<Flight> {
        let entry = self.flights.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Everything between these two is lost.
    pub(crate) fn lose_between(&mut self, a: NodeId, b: NodeId) {
        let between = |flight: &Flight| {
            (flight.from == a && flight.to == b) || (flight.from == b && flight.to == a)
        };
        self.flights.retain(|_, flight| !between(flight));
    }

    pub(crate) fn flights(&self) -> impl Iterator<Item = &Flight> {
        self.flights.values()
    }

    /// Takes every message out, in order of arrival.
    pub(crate) fn take_all(&mut self) -> Vec<Flight> {
        std::mem::take(&mut self.flights).into_values().collect()
    }

    /// Drops every message for which this holds.
    pub(crate) fn lose(&mut self, lost: impl Fn(&Flight) -> bool) {
        self.flights.retain(|_, flight| !lost(flight));
    }
}
