//! How a node begins: what was loaded is checked against itself, what may be repaired is, and what cannot be
//! vouched for any more decides in which health it starts.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::durability::Durability;
use crate::ids::{Incarnation, Index, Round, Term, Time};
use crate::loaded::{Loaded, OpenError};
use crate::log::Log;
use crate::membership::Membership;
use crate::output::Ballot;
use crate::pressure::Pressure;
use crate::raft::{Raft, Recovery};
use crate::rng::Rng;
use crate::role::{Follower, Role};
use crate::waiting::Waiting;

impl Raft {
    /// A follower with the state that was loaded, checked and repaired: the commit index is raised to what
    /// is applied and clamped to the log, entries from a suspect index on are dropped until a leader sends
    /// them again, and a node whose promises are lost, or older than its own log, takes no part any more.
    ///
    /// # Errors
    /// Numbers that do not fit, or a state that this program cannot have written.
    pub fn open(config: Config, loaded: Loaded) -> Result<Self, OpenError> {
        config.check()?;
        let mut log = Log::load(loaded.snapshot, loaded.log)?;
        check_applied(loaded.applied, log.snapshot_last().index, log.last().index)?;
        check_identity(&config, log.membership().1)?;
        let ballot = check_ballot(loaded.ballot.unwrap_or_default(), log.last().term)?;
        // A record in the log proves that its term was once in the vote file. A vote file behind it is an old
        // one, and what was promised since is lost as surely as if the file were gone. A snapshot proves
        // nothing of the kind: it becomes current before the vote file of the same unit is written.
        let newest_record = log.newest_record_term();
        let health = match (loaded.suspect_from, ballot.recovering) {
            _ if loaded.ballot.is_none() || newest_record > ballot.term => Recovery::PromiseLost,
            (Some(_), vote_term) => {
                Recovery::Underway { vote_term: vote_term.unwrap_or_default().max(ballot.term) }
            }
            (None, Some(vote_term)) => Recovery::Underway { vote_term },
            (None, None) => Recovery::Done,
        };
        if let Some(from) = loaded.suspect_from {
            drop_suspect(&mut log, from, loaded.applied)?;
        }
        let (last, snapshot_term) = (log.last().index, log.snapshot_last().term);
        // Had this node voted in the snapshot's term, its vote file would say so.
        let seen = newest_record.max(snapshot_term);
        let ballot =
            if seen > ballot.term { Ballot { term: seen, vote: None, ..ballot } } else { ballot };
        Ok(Self {
            now: Time::default(),
            ballot,
            durability: Durability::new(last),
            role: Role::Follower(Follower { leader: None, deadline: Time::default() }),
            links: BTreeMap::new(),
            commit: loaded.commit_hint.max(loaded.applied).min(last),
            handed_out: loaded.applied,
            applied: loaded.applied,
            apply_bytes: 0,
            waiting: Waiting::default(),
            pressure: Pressure::default(),
            rng: Rng::new(config.seed),
            round: Round::default(),
            has_tried: false,
            health,
            disk_stalled: false,
            is_started: false,
            is_stopped: false,
            poison: None,
            config,
            log,
        })
    }
}

fn check_applied(applied: Index, first: Index, last: Index) -> Result<(), OpenError> {
    if applied < first || applied > last {
        return Err(OpenError::Loaded(format!(
            "the state machine has applied {applied}, and the log goes from {first} to {last}"
        )));
    }
    Ok(())
}

fn check_identity(config: &Config, membership: &Membership) -> Result<(), OpenError> {
    let known = membership.member(config.id).map_or(Incarnation::UNKNOWN, |me| me.incarnation);
    let either_unknown =
        known == Incarnation::UNKNOWN || config.incarnation == Incarnation::UNKNOWN;
    if either_unknown || known == config.incarnation {
        return Ok(());
    }
    Err(OpenError::Loaded(format!(
        "the membership knows {} as incarnation {known}, and this directory is {}: it belongs to another \
         life of the node; add it as a new member with a new id",
        config.id, config.incarnation
    )))
}

fn check_ballot(ballot: Ballot, newest_term: Term) -> Result<Ballot, OpenError> {
    let term = ballot.term.max(newest_term);
    if term > Term::MAX {
        let sentence = format!("term {term} leaves no room for another election");
        return Err(OpenError::Loaded(sentence));
    }
    if ballot.term == Term(0) && ballot.vote.is_some() {
        return Err(OpenError::Loaded("the vote file holds a vote in term 0".into()));
    }
    Ok(ballot)
}

// What the state machine has applied was committed, so it is good whatever the disk says of the log.
fn drop_suspect(log: &mut Log, from: Index, applied: Index) -> Result<(), OpenError> {
    let good = applied.max(log.snapshot_last().index);
    let from = from.max(good.next().unwrap_or(good));
    if from <= log.last().index {
        log.truncate(from).map_err(|what| OpenError::Loaded(what.to_string()))?;
    }
    Ok(())
}
