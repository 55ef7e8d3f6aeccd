//! Wrong command lines: exit code 2, nothing on stdout, and a message that shows the way.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{command, kv, run};

/// Checks that `line` is a usage error whose message has `hint` in it.
fn check(line: &str, hint: &str) {
    let run = kv(line);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{line}\n{}", run.stderr);
    assert!(run.stderr.starts_with("error: "), "{line}\n{}", run.stderr);
    assert!(run.stderr.contains(hint), "{line} should say {hint:?}:\n{}", run.stderr);
}

#[test]
fn an_unknown_command_suggests_the_nearest() {
    check("kv statsu", "'status'");
    check("kv benhc", "'bench'");
    check("kv lease grnat 30s", "'grant'");
    check("kv nonsense", "unrecognized subcommand 'nonsense'");
}

#[test]
fn an_unknown_option_suggests_the_nearest() {
    check("kv bench --client 3", "'--clients'");
    check("kv get k --outptu json", "'--output'");
}

#[test]
fn a_missing_argument_is_named() {
    check("kv put", "<KEY>");
    check("kv put k", "<VALUE>");
    check("kv serve", "--config <FILE>");
    check("kv check", "<FILE>");
    check("kv sim run", "--seeds <A..B>");
    check("kv cert issue-client", "--role <ROLE>");
    check("kv recover --into D", "--from <DIR>");
    check("kv snapshot restore FILE", "--dir <DIR>");
    check("kv txn --if 'version k = 0'", "--then <OPERATION>");
}

#[test]
fn a_group_without_a_command_shows_its_commands() {
    for group in ["kv lease", "kv cert", "kv member", "kv snapshot", "kv sim"] {
        let run = kv(group);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{group}");
        assert!(run.stderr.contains("\nCommands:\n"), "{group}\n{}", run.stderr);
    }
}

#[test]
fn durations_need_a_unit() {
    check("kv bench --for 10", "a duration has a unit, as in 30s");
    check("kv torture --for 1.5m", "as in 30s");
    check("kv verify --for 0s", "longer than nothing");
    check("kv lease grant forever", "a duration is a whole number");
}

#[test]
fn seeds_are_a_range_that_holds_one() {
    check("kv sim run --seeds 7", "A..B");
    check("kv sim run --seeds 7..7", "the range is empty");
    check("kv sim run --seeds 9..7", "7 must be above 9");
    check("kv log D --range x..7", "\"x\" is not a whole number");
}

#[test]
fn nodes_are_numbers_from_1_or_the_leader() {
    check("kv kill 0", "a node is its number from 1 up, as in 2, or `leader`");
    check("kv kill laeder", "or `leader`");
    check("kv start leader", "a node is its number from 1 up");
    check("kv partition 1 2,2", "node 2 is named twice");
    check("kv partition 1,2 2,3", "node 2 is on both sides");
    check("kv partition leader leader", "the leader is on both sides");
    check("kv member add 4 somewhere", "an address is HOST:PORT");
}

#[test]
fn clusters_have_one_to_seven_nodes() {
    check("kv dev --nodes 0", "0 is not in 1..=7");
    check("kv dev --nodes 8", "8 is not in 1..=7");
    check("kv torture --nodes 300", "300 is not in 1..=7");
}

#[test]
fn an_unknown_fault_is_told_the_nearest_and_all_others() {
    check("kv torture --faults kill,pasue", "'pause'");
    check("kv torture --faults partitoin", "'partition'");
    check("kv torture --faults slowdisk", "'slow-disk'");
    check("kv torture --faults meteor", "membership");
    check("kv torture --faults kill,", "a value is required");
    check("kv torture --faults kill,pause,kill", "named twice");
}

#[test]
fn tiers_roles_formats_and_models_are_from_their_lists() {
    check("kv check --tier 4 FILE", "4 is not in 0..=3");
    check("kv cert issue-client --role root", "admin, write, read");
    check("kv get k -o yaml", "table, json");
    check("kv check --model ledger FILE", "a model is store, kv, register");
    check("kv bench delete", "put, get, mixed, counter");
}

#[test]
fn clients_and_sizes_are_bounded() {
    check("kv bench --clients 0", "0 is not in 1..=4096");
    check("kv bench --clients 4097", "4097 is not in 1..=4096");
    check("kv bench --value 1572865", "at most 1572864 bytes");
    check("kv bench --value 2MiB", "at most 1572864 bytes");
    check("kv bench --value big", "a size is a whole number");
}

#[test]
fn keys_and_values_are_checked_before_anything_runs() {
    check("kv get ''", "a key has at least one byte");
    check("kv put k @", "@ stands before a file's name");
    check("kv put - -", "stdin can be read once");
    check("kv cas k - -", "stdin can be read once");
    check("kv put --hex 6k 00", "two digits 0-9 or a-f");
    check("kv range --hex --prefix 0", "two digits 0-9 or a-f");
    check("kv txn --hex --then 'put k v'", "two digits 0-9 or a-f");
    check("kv add k one", "invalid digit");
    check("kv lease revoke 0", "<ID>");
}

#[test]
fn transactions_are_told_their_form() {
    check("kv txn --if 'k = 1' --then 'get k'", "a condition is FIELD KEY = WHAT");
    check("kv txn --then 'set k v'", "an operation is get KEY");
    check("kv txn --then 'get k' --else 'get j'", "--if <CONDITION>");
}

#[test]
fn options_that_exclude_each_other_say_so() {
    check("kv range a --prefix b", "cannot be used with");
    check("kv check --expect T FILE", "cannot be used with");
    check("kv check --witness A --verify-witness B FILE", "cannot be used with");
    check("kv check --html OUT A B", "about one FILE; here are 2");
    check("kv log D --votes --term 3", "cannot be used with");
}

#[test]
fn a_usage_error_shows_the_usage_of_that_very_command() {
    check("kv partition 1 1", "Usage: kv partition");
    check("kv put --hex zz 00", "Usage: kv put");
    check("kv sim run --seeds 7..7", "For more information, try '--help'.");
}

#[test]
fn bytes_that_are_no_text_are_good_keys_and_values_but_no_numbers() {
    let bytes = OsStr::from_bytes(b"\xff\xfe");
    let put = run(&mut command(&[OsStr::new("put"), bytes, bytes]));
    assert_eq!(put.code, 1, "{}", put.stderr);
    let add = run(&mut command(&[OsStr::new("add"), bytes, bytes]));
    assert_eq!(add.code, 2, "{}", add.stderr);
}
