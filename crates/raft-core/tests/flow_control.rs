//! Theme F, the pace of one peer: one append at a time until the logs are known to agree, then as many as the
//! window holds. What makes a peer that must wait go on stands in `flow_paused.rs`.

mod harness;

use harness::cluster::Cluster;
use harness::solo::{Solo, conflict, heartbeat_reply, matched};
use harness::{id, node, voters};
use raft_core::{
    AppendEntries, Config, EntryId, Index, Input, Kind, Loaded, PeerState, PeerStatus,
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

#[test]
fn f01_new_leader_probes() {
    let mut solo = Solo::with_log(&[1, 1, 1]);
    solo.lead();
    for (to, message) in solo.sent() {
        let Kind::AppendEntries(append) = message.kind else { continue };
        assert_eq!(append.previous, id(1, 3), "{to} is taken to be equal");
    }
    for id in [2, 3] {
        assert_eq!(peer(&solo, id).state, PeerState::Probe);
        assert_eq!((peer(&solo, id).next, peer(&solo, id).matched), (Index(4), Index::ZERO));
    }
    // As long as it is not answered nothing follows.
    propose(&mut solo, 5);
    assert_eq!(solo.sent(), []);
    // Nor do two follow an answer that it does not match.
    solo.receive(2, 2, conflict(1, id(1, 3), id(1, 1)));
    assert_eq!(spans(&solo.appends_to(2)).len(), 1);
    assert_eq!(peer(&solo, 2).state, PeerState::Probe);
    propose(&mut solo, 5);
    assert_eq!(solo.sent(), []);
}

#[test]
fn f01_one_first_append_for_each_peer() {
    for size in 2..=5 {
        let mut solo = Solo::of(size);
        solo.lead();
        let (mut asked, mut beats) = (Vec::new(), Vec::new());
        for (to, message) in solo.sent() {
            match message.kind {
                Kind::AppendEntries(_) => asked.push(to.0),
                Kind::Heartbeat(beat) => beats.push((to.0, beat.round.0)),
                _ => {}
            }
        }
        assert_eq!(asked, (2..=size).collect::<Vec<_>>());
        // The heartbeat that left together with it is answered first: no disk holds that answer up.
        assert_eq!(beats.len(), asked.len());
        for (from, round) in beats {
            solo.receive(from, 1, heartbeat_reply(round));
            assert_eq!(solo.sent(), [], "the first append is still on its way");
        }
    }
}

#[test]
fn f02_probe_to_pipeline() {
    let mut solo = Solo::open(Loaded::genesis(voters(3)), |config| {
        config.append_bytes_max = ENTRY_BYTES;
    });
    solo.lead();
    propose(&mut solo, 3);
    solo.sent();
    solo.ack(2, 1);
    assert_eq!(peer(&solo, 2).state, PeerState::Replicate);
    assert_eq!(spans(&solo.appends_to(2)), [(2, 2), (3, 3), (4, 4)], "all that waited, at once");
    assert_eq!((peer(&solo, 2).next, peer(&solo, 2).matched), (Index(5), Index(1)));
    // What is proposed leaves before the ones ahead of it are answered.
    for index in 5..=8 {
        propose(&mut solo, 1);
        let sent = solo.appends_to(2);
        assert_eq!(spans(&sent), [(index, index)]);
        assert_eq!(sent[0].previous, id(1, index - 1));
        assert_eq!((peer(&solo, 2).next, peer(&solo, 2).matched), (Index(index + 1), Index(1)));
    }
    assert_eq!(peer(&solo, 3).next, Index(1), "n3 has not answered anything");
}

#[test]
fn f03_pipeline_window_messages() {
    const WINDOW: u64 = 4;
    for freed in 1..=WINDOW {
        let mut solo = leader(|config| config.inflight_messages_max = 4);
        propose(&mut solo, 20);
        let sent = spans(&solo.appends_to(2));
        assert_eq!(sent, [(2, 2), (3, 3), (4, 4), (5, 5)], "then it pauses");
        assert_eq!(peer(&solo, 2).next, Index(6));
        // The ack of one is an ack of all before it.
        solo.ack(2, 1 + freed);
        let more: Vec<(u64, u64)> = (6..6 + freed).map(|index| (index, index)).collect();
        assert_eq!(spans(&solo.appends_to(2)), more);
        solo.ack(2, 1 + freed);
        assert_eq!(solo.appends_to(2), [], "the same ack again frees nothing");
    }
}

#[test]
fn f04_pipeline_window_bytes() {
    let mut solo = leader(|config| config.inflight_bytes_max = 10 * ENTRY_BYTES);
    propose(&mut solo, 30);
    assert_eq!(solo.appends_to(2).len(), 10);
    assert_eq!(peer(&solo, 2).inflight_bytes, 1_000);
    solo.ack(2, 4);
    assert_eq!(spans(&solo.appends_to(2)), [(12, 12), (13, 13), (14, 14)]);
    assert_eq!(peer(&solo, 2).inflight_bytes, 1_000);
    solo.ack(2, 14);
    assert_eq!(solo.appends_to(2).len(), 10);
    solo.ack(2, 24);
    assert_eq!(spans(&solo.appends_to(2)).last(), Some(&(31, 31)));
    solo.ack(2, 31);
    assert_eq!(peer(&solo, 2).inflight_bytes, 0);
}

#[test]
fn f04_an_entry_above_the_window_goes_alone() {
    let mut solo = leader(|config| config.inflight_bytes_max = 10 * ENTRY_BYTES);
    propose(&mut solo, 2);
    solo.propose_bytes(&[7; 5_000]);
    solo.flush();
    propose(&mut solo, 2);
    assert_eq!(spans(&solo.appends_to(2)), [(2, 2), (3, 3)], "it waits for the ones ahead of it");
    solo.ack(2, 2);
    assert_eq!(solo.appends_to(2), [], "for all of them");
    solo.ack(2, 3);
    assert_eq!(spans(&solo.appends_to(2)), [(4, 4)], "and goes alone");
    assert_eq!(peer(&solo, 2).inflight_bytes, 5_032);
    propose(&mut solo, 1);
    assert_eq!(solo.appends_to(2), [], "nothing goes beside it");
    solo.ack(2, 4);
    assert_eq!(spans(&solo.appends_to(2)), [(5, 5), (6, 6), (7, 7)]);
    // One above what an append aims at, and below the window, goes alone too.
    solo.ack(2, 7);
    solo.propose_bytes(&[7; 500]);
    solo.propose_bytes(&[7; 500]);
    solo.flush();
    assert_eq!(spans(&solo.appends_to(2)), [(8, 8)]);
    solo.ack(2, 8);
    assert_eq!(spans(&solo.appends_to(2)), [(9, 9)]);
}

#[test]
fn f04_counters_return_to_zero_after_any_state_change() {
    let check = |name: &str, change: fn(&mut Solo)| {
        let mut solo = leader(|config| {
            config.inflight_bytes_max = 4 * ENTRY_BYTES;
            config.inflight_messages_max = 4;
        });
        propose(&mut solo, 10);
        assert_eq!(peer(&solo, 2).inflight_bytes, 400, "{name}: full");
        change(&mut solo);
        assert_eq!(peer(&solo, 2).inflight_bytes, 0, "{name}");
        // And the whole window is there again.
        let last = solo.status().last.index.0;
        solo.sent();
        let (term, epoch) = (solo.term(), if name == "reconnected" { 2 } else { 1 });
        solo.receive_on(2, epoch, term, matched(epoch, last));
        propose(&mut solo, 10);
        assert_eq!(solo.appends_to(2).len(), 4, "{name}");
    };
    check("acknowledged", |solo| solo.ack(2, 11));
    check("rejected", |solo| solo.receive(2, 1, conflict(1, id(1, 4), id(1, 1))));
    check("reconnected", |solo| solo.connect(2, 2));
    check("elected again", |solo| {
        solo.receive(3, 2, harness::solo::heartbeat(1, 0));
        solo.sync();
        solo.sleep(700);
        solo.lead();
    });
}

#[test]
fn f10_reject_in_pipeline_resets() {
    let check = |rejected: EntryId, hint: EntryId, from: u64| {
        let mut solo = leader(|_| {});
        propose(&mut solo, 8);
        solo.ack(2, 4);
        solo.sent();
        solo.receive(2, 1, conflict(1, rejected, hint));
        let now = peer(&solo, 2);
        assert_eq!((now.state, now.matched), (PeerState::Probe, Index(4)), "hint {hint}");
        assert_eq!((now.next, now.inflight_bytes), (Index(from), 0), "hint {hint}");
        let probe = solo.appends_to(2);
        assert_eq!(spans(&probe), [(from, from)], "hint {hint}");
        assert_eq!(probe[0].previous, id(1, from - 1));
        // The other appends of the window are answered with no as well; that is old news.
        solo.receive(2, 1, conflict(1, id(1, 8), hint));
        assert_eq!(solo.appends_to(2), []);
        solo.ack(2, from);
        assert_eq!(spans(&solo.appends_to(2)).last(), Some(&(9, 9)), "and all of it arrives");
    };
    check(id(1, 5), id(1, 4), 5);
    check(id(1, 7), id(1, 4), 5);
    // What it has acknowledged it holds: a hint below that is wrong.
    check(id(1, 7), id(1, 2), 5);
    check(id(1, 6), EntryId::ZERO, 5);
    // A hint above it saves sending what is there.
    check(id(1, 7), id(1, 6), 7);
}

#[test]
fn f11_gap_after_loss() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.is_manual = true;
    for command in ["a", "b", "c"] {
        cluster.propose(1, command);
        cluster.step(1, Input::Tick);
    }
    let seen = |it: &Cluster| {
        it.status(1).peers.into_iter().find(|peer| peer.id == node(3)).expect("a member")
    };
    assert_eq!(seen(&cluster).next, Index(5));
    let flights = cluster.network.take_all();
    let to_third: Vec<_> = flights.iter().filter(|flight| flight.to == node(3)).collect();
    assert_eq!(to_third.len(), 3);
    for flight in &to_third[1..] {
        cluster.deliver(flight);
    }
    assert_eq!(cluster.log(3).len(), 1, "n3 takes nothing behind a gap");
    let answers = cluster.network.take_all();
    assert_eq!(answers.len(), 2);
    cluster.deliver(&answers[0]);
    let now = seen(&cluster);
    assert_eq!((now.state, now.next, now.inflight_bytes), (PeerState::Probe, Index(2), 0));
    cluster.deliver(&answers[1]);
    assert_eq!(cluster.under_way(|kind| matches!(kind, Kind::AppendEntries(_))), 1, "sent once");
    cluster.settle();
    let now = seen(&cluster);
    assert_eq!((now.state, now.matched, now.inflight_bytes), (PeerState::Replicate, Index(4), 0));
    cluster.is_manual = false;
    cluster.run_for(100);
    assert_eq!(cluster.applied(3), ["a", "b", "c"]);
    cluster.assert_converged();
}

#[test]
fn f12_size_limit_splits() {
    const CAP: usize = 256 * 1024;
    let sizes = [60_000, 10, 200_000, 90_000, 262_112, 262_113, 1, 300_000, 130_000, 130_000, 5];
    let mut solo = Solo::of(3);
    solo.lead();
    for round in 0..4 {
        for size in sizes {
            solo.propose_bytes(&vec![round; size]);
        }
        solo.flush();
    }
    solo.sent();
    // n2 answers the probe, and then whatever it is sent.
    let last = solo.status().last.index.0;
    let (mut next, mut said) = (2, 1);
    while said < last {
        solo.ack(2, said);
        let appends = solo.appends_to(2);
        assert!(!appends.is_empty(), "something is left, and nothing is on its way");
        for append in appends {
            let (count, bytes) = (append.entries.len(), append.entries.bytes().len());
            assert!(count >= 1, "an append without entries carries nothing on");
            assert!(bytes <= CAP || count == 1, "{count} entries of {bytes} bytes together");
            assert_eq!(append.previous.index.0 + 1, next);
            for entry in &append.entries {
                assert_eq!(entry.id, id(1, next));
                let size = sizes[usize::try_from(next - 2).expect("small") % sizes.len()];
                assert_eq!(entry.payload.bytes().len(), size);
                next += 1;
            }
            said = next - 1;
        }
    }
    assert_eq!(next, last + 1);
}
