//! Theme F, a peer that must wait: what it is sent meanwhile, which is next to nothing, and what makes it go
//! on: an ack, the answer to a heartbeat, a new connection.

mod harness;

use harness::solo::{Solo, conflict, heartbeat_reply, matched};
use harness::{HEARTBEAT_MS, id, node, voters};
use raft_core::{
    AppendEntries, Config, Epoch, HeartbeatReply, Input, Kind, Loaded, PeerState, PeerStatus, Round,
};

/// Entries of the tests are this long, header included.
const ENTRY_BYTES: usize = 100;

/// A settled leader of three whose appends hold one entry each.
fn leader(configure: impl FnOnce(&mut Config)) -> Solo {
    let mut solo = Solo::open(Loaded::genesis(voters(3)), |config| {
        config.append_bytes_max = ENTRY_BYTES;
        configure(config);
    });
    solo.lead_and_settle();
    solo
}

/// Proposals that leave one by one.
fn propose(solo: &mut Solo, count: usize) {
    for _ in 0..count {
        solo.propose_bytes(&[7; ENTRY_BYTES - 32]);
        solo.flush();
    }
}

fn peer(solo: &Solo, id: u64) -> PeerStatus {
    solo.status().peers.into_iter().find(|peer| peer.id.0 == id).expect("a member")
}

/// First and last index of the entries in each append.
fn spans(appends: &[AppendEntries]) -> Vec<(u64, u64)> {
    let span = |it: &AppendEntries| {
        let first = it.entries.first().map_or(it.previous.index.0 + 1, |first| first.index.0);
        (first, it.entries.last().map_or(first - 1, |last| last.index.0))
    };
    appends.iter().map(span).collect()
}

/// A heartbeat interval passes; n3 answers everything, n2 only the heartbeat. What n2 was sent by then, and
/// what it was sent because it answered.
fn interval(solo: &mut Solo) -> (Vec<AppendEntries>, Vec<AppendEntries>) {
    solo.pass(HEARTBEAT_MS);
    let (mut before, mut round) = (Vec::new(), None);
    for (to, message) in solo.sent() {
        match message.kind {
            Kind::AppendEntries(append) if to == node(2) => before.push(append),
            Kind::Heartbeat(beat) => round = Some(beat.round.0),
            _ => {}
        }
    }
    let (term, round) = (solo.term(), round.expect("one heartbeat an interval"));
    solo.receive(3, term, heartbeat_reply(round));
    solo.sent();
    solo.receive(2, term, heartbeat_reply(round));
    (before, solo.appends_to(2))
}

#[test]
fn f05_full_window_heartbeat_unblocks() {
    let full = || {
        let mut solo = leader(|config| config.inflight_messages_max = 4);
        propose(&mut solo, 10);
        assert_eq!(spans(&solo.appends_to(2)), [(2, 2), (3, 3), (4, 4), (5, 5)]);
        solo
    };
    let asked = |solo: &mut Solo| {
        for _ in 0..2 {
            let (before, after) = interval(solo);
            assert_eq!(before, [], "a full window sends nothing by itself");
            if !after.is_empty() {
                return after;
            }
        }
        panic!("two heartbeats were answered, and n2 is not asked where it is");
    };
    // All acks were lost: one append asks, it is answered, and the rest follows.
    let mut solo = full();
    let question = asked(&mut solo);
    assert_eq!(question.len(), 1);
    assert_eq!((question[0].previous, question[0].entries.is_empty()), (id(1, 5), true));
    solo.ack(2, 5);
    assert_eq!(spans(&solo.appends_to(2)), [(6, 6), (7, 7), (8, 8), (9, 9)]);
    // All appends were lost: they are sent again.
    let mut solo = full();
    let question = asked(&mut solo);
    solo.receive(2, 1, conflict(1, question[0].previous, id(1, 1)));
    assert_eq!(spans(&solo.appends_to(2)), [(2, 2)]);
    solo.ack(2, 2);
    assert_eq!(spans(&solo.appends_to(2)), [(3, 3), (4, 4), (5, 5), (6, 6)]);
}

#[test]
fn f06_unreachable_report_to_probe() {
    let mut solo = leader(|_| {});
    propose(&mut solo, 9);
    solo.ack(2, 4);
    solo.sent();
    solo.step(Input::PeerDown { peer: node(2), epoch: Epoch(1) });
    assert!(!peer(&solo, 2).connected);
    propose(&mut solo, 3);
    solo.pass(2 * HEARTBEAT_MS);
    assert_eq!(solo.sent_to(2), [], "nothing is sent where nobody hears");

    solo.connect(2, 2);
    let now = peer(&solo, 2);
    assert_eq!((now.state, now.inflight_bytes, now.connected), (PeerState::Probe, 0, true));
    // What the peer holds may be anything by now, so the question is about the whole log.
    let probe = solo.appends_to(2);
    assert_eq!(probe.len(), 1);
    assert_eq!((probe[0].previous, probe[0].entries.is_empty()), (id(1, 13), true));
    propose(&mut solo, 3);
    assert_eq!(solo.appends_to(2), [], "one at a time");
    // It has kept what it acknowledged and lost the rest.
    solo.receive_on(2, 2, 1, conflict(2, id(1, 13), id(1, 4)));
    assert_eq!(spans(&solo.appends_to(2)), [(5, 5)]);
    solo.receive_on(2, 2, 1, matched(2, 5));
    assert_eq!(peer(&solo, 2).state, PeerState::Replicate);
    assert_eq!(spans(&solo.appends_to(2)).last(), Some(&(16, 16)));
}

#[test]
fn f07_heartbeat_resp_restores_pipeline() {
    let mut solo = leader(|_| {});
    propose(&mut solo, 3);
    solo.sync();
    solo.ack(3, 4);
    solo.connect(2, 2);
    solo.sent();
    assert_eq!(peer(&solo, 2).state, PeerState::Probe, "and the probe is lost on the way");
    solo.pass(HEARTBEAT_MS);
    assert_eq!(solo.appends_to(2), [], "nothing is asked of a silent peer");
    let reply = |round| {
        let (epoch, round) = (Epoch(2), Round(round));
        Kind::HeartbeatReply(HeartbeatReply { epoch, round, promised: false, busy: false })
    };
    // The answer to the first heartbeat may have overtaken that to the probe; the second cannot have.
    solo.receive_on(2, 2, 1, reply(8));
    assert_eq!(solo.appends_to(2), []);
    solo.receive_on(2, 2, 1, reply(9));
    let question = solo.appends_to(2);
    assert_eq!(question.len(), 1);
    assert_eq!((question[0].previous, question[0].entries.is_empty()), (id(1, 4), true));
    solo.receive_on(2, 2, 1, matched(2, 4));
    assert_eq!(peer(&solo, 2).state, PeerState::Replicate);
    propose(&mut solo, 2);
    assert_eq!(spans(&solo.appends_to(2)), [(5, 5), (6, 6)], "streaming again");
}

#[test]
fn f08_paused_peer_not_spammed() {
    // A peer that is being probed, and one whose window is full.
    let probed = |solo: &mut Solo| solo.connect(2, 2);
    let full = |solo: &mut Solo| propose(solo, 20);
    for (epoch, pause) in [(2, probed as fn(&mut Solo)), (1, full)] {
        let mut solo = leader(|config| config.inflight_messages_max = 4);
        pause(&mut solo);
        solo.sent();
        for _ in 0..10 {
            // Nothing that happens otherwise makes it talk to the peer.
            for _ in 0..5 {
                propose(&mut solo, 2);
                solo.sync();
                let last = solo.status().last.index.0;
                solo.ack(3, last);
                assert_eq!(solo.appends_to(2), [], "before a heartbeat is answered");
                solo.pass(HEARTBEAT_MS / 5);
                assert_eq!(solo.appends_to(2), [], "a tick changes nothing");
            }
            let round = Round(1);
            let reply = |epoch| {
                let epoch = Epoch(epoch);
                let reply = HeartbeatReply { epoch, round, promised: false, busy: false };
                Kind::HeartbeatReply(reply)
            };
            solo.receive(3, 1, reply(1));
            solo.sent();
            solo.receive_on(2, epoch, 1, reply(epoch));
            assert!(solo.appends_to(2).len() <= 1, "one for each heartbeat that is answered");
        }
    }
}

#[test]
fn f09_ack_of_wait_resets() {
    // While it waits for the answer to a probe.
    let mut solo = Solo::of(3);
    solo.lead();
    propose(&mut solo, 3);
    solo.sent();
    solo.ack(2, 1);
    assert_eq!(spans(&solo.appends_to(2)), [(2, 4)], "in the same step");
    // While the window is full.
    let mut solo = leader(|config| config.inflight_messages_max = 2);
    propose(&mut solo, 6);
    solo.sent();
    solo.ack(2, 3);
    assert_eq!(spans(&solo.appends_to(2)), [(4, 4), (5, 5)]);
}
