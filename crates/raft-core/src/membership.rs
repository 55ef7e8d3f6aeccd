//! Who belongs to the cluster, and in which standing: one list, so that nobody can be voter and learner
//! at once. A change that moves votes passes through a joint membership, in which the old and the new half
//! must both agree. The arithmetic of quorums is not here; this is what entries and snapshots carry.

use std::fmt;

use bytes::{BufMut, Bytes};

use crate::decode::{DecodeError, Reader};
use crate::ids::{Incarnation, NodeId};

/// Members at most, of all standings together.
pub const MEMBERS_MAX: usize = 64;
/// Removed ids at most. They are kept for ever, since an id is never given twice.
pub const REMOVED_MAX: usize = 4_096;
/// Bytes of a member's contact at most.
pub const CONTACT_BYTES_MAX: usize = 255;

const VERSION: u16 = 1;
const MEMBER_BYTES_MIN: usize = 18;

/// What a member may do, and in a joint membership in which half it does it.
///
/// ```text
///   absent ─────┐                          ┌──► Outgoing ──► removed
///   Learner ────┼──► Incoming ──► Voter ───┤
///   Promotable ─┘                          └──► Demoted ───► Learner
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Receives the log, has no vote, and has no wish for one.
    Learner,
    /// A learner that the leader shall make a voter once it is caught up. The wish is part of the
    /// membership, so a new leader goes on with it.
    Promotable,
    /// Votes; in a joint membership it votes in both halves.
    Voter,
    /// Joint only: votes in the new half, and will be a voter.
    Incoming,
    /// Joint only: votes in the old half, and will be a learner.
    Demoted,
    /// Joint only: votes in the old half, and will be removed.
    Outgoing,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// The life of its data directory that counts; another one is refused.
    pub incarnation: Incarnation,
    /// What it may do.
    pub standing: Standing,
    /// How to reach it. The core carries it and never reads it.
    pub contact: Bytes,
}

/// The members and the ids that will never be members again. Effective from the moment its entry is
/// appended, and taken back exactly if that entry is truncated.
///
/// Invariant: members are in order of id, at least one of them votes in each half, and no removed id is a
/// member. The one exception is [`Membership::none`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    members: Vec<Member>,
    removed: Vec<NodeId>,
}

/// Why a list of members is not a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipError {
    /// More than [`MEMBERS_MAX`] members.
    TooManyMembers,
    /// More than [`REMOVED_MAX`] removed ids.
    TooManyRemoved,
    /// An id of zero.
    Nobody,
    /// The same id twice.
    Twice(NodeId),
    /// A removed id among the members.
    Returned(NodeId),
    /// A contact of more than [`CONTACT_BYTES_MAX`] bytes.
    ContactTooLong(NodeId),
    /// No voter, or in a joint membership none in one of the halves.
    NoVoter,
}

impl Standing {
    /// Votes before the change under way; outside a joint membership, simply votes.
    #[must_use]
    pub fn votes_in_old(self) -> bool {
        matches!(self, Self::Voter | Self::Demoted | Self::Outgoing)
    }

    /// Votes after the change under way; outside a joint membership, simply votes.
    #[must_use]
    pub fn votes_in_new(self) -> bool {
        matches!(self, Self::Voter | Self::Incoming)
    }

    /// Exists only while a change of votes is under way.
    #[must_use]
    pub fn is_joint(self) -> bool {
        matches!(self, Self::Incoming | Self::Demoted | Self::Outgoing)
    }

    fn code(self) -> u8 {
        match self {
            Self::Learner => 1,
            Self::Promotable => 2,
            Self::Voter => 3,
            Self::Incoming => 4,
            Self::Demoted => 5,
            Self::Outgoing => 6,
        }
    }

    fn of_code(code: u8) -> Result<Self, DecodeError> {
        match code {
            1 => Ok(Self::Learner),
            2 => Ok(Self::Promotable),
            3 => Ok(Self::Voter),
            4 => Ok(Self::Incoming),
            5 => Ok(Self::Demoted),
            6 => Ok(Self::Outgoing),
            _ => Err(DecodeError::Invalid("a member has a standing that does not exist")),
        }
    }
}

impl Member {
    /// A voter that has not been heard of yet and is reached in a way the caller knows.
    #[must_use]
    pub fn voter(id: NodeId) -> Self {
        Self {
            id,
            incarnation: Incarnation::UNKNOWN,
            standing: Standing::Voter,
            contact: Bytes::new(),
        }
    }

    /// A learner that shall become a voter once it is caught up.
    #[must_use]
    pub fn promotable(id: NodeId) -> Self {
        Self { standing: Standing::Promotable, ..Self::voter(id) }
    }
}

impl Membership {
    /// Checks and orders a list of members.
    ///
    /// # Errors
    /// The first rule that the list breaks.
    pub fn new(
        mut members: Vec<Member>,
        mut removed: Vec<NodeId>,
    ) -> Result<Self, MembershipError> {
        members.sort_by_key(|member| member.id);
        removed.sort_unstable();
        removed.dedup();
        let membership = Self { members, removed };
        membership.check()?;
        Ok(membership)
    }

    /// A membership of voters only, as a cluster begins with.
    ///
    /// # Errors
    /// The first rule that the list breaks.
    pub fn of_voters(ids: impl IntoIterator<Item = NodeId>) -> Result<Self, MembershipError> {
        Self::new(ids.into_iter().map(Member::voter).collect(), Vec::new())
    }

    /// Nobody, not even a voter: what a node knows that waits to be added. It never campaigns.
    #[must_use]
    pub fn none() -> Self {
        Self { members: Vec::new(), removed: Vec::new() }
    }

    /// All members in order of id.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Ids that will never be members again, in order.
    #[must_use]
    pub fn removed(&self) -> &[NodeId] {
        &self.removed
    }

    /// The member with this id.
    #[must_use]
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        let at = self.members.binary_search_by_key(&id, |member| member.id).ok()?;
        self.members.get(at)
    }

    /// Whether this id has been a member and never will be again.
    #[must_use]
    pub fn is_removed(&self, id: NodeId) -> bool {
        self.removed.binary_search(&id).is_ok()
    }

    /// Whether a change of votes is under way.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        self.members.iter().any(|member| member.standing.is_joint())
    }

    /// Voters of the old half; outside a joint membership, the voters.
    pub fn old_voters(&self) -> impl Iterator<Item = NodeId> {
        self.members.iter().filter(|member| member.standing.votes_in_old()).map(|member| member.id)
    }

    /// Voters of the new half; outside a joint membership, the voters.
    pub fn new_voters(&self) -> impl Iterator<Item = NodeId> {
        self.members.iter().filter(|member| member.standing.votes_in_new()).map(|member| member.id)
    }

    fn check(&self) -> Result<(), MembershipError> {
        if self.members.len() > MEMBERS_MAX {
            return Err(MembershipError::TooManyMembers);
        }
        if self.removed.len() > REMOVED_MAX {
            return Err(MembershipError::TooManyRemoved);
        }
        for member in &self.members {
            if member.id == NodeId::NOBODY {
                return Err(MembershipError::Nobody);
            }
            if self.is_removed(member.id) {
                return Err(MembershipError::Returned(member.id));
            }
            if member.contact.len() > CONTACT_BYTES_MAX {
                return Err(MembershipError::ContactTooLong(member.id));
            }
        }
        let pairs = self.members.iter().zip(self.members.iter().skip(1));
        if let Some((twice, _)) = pairs.into_iter().find(|(a, b)| a.id == b.id) {
            return Err(MembershipError::Twice(twice.id));
        }
        if self.old_voters().next().is_none() || self.new_voters().next().is_none() {
            return Err(MembershipError::NoVoter);
        }
        Ok(())
    }

    /// Appends the bytes that an entry or a snapshot carries; `docs/wire-protocol.md` draws them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16_le(VERSION);
        out.put_u16_le(count(self.members.len()));
        for member in &self.members {
            out.put_u64_le(member.id.0);
            out.put_u64_le(member.incarnation.0);
            out.put_u8(member.standing.code());
            out.put_u8(u8::try_from(member.contact.len()).unwrap_or(u8::MAX));
            out.put_slice(&member.contact);
        }
        out.put_u16_le(count(self.removed.len()));
        for id in &self.removed {
            out.put_u64_le(id.0);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote; contacts are copied out of `bytes`. A list without
    /// members reads as [`Membership::none`].
    ///
    /// # Errors
    /// Anything that `encode` does not write: another order, left-over bytes, a list that is no
    /// membership.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u16()?;
        if version != VERSION {
            return Err(DecodeError::Version { found: version, known: VERSION });
        }
        let count = reader.count("the number of members", MEMBER_BYTES_MIN, MEMBERS_MAX)?;
        let mut members = Vec::with_capacity(count);
        for _ in 0..count {
            members.push(decode_member(&mut reader)?);
        }
        let count = reader.count("the number of removed ids", 8, REMOVED_MAX)?;
        let mut removed = Vec::with_capacity(count);
        for _ in 0..count {
            removed.push(NodeId(reader.u64()?));
        }
        reader.finish()?;
        let membership = Self { members, removed };
        if membership == Self::none() {
            return Ok(membership);
        }
        if !membership.is_ordered() {
            return Err(DecodeError::Invalid("a membership lists its ids out of order"));
        }
        membership.check().map_err(|error| DecodeError::Invalid(error.sentence()))?;
        Ok(membership)
    }

    // The order is part of the format: one membership has one encoding, so it can be compared and hashed.
    fn is_ordered(&self) -> bool {
        self.members.is_sorted_by_key(|member| member.id) && self.removed.is_sorted_by(|a, b| a < b)
    }
}

// Lists are held against their maximum when a membership is made, so the count always fits.
fn count(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

fn decode_member(reader: &mut Reader<'_>) -> Result<Member, DecodeError> {
    let id = NodeId(reader.u64()?);
    let incarnation = Incarnation(reader.u64()?);
    let standing = Standing::of_code(reader.u8()?)?;
    let contact_len = usize::from(reader.u8()?);
    let contact = Bytes::copy_from_slice(reader.bytes(contact_len)?);
    Ok(Member { id, incarnation, standing, contact })
}

impl MembershipError {
    fn sentence(self) -> &'static str {
        match self {
            Self::TooManyMembers => "a membership has more members than are allowed",
            Self::TooManyRemoved => "a membership remembers more removed ids than are allowed",
            Self::Nobody => "a membership names node 0, which is nobody",
            Self::Twice(_) => "a membership names a member twice",
            Self::Returned(_) => "a membership names a member whose id has been removed for good",
            Self::ContactTooLong(_) => "a membership holds a contact that is too long",
            Self::NoVoter => "a membership has no voter, or none in one of its halves",
        }
    }
}

impl fmt::Display for MembershipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice(id) | Self::Returned(id) | Self::ContactTooLong(id) => {
                write!(f, "{}: {id}", self.sentence())
            }
            Self::TooManyMembers | Self::TooManyRemoved | Self::Nobody | Self::NoVoter => {
                f.write_str(self.sentence())
            }
        }
    }
}

impl std::error::Error for MembershipError {}
