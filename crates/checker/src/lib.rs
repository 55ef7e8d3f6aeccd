//! Judges what clients saw: histories, models, and a linearizability verdict that explains itself.
//!
//! Here will stand the history format and its recorder, readers for other formats, models of registers,
//! sets, counters and the store itself, the checker in four tiers behind one trusted core, and the page
//! that shows a verdict. With the feature `processes` also the faults that `kv torture` plays on real
//! nodes.
//!
//! Relies on no crate of ours, so that a judge never shares a bug with the accused; only the feature
//! `processes` brings in the service and the relay. An operation whose outcome is unknown stays open to
//! the end of the history: it may have happened at any moment, or never.
