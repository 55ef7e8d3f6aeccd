//! What the tests share: a node on a fake disk, what it was told and what it acknowledged, and the crashes.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod crash;
pub(crate) mod node;
pub(crate) mod story;
pub(crate) mod truth;
