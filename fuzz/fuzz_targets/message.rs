//! Any bytes as a message, through the same exercise as the plain tests of raft-core.

#![no_main]

#[path = "../../crates/raft-core/tests/common/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::message(bytes));
