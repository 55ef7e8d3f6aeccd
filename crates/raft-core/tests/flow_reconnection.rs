//! Theme F, peers that come back: on a new connection, or as another than they were. Nothing that was said
//! before counts any more.

mod harness;

use harness::cluster::Cluster;
use harness::disk::Disk;
use harness::solo::{Solo, append_on, conflict, heartbeat_reply, matched, vote_granted};
use harness::{id, node, voters};
use raft_core::{
    AppendResult, EntryId, Epoch, Event, Health, Incarnation, Index, Input, Kind, Loaded, Member,
    Membership, MembershipError, NodeId, PeerState, PeerStatus,
};

fn peer_of(peers: Vec<PeerStatus>, id: u64) -> PeerStatus {
    peers.into_iter().find(|peer| peer.id == NodeId(id)).expect("a member")
}

fn peer(solo: &Solo, id: u64) -> PeerStatus {
    peer_of(solo.status().peers, id)
}

#[test]
fn f17_readded_peer_fresh_progress() {
    // An id that was removed cannot be a member again.
    let ids = |range: std::ops::RangeInclusive<u64>| range.map(|id| Member::voter(NodeId(id)));
    let again = Membership::new(ids(1..=4).collect(), vec![node(4)]);
    assert_eq!(again, Err(MembershipError::Returned(node(4))));
    // n4 was removed and does not know; n3's data directory has been replaced.
    let known = |id: u64| Member { incarnation: Incarnation(1), ..Member::voter(NodeId(id)) };
    let members = vec![Member::voter(node(1)), known(2), known(3)];
    let membership = Membership::new(members, vec![node(4)]).expect("three voters");
    let mut solo = Solo::open(Loaded::genesis(membership), |_| {});
    solo.lead_and_settle();
    solo.propose("x");
    solo.flush();
    solo.sync();
    solo.sent();
    assert_eq!(solo.commit(), 1, "n2 or n3 must hold it too");

    solo.connect(4, 1);
    for kind in [matched(1, 2), conflict(1, id(1, 1), EntryId::ZERO), heartbeat_reply(1)] {
        solo.receive_on(4, 1, 1, kind);
    }
    assert_eq!(solo.sent(), [], "n4 is told nothing");
    // The second life of n3 is refused, and neither it nor what is left of the first one counts.
    let before = peer(&solo, 3);
    let (peer_id, incarnation) = (node(3), Incarnation(2));
    solo.step(Input::PeerUp { peer: peer_id, epoch: Epoch(2), incarnation });
    assert!(solo.events.contains(&Event::IncarnationRefused { member: peer_id, incarnation }));
    for epoch in [1, 2] {
        for echoed in [1, 2] {
            solo.receive_on(3, epoch, 1, matched(echoed, 2));
            solo.receive_on(3, epoch, 1, conflict(echoed, id(1, 1), EntryId::ZERO));
        }
    }
    assert_eq!(peer(&solo, 3), PeerStatus { connected: false, ..before });
    assert_eq!((solo.commit(), solo.sent()), (1, Vec::new()));
    // The life that counts begins on its new connection with nothing proven.
    solo.connect(3, 3);
    let now = peer(&solo, 3);
    assert_eq!((now.state, now.matched, now.inflight_bytes), (PeerState::Probe, Index::ZERO, 0));
    solo.receive_on(3, 3, 1, matched(1, 2));
    assert_eq!(solo.commit(), 1, "an ack of its earlier connection");
    solo.receive_on(3, 3, 1, matched(3, 2));
    assert_eq!(solo.commit(), 2);
}

#[test]
fn f18_reconnect_new_stream_epoch() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    for number in 0..6 {
        solo.propose(&format!("c{number}"));
        solo.flush();
    }
    solo.sync();
    solo.ack(2, 3);
    assert_eq!((solo.commit(), peer(&solo, 2).next), (3, Index(8)));
    solo.connect(2, 2);
    solo.sent();
    let before = peer(&solo, 2);
    assert_eq!((before.state, before.matched, before.next), (PeerState::Probe, Index(0), Index(8)));
    // Late answers, on the old connection or told as if on the new one: they move nothing.
    solo.sleep(1);
    for epoch in [1, 2] {
        for kind in [
            matched(1, 7),
            matched(1, 4),
            conflict(1, id(1, 7), id(1, 1)),
            conflict(1, id(1, 5), id(1, 3)),
            heartbeat_reply(1),
        ] {
            solo.receive_on(2, epoch, 1, kind);
            assert_eq!(peer(&solo, 2), before);
            assert_eq!((solo.commit(), solo.sent()), (3, Vec::new()));
        }
    }
    solo.receive_on(2, 2, 1, matched(2, 7));
    assert_eq!((solo.commit(), peer(&solo, 2).state), (7, PeerState::Replicate));
}

#[test]
fn f18_a_follower_proves_everything_again_on_a_new_connection() {
    let mut solo = Solo::with_log(&[1, 1, 1]);
    solo.receive(2, 1, append_on(1, id(1, 3), &[1], 0));
    solo.sync();
    solo.sent();
    solo.connect(2, 2);
    let answers = |solo: &mut Solo| -> Vec<(u64, AppendResult)> {
        let sent = solo.sent_to(2).into_iter().filter_map(|message| match message.kind {
            Kind::AppendEntriesReply(reply) => Some((reply.epoch.0, reply.result)),
            _ => None,
        });
        sent.collect()
    };
    solo.receive_on(2, 2, 1, append_on(2, id(1, 1), &[1], 4));
    assert_eq!(answers(&mut solo), [(2, AppendResult::Matched(Index(2)))], "not 4");
    assert_eq!(solo.commit(), 2);
    // What the leader sent on the old connection comes late: it is neither taken nor answered.
    solo.receive_on(2, 1, 1, append_on(1, id(1, 4), &[1], 4));
    solo.receive_on(2, 2, 1, append_on(1, id(1, 4), &[1], 4));
    assert_eq!((answers(&mut solo), solo.commit()), (vec![], 2));
    assert_eq!(solo.status().last, id(1, 4));
}

#[test]
fn f19_follower_lost_its_log() {
    // Its directory is new, and so is its incarnation: an operator hears of it, and it does not count.
    let known = |id: u64| Member { incarnation: Incarnation(1), ..Member::voter(NodeId(id)) };
    let members = vec![Member::voter(node(1)), known(2), known(3)];
    let membership = Membership::new(members, Vec::new()).expect("three voters");
    let mut solo = Solo::open(Loaded::genesis(membership), |_| {});
    solo.step(Input::PeerUp { peer: node(3), epoch: Epoch(2), incarnation: Incarnation(2) });
    let refused = Event::IncarnationRefused { member: node(3), incarnation: Incarnation(2) };
    assert_eq!(solo.events, [refused]);
    solo.campaign();
    solo.receive_on(3, 2, 1, vote_granted());
    assert_eq!(solo.status().leader, None, "it might vote twice");
    solo.receive(2, 1, vote_granted());
    assert_eq!(solo.status().leader, Some(node(1)));
    solo.sync();
    solo.receive_on(3, 2, 1, matched(2, 1));
    assert_eq!((solo.commit(), peer(&solo, 3).matched), (0, Index::ZERO));
    assert!(solo.sent().iter().all(|(to, _)| *to != node(3)));
}

#[test]
fn f19_a_voter_whose_vote_file_is_gone_never_counts_again() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.write("before");
    cluster.crash(3);
    let empty = Loaded { ballot: None, ..Loaded::genesis(voters(3)) };
    cluster.disks.insert(node(3), Disk::of(&empty));
    cluster.start_with(node(3), empty);
    cluster.write("after");
    assert_eq!(cluster.status(3).health, Health::PromiseLost);
    assert!(cluster.raft(3).explain().no_leader.is_some(), "it says so");
    assert_eq!(peer_of(cluster.status(1).peers, 3).matched, Index::ZERO);
    assert_eq!(cluster.applied(1), ["before", "after"]);
    // Without n2 there is no majority, whatever n3 once held.
    cluster.crash(2);
    let write = cluster.propose(1, "alone");
    cluster.run_for(3_000);
    assert!(!cluster.is_committed(write));
    assert_eq!(cluster.leader(), None);
}

// As if nobody knew incarnations: it is brought up from the beginning, and nothing it once said counts.
#[test]
fn f19_an_empty_log_behind_an_unknown_incarnation_is_filled_again() {
    let mut cluster = Cluster::of(3).elect(1);
    for number in 0..20 {
        cluster.write(&format!("c{number}"));
    }
    cluster.crash(3);
    cluster.disks.insert(node(3), Disk::of(&Loaded::genesis(voters(3))));
    cluster.start_with(node(3), Loaded::genesis(voters(3)));
    assert_eq!(peer_of(cluster.status(1).peers, 3).matched, Index::ZERO, "forgotten at once");
    cluster.run_for(200);
    assert_eq!(cluster.leader(), Some(node(1)));
    assert_eq!(cluster.applied(3).len(), 20);
    cluster.assert_converged();
}
