//! What the tests of the codec share: one example of every message and entry, strategies that make any
//! legal one, and the exercise that bytes from anywhere are put through.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod examples;
pub(crate) mod exercise;
pub(crate) mod strategies;
