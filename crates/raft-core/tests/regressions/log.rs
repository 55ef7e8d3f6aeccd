//! A follower's log: what an append may take away from it.

use raft_core::{EntryId, Event};

use crate::harness::id;
use crate::harness::solo::{Solo, append};
use crate::notice;

#[test]
fn b28_a_delayed_append_never_truncates_a_longer_matching_log() {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, append(EntryId::ZERO, &[1, 1, 1, 1], 0));
    solo.receive(2, 1, notice(4));
    solo.sync();
    solo.sent();
    let writes = solo.writes.len();
    for delayed in [
        append(EntryId::ZERO, &[1, 1], 0),
        append(EntryId::ZERO, &[], 0),
        append(id(1, 1), &[1], 4),
        append(id(1, 2), &[], 9),
        append(id(1, 1), &[1, 1, 1], 0),
    ] {
        solo.receive(2, 1, delayed);
        assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@1", "4@1"]);
        assert_eq!(solo.status().last, id(1, 4));
        assert_eq!(solo.commit(), 4);
    }
    assert_eq!(solo.writes.len(), writes, "nothing is written again");
    assert!(!solo.events.iter().any(|event| matches!(event, Event::Truncated { .. })));

    // Nor does what a newer leader says of the beginning prove anything about the end.
    let mut solo = Solo::with_log(&[1, 1, 1, 1]);
    for said in
        [append(EntryId::ZERO, &[], 0), append(EntryId::ZERO, &[1], 0), append(id(1, 1), &[1], 0)]
    {
        solo.receive(2, 2, said);
        assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@1", "4@1"]);
    }
}
