//! Which lists of members are a membership, who votes in which half, and what its bytes may be.

mod common;

use bytes::Bytes;
use common::{examples, strategies};
use proptest::prelude::*;
use raft_core::{
    CONTACT_BYTES_MAX, DecodeError, MEMBERS_MAX, Member, Membership, MembershipError, NodeId,
    REMOVED_MAX, Standing,
};

fn member(id: u64, standing: Standing) -> Member {
    Member { standing, ..Member::voter(NodeId(id)) }
}

fn ids(voters: impl Iterator<Item = NodeId>) -> Vec<u64> {
    voters.map(|id| id.0).collect()
}

fn encoded(membership: &Membership) -> Vec<u8> {
    let mut bytes = Vec::new();
    membership.encode(&mut bytes);
    bytes
}

#[test]
fn outside_a_change_both_halves_are_the_voters() {
    let membership = Membership::of_voters([3, 1, 2].map(NodeId)).expect("three voters");
    assert!(!membership.is_joint());
    assert_eq!(ids(membership.old_voters()), [1, 2, 3]);
    assert_eq!(ids(membership.new_voters()), [1, 2, 3]);
}

#[test]
fn in_a_change_each_half_has_its_own_voters() {
    let membership = examples::membership();
    assert!(membership.is_joint());
    assert_eq!(ids(membership.old_voters()), [1, 3, 4]);
    assert_eq!(ids(membership.new_voters()), [1, 2]);
}

#[test]
fn a_member_is_found_by_its_id() {
    let membership = examples::membership();
    assert_eq!(membership.member(NodeId(5)).map(|it| it.standing), Some(Standing::Learner));
    assert_eq!(membership.member(NodeId(70)), None);
    assert!(membership.is_removed(NodeId(70)));
    assert!(!membership.is_removed(NodeId(5)));
}

#[test]
fn each_rule_of_a_membership_is_kept() {
    let voter = |id| member(id, Standing::Voter);
    let refused = |members, removed| Membership::new(members, removed).expect_err("a broken rule");

    assert_eq!(refused(vec![], vec![]), MembershipError::NoVoter);
    assert_eq!(refused(vec![member(1, Standing::Learner)], vec![]), MembershipError::NoVoter);
    // In a joint membership each half needs a voter of its own.
    assert_eq!(refused(vec![member(1, Standing::Incoming)], vec![]), MembershipError::NoVoter);
    assert_eq!(refused(vec![member(1, Standing::Outgoing)], vec![]), MembershipError::NoVoter);
    assert_eq!(refused(vec![voter(1), voter(1)], vec![]), MembershipError::Twice(NodeId(1)));
    assert_eq!(refused(vec![voter(0)], vec![]), MembershipError::Nobody);
    assert_eq!(
        refused(vec![voter(1), voter(2)], vec![NodeId(2)]),
        MembershipError::Returned(NodeId(2))
    );
    let crowd = (1..=MEMBERS_MAX as u64 + 1).map(voter).collect();
    assert_eq!(refused(crowd, vec![]), MembershipError::TooManyMembers);
    let past = (2..=REMOVED_MAX as u64 + 2).map(NodeId).collect();
    assert_eq!(refused(vec![voter(1)], past), MembershipError::TooManyRemoved);
    let contact = Bytes::from(vec![b'x'; CONTACT_BYTES_MAX + 1]);
    assert_eq!(
        refused(vec![Member { contact, ..voter(1) }], vec![]),
        MembershipError::ContactTooLong(NodeId(1))
    );
}

#[test]
fn a_full_membership_has_bytes_too() {
    let contact = Bytes::from(vec![b'x'; CONTACT_BYTES_MAX]);
    let members = (1..=MEMBERS_MAX as u64)
        .map(|id| Member { contact: contact.clone(), ..member(id, Standing::Voter) })
        .collect();
    let removed = (100..100 + REMOVED_MAX as u64).map(NodeId).collect();
    let full = Membership::new(members, removed).expect("at every limit");
    assert_eq!(Membership::decode(&encoded(&full)), Ok(full));
}

#[test]
fn nobody_at_all_has_bytes_too() {
    assert_eq!(Membership::decode(&encoded(&Membership::none())), Ok(Membership::none()));
}

#[test]
fn bytes_in_another_order_are_refused() {
    let two = Membership::of_voters([1, 2].map(NodeId)).expect("two voters");
    let mut bytes = encoded(&two);
    // Each member takes 18 bytes behind a version and a count of two bytes each.
    bytes[4..40].rotate_left(18);
    let refused = Membership::decode(&bytes).expect_err("members out of order").to_string();
    assert!(refused.contains("out of order"), "{refused}");
}

#[test]
fn bytes_behind_a_membership_are_refused() {
    let mut bytes = encoded(&examples::membership());
    bytes.push(0);
    let refused = Membership::decode(&bytes).expect_err("one byte too many").to_string();
    assert!(refused.contains("left over"), "{refused}");
}

#[test]
fn a_count_above_its_limit_is_refused_before_anything_is_read() {
    let refused = Membership::decode(&[1, 0, 65, 0]);
    let what = "the number of members";
    assert_eq!(refused, Err(DecodeError::TooLarge { what, size: 65, max: 64 }));
}

#[test]
fn a_standing_that_does_not_exist_is_refused() {
    let mut bytes = encoded(&Membership::of_voters([NodeId(1)]).expect("one voter"));
    bytes[20] = 9;
    let refused = Membership::decode(&bytes).expect_err("no such standing").to_string();
    assert!(refused.contains("standing"), "{refused}");
}

proptest! {
    #[test]
    fn every_membership_is_read_as_it_was_written(membership in strategies::membership()) {
        let bytes = encoded(&membership);
        prop_assert_eq!(Membership::decode(&bytes), Ok(membership));
    }

    #[test]
    fn one_membership_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut bytes = bytes;
        bytes.splice(0..0, [1, 0]);
        if let Ok(membership) = Membership::decode(&bytes) {
            prop_assert_eq!(encoded(&membership), bytes);
        }
    }
}
