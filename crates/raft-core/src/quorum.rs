//! The arithmetic of majorities: pure functions over a membership, both halves of it while it is joint.
//! Every decision that takes "enough" of anything is taken here.

use crate::ids::{Index, NodeId, Time};
use crate::membership::{MEMBERS_MAX, Membership};

/// How many of `voters` are a majority; of none, one, so that an empty half never agrees.
pub(crate) fn majority(voters: usize) -> usize {
    voters.div_euclid(2).saturating_add(1)
}

/// Whether a majority of each half agrees.
pub(crate) fn agreed(membership: &Membership, agrees: impl Fn(NodeId) -> bool) -> bool {
    half_agreed(membership.new_voters(), &agrees)
        && (!membership.is_joint() || half_agreed(membership.old_voters(), &agrees))
}

/// Whether so many refuse that the rest of some half is no majority any more.
pub(crate) fn refused(membership: &Membership, refuses: impl Fn(NodeId) -> bool) -> bool {
    !agreed(membership, |id| !refuses(id))
}

/// The highest index that a majority of each half has reached.
pub(crate) fn index(membership: &Membership, reached: impl Fn(NodeId) -> Index) -> Index {
    Index(number(membership, |id| reached(id).0))
}

/// The latest time at or after which a majority of each half was heard.
pub(crate) fn time(membership: &Membership, heard: impl Fn(NodeId) -> Time) -> Time {
    Time(number(membership, |id| heard(id).0))
}

fn number(membership: &Membership, number: impl Fn(NodeId) -> u64) -> u64 {
    let new = half_number(membership.new_voters(), &number);
    if membership.is_joint() { new.min(half_number(membership.old_voters(), &number)) } else { new }
}

fn half_agreed(voters: impl Iterator<Item = NodeId>, agrees: impl Fn(NodeId) -> bool) -> bool {
    let (mut count, mut agreeing) = (0_usize, 0_usize);
    for voter in voters {
        count = count.saturating_add(1);
        agreeing = agreeing.saturating_add(usize::from(agrees(voter)));
    }
    agreeing >= majority(count)
}

// Sorted, largest first, the number at which a majority has it or more stands in the middle. Members are
// few and bounded, so an array on the stack is enough.
fn half_number(voters: impl Iterator<Item = NodeId>, number: impl Fn(NodeId) -> u64) -> u64 {
    let mut numbers = [0_u64; MEMBERS_MAX];
    let mut count = 0_usize;
    for (slot, voter) in numbers.iter_mut().zip(voters) {
        *slot = number(voter);
        count = count.saturating_add(1);
    }
    let Some(numbers) = numbers.get_mut(..count) else { return 0 };
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.get(majority(count).saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::{Member, Standing};

    fn voters(count: u64) -> Membership {
        Membership::of_voters((1..=count).map(NodeId)).expect("at least one voter")
    }

    fn joint(old: &[u64], new: &[u64]) -> Membership {
        let members = (1..=9).map(NodeId).filter_map(|id| {
            let standing = match (old.contains(&id.0), new.contains(&id.0)) {
                (true, true) => Standing::Voter,
                (true, false) => Standing::Outgoing,
                (false, true) => Standing::Incoming,
                (false, false) => return None,
            };
            Some(Member { standing, ..Member::voter(id) })
        });
        Membership::new(members.collect(), Vec::new()).expect("a voter in each half")
    }

    fn at(reached: &[u64], id: NodeId) -> Index {
        Index(reached[usize::try_from(id.0).expect("ids are small here") - 1])
    }

    /// The definition, without any cleverness: the highest index that enough voters have reached.
    fn naive(membership: &Membership, reached: &[u64]) -> u64 {
        let enough = |index: u64, half: Vec<NodeId>| {
            half.iter().filter(|id| at(reached, **id).0 >= index).count() * 2 > half.len()
        };
        let candidates = reached.iter().copied().filter(|index| {
            enough(*index, membership.old_voters().collect())
                && enough(*index, membership.new_voters().collect())
        });
        candidates.max().unwrap_or(0)
    }

    #[test]
    fn r21_commit_index_table() {
        let cases: [(&[u64], u64); 10] = [
            (&[7], 7),
            (&[7, 3], 3),
            (&[7, 3, 5], 5),
            (&[7, 7, 0], 7),
            (&[0, 0, 9], 0),
            (&[1, 2, 3, 4], 2),
            (&[4, 4, 4, 1], 4),
            (&[5, 1, 4, 2, 3], 3),
            (&[9, 9, 2, 2, 2], 2),
            (&[1, 2, 3, 4, 5, 6, 7], 4),
        ];
        for (reached, expected) in cases {
            let membership = voters(reached.len() as u64);
            let found = index(&membership, |id| at(reached, id));
            assert_eq!(found, Index(expected), "{reached:?}");
        }
    }

    #[test]
    fn r21_commit_index_table_of_joint_memberships() {
        // The slower half decides.
        let check = |new: [u64; 3], reached: [u64; 6], expected| {
            let found = index(&joint(&[1, 2, 3], &new), |id| at(&reached, id));
            assert_eq!(found, Index(expected), "{new:?} {reached:?}");
        };
        check([4, 5, 6], [9, 9, 9, 2, 2, 2], 2);
        check([4, 5, 6], [1, 1, 9, 9, 9, 9], 1);
        check([1, 2, 4], [5, 5, 0, 0, 0, 0], 5);
        check([1, 4, 5], [5, 5, 0, 3, 0, 0], 3);
    }

    // Also after every single update, of a voter above the quorum point too: nothing is kept in between.
    #[test]
    fn r22_quorum_calc_vs_naive() {
        let halves: [(&[u64], &[u64]); 6] = [
            (&[1], &[1]),
            (&[1, 2], &[1, 2]),
            (&[1, 2, 3], &[1, 2, 3]),
            (&[1, 2, 3], &[3, 4, 5]),
            (&[1, 2, 3, 4], &[2, 3, 4, 5, 6]),
            (&[1, 2, 3, 4, 5], &[1, 6, 7, 8, 9]),
        ];
        let mut rng = crate::rng::Rng::new(22);
        for (old, new) in halves {
            let membership = joint(old, new);
            let mut reached = [0_u64; 9];
            for _ in 0..2_000 {
                let slot = usize::try_from(rng.between(0, 9)).expect("below nine");
                reached[slot] =
                    if rng.between(0, 4) == 0 { rng.between(0, 30) } else { reached[slot] + 1 };
                let found = index(&membership, |id| at(&reached, id));
                assert_eq!(found.0, naive(&membership, &reached), "{old:?} {new:?} {reached:?}");
            }
        }
    }

    #[test]
    fn agreement_and_refusal_need_a_majority() {
        for size in 1..=7 {
            let membership = voters(size);
            for yes in 0..=size {
                assert_eq!(agreed(&membership, |id| id.0 <= yes), yes * 2 > size);
                assert_eq!(refused(&membership, |id| id.0 <= yes), (size - yes) * 2 <= size);
            }
        }
    }

    #[test]
    fn a_joint_membership_needs_both_halves() {
        let membership = joint(&[1, 2, 3], &[4, 5, 6]);
        assert!(!agreed(&membership, |id| id.0 <= 3));
        assert!(!agreed(&membership, |id| id.0 >= 4));
        assert!(agreed(&membership, |id| [1, 2, 4, 5].contains(&id.0)));
    }

    #[test]
    fn nobody_never_agrees() {
        assert!(!agreed(&Membership::none(), |_| true));
    }
}
