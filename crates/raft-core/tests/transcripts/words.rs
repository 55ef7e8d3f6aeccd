//! What nodes say and do, in words: one short sentence for each message, write, event and answer. Entries are
//! named `index@term`, as everywhere else.

use raft_core::{
    AppendResult, End, Entries, EntryId, Event, Kind, Message, Payload, RoleName, StepDown, Term,
    VoteRefusal, Write,
};

use crate::harness::disk::Record;

/// A message with its kind, its term and what matters in it.
pub(crate) fn message(message: &Message) -> String {
    format!("{} of term {}: {}", kind(&message.kind), message.term, content(message))
}

/// The kind by the paper's name.
pub(crate) fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::RequestPreVote(_) => "RequestPreVote",
        Kind::RequestPreVoteReply(_) => "RequestPreVoteReply",
        Kind::RequestVote(_) => "RequestVote",
        Kind::RequestVoteReply(_) => "RequestVoteReply",
        Kind::AppendEntries(_) => "AppendEntries",
        Kind::AppendEntriesReply(_) => "AppendEntriesReply",
        Kind::Heartbeat(_) => "Heartbeat",
        Kind::HeartbeatReply(_) => "HeartbeatReply",
        Kind::Commit(_) => "Commit",
        Kind::InstallSnapshot(_) => "InstallSnapshot",
        Kind::InstallSnapshotReply(_) => "InstallSnapshotReply",
        Kind::TimeoutNow(_) => "TimeoutNow",
        Kind::ReadIndex(_) => "ReadIndex",
        Kind::ReadIndexReply(_) => "ReadIndexReply",
    }
}

fn content(message: &Message) -> String {
    match &message.kind {
        Kind::RequestPreVote(ask) => {
            let next = message.term.next().unwrap_or(message.term);
            format!("would you vote for me in term {next}? {}", my_log(ask.last))
        }
        Kind::RequestPreVoteReply(reply) => {
            reply.refusal.map_or("I would".into(), |why| format!("I would not: {}", refusal(why)))
        }
        Kind::RequestVote(ask) => format!("vote for me; {}", my_log(ask.last)),
        Kind::RequestVoteReply(reply) => {
            reply.refusal.map_or("you have my vote".into(), |why| format!("no: {}", refusal(why)))
        }
        Kind::AppendEntries(append) => {
            let (after, commit) = (place(append.previous), append.commit_index);
            let what = if append.entries.is_empty() {
                format!("do you hold {after}?")
            } else {
                format!("after {after} comes {}", entries(&append.entries))
            };
            format!("{what}; committed up to {commit}")
        }
        Kind::AppendEntriesReply(reply) => match reply.result {
            AppendResult::Matched(index) => format!("we agree up to {index}, and it is on my disk"),
            AppendResult::Conflict { rejected, hint } => {
                format!("I do not hold {}; we may agree up to {}", place(rejected), place(hint))
            }
        },
        Kind::Heartbeat(beat) => format!("I lead; committed up to {}", beat.commit_index),
        Kind::HeartbeatReply(_) => "I hear you".into(),
        Kind::Commit(notice) => format!("committed up to {}", notice.commit_index),
        other => format!("{other:?}"),
    }
}

fn my_log(last: EntryId) -> String {
    log_end("my", last)
}

/// How far a log goes.
pub(crate) fn log_end(whose: &str, last: EntryId) -> String {
    if last == EntryId::ZERO {
        format!("{whose} log is empty")
    } else {
        format!("{whose} log ends at {last}")
    }
}

fn place(id: EntryId) -> String {
    if id == EntryId::ZERO { "the beginning".into() } else { id.to_string() }
}

/// Why a vote was refused.
fn refusal(why: VoteRefusal) -> String {
    match why {
        VoteRefusal::OldTerm => "your term is behind mine".into(),
        VoteRefusal::AlreadyVoted { vote } => format!("my vote in this term is {vote}'s"),
        VoteRefusal::OldLog { theirs, ours } => {
            format!("your log ends at {}, mine at {ours}", place(theirs))
        }
        VoteRefusal::LeaderAlive { leader } => format!("I have just heard {leader}, who leads"),
        other => format!("{other:?}"),
    }
}

/// Some entries; of a long run the first and the last.
pub(crate) fn entries(run: &Entries) -> String {
    if let (Some(first), Some(last), true) = (run.first(), run.last(), run.len() > 5) {
        return format!("{first} to {last}");
    }
    let words: Vec<String> = run.iter().map(|it| entry(it.id, it.payload)).collect();
    words.join(", ")
}

fn entry(id: EntryId, payload: Payload<'_>) -> String {
    match payload {
        Payload::Empty => format!("{id} (empty)"),
        Payload::Command(bytes) if bytes == id.to_string().as_bytes() => id.to_string(),
        Payload::Command(bytes) => format!("{id} \"{}\"", String::from_utf8_lossy(bytes)),
        Payload::Membership(_) => format!("{id} (membership)"),
    }
}

/// A stored log, entry by entry; a long one by its terms.
pub(crate) fn log(records: &[Record]) -> String {
    if records.is_empty() {
        return "(nothing)".into();
    }
    if records.len() <= 15 {
        let words: Vec<String> = records
            .iter()
            .map(|record| {
                let payload = match record.kind {
                    1 => Payload::Empty,
                    _ => Payload::Command(&record.payload),
                };
                entry(record.id, payload)
            })
            .collect();
        return words.join(", ");
    }
    let mut runs: Vec<(u64, u64, Term)> = Vec::new();
    for record in records {
        match runs.last_mut() {
            Some((_, last, term)) if *term == record.id.term => *last = record.id.index.0,
            _ => runs.push((record.id.index.0, record.id.index.0, record.id.term)),
        }
    }
    let words: Vec<String> = runs
        .iter()
        .map(|(first, last, term)| {
            if first == last {
                format!("{first}@{term}")
            } else {
                format!("{first}@{term} to {last}@{term}")
            }
        })
        .collect();
    words.join(", ")
}

/// What a write makes durable.
pub(crate) fn write(write: &Write) -> String {
    let ballot = write.ballot.map(|ballot| match ballot.vote {
        Some(vote) => format!("term {}, vote {vote}", ballot.term),
        None => format!("term {}, no vote", ballot.term),
    });
    let log = (!write.entries.is_empty()).then(|| entries(&write.entries));
    ballot.into_iter().chain(log).collect::<Vec<_>>().join("; ")
}

/// Whether the event says itself what the node now is.
pub(crate) fn tells_role(event: &Event) -> bool {
    matches!(
        event,
        Event::PreVoteStarted { .. } | Event::ElectionStarted { .. } | Event::Elected { .. }
    )
}

/// What happened to a node, if the other lines do not say so already.
pub(crate) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::PreVoteStarted { term } => {
            format!("is a pre-candidate: would it be elected in term {term}?")
        }
        Event::ElectionStarted { term, .. } => {
            format!("is a candidate in term {term}, and votes for itself")
        }
        Event::VoteGranted { term, to } => format!("gives its vote of term {term} to {to}"),
        Event::VoteRefused { .. } => return None,
        Event::Elected { term, votes, voters } => {
            format!("is the leader of term {term}, by {votes} votes of {voters}")
        }
        Event::Following { term, leader } => format!("follows {leader} in term {term}"),
        Event::SteppedDown { term, cause } => {
            format!("does not lead term {term} any more: {}", step_down(*cause))
        }
        Event::Truncated { from, entries: 1 } => format!("drops its entry at {from}"),
        Event::Truncated { from, entries } => format!("drops {entries} entries, from {from} on"),
        Event::DiskStalled => "finds its disk stalled".into(),
        Event::DiskResumed => "finds its disk at work again".into(),
        Event::MessageRefused { from, why } => format!("refuses a message from {from}: {why}"),
        other => format!("{other:?}"),
    })
}

fn step_down(cause: StepDown) -> String {
    match cause {
        StepDown::NewerTerm { term, from } => format!("{from} is in term {term}"),
        StepDown::QuorumLost { answering, needed } => {
            format!("only {answering} answer, and {needed} are needed")
        }
        StepDown::Removed => "it was removed".into(),
        StepDown::StorageFault => "its disk does not answer".into(),
        StepDown::Stopped => "it is stopping".into(),
    }
}

/// What a client is told.
pub(crate) fn answer(end: &End) -> String {
    match end {
        End::Committed(id) => format!("ok, committed as {id}"),
        End::Refused(why) => format!("not applied; {why}"),
        End::Unknown(why) => format!("unknown; {why}"),
        End::Transferred { to, term } => format!("{to} leads term {term}"),
    }
}

/// A role with its article.
pub(crate) fn role(role: RoleName, term: Term) -> String {
    match role {
        RoleName::Follower => format!("a follower in term {term}"),
        RoleName::PreCandidate => format!("a pre-candidate in term {term}"),
        RoleName::Candidate => format!("a candidate in term {term}"),
        RoleName::Leader => format!("the leader of term {term}"),
    }
}
