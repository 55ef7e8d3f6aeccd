//! The command lines that scripts may rely on. Each is here as it may stand in a script, so a
//! renamed command or option fails a test with the very line that would break.

use crate::support::{kv, leaves};

/// Everything the design promises, command by command.
const LINES: &[&str] = &[
    // Run a cluster.
    "kv dev",
    "kv dev --nodes 3 --dir D --keep",
    "kv dev --nodes 7 -o json",
    "kv serve --config FILE",
    "kv cert init-ca",
    "kv cert init-ca --dir D -o json",
    "kv cert issue-node 1",
    "kv cert issue-node 1 --dir D --host a.example --host 10.0.0.1",
    "kv cert issue-client --role admin",
    "kv cert issue-client --role write --prefix a/ --prefix b/",
    "kv cert issue-client --role read --name graphs --dir D -o json",
    // Read and write data.
    "kv put K V",
    "kv put K V --config FILE -o json",
    "kv put K -5",
    "kv put K -- --flag",
    "kv put K ''",
    "kv put K @FILE",
    "kv put K -",
    "kv put --hex 00ff 0a",
    "kv put --hex 00ff @FILE",
    "kv put K V --lease 7",
    "kv get K",
    "kv get K -o json",
    "kv get K --output table",
    "kv get --hex 00ff",
    "kv del K",
    "kv cas K OLD NEW",
    "kv cas K @old - -o json",
    "kv add K 1",
    "kv add K -9223372036854775808",
    "kv append K V",
    "kv range",
    "kv range --prefix P",
    "kv range A B --limit 10 -o json",
    "kv txn --then 'put k v'",
    "kv txn --if 'value k = 1' --if 'version j > 0' --then 'add k -1' --else 'get k' -o json",
    "kv txn --if 'version k = 0' --else 'get k'",
    "kv txn --hex --if 'value 6b = 31' --then 'put 6b 32'",
    "kv watch K",
    "kv watch --prefix K",
    "kv watch K --from 1042 -o json",
    "kv lease grant 30s",
    "kv lease revoke 7",
    "kv lease keep-alive 7",
    "kv lease keep-alive 7 --once",
    "kv lease show 7 -o json",
    "kv lease list --config FILE -o json",
    // Operate it.
    "kv status",
    "kv status --why",
    "kv status --why -o json",
    "kv top",
    "kv top --config FILE",
    "kv member list -o json",
    "kv member add 4 10.0.0.4:7401",
    "kv member remove 4",
    "kv transfer 2",
    "kv snapshot save FILE",
    "kv snapshot restore FILE --dir D",
    "kv recover --from D1 --from D2 --into D --yes",
    // Break it.
    "kv kill 1",
    "kv kill leader",
    "kv start 1",
    "kv pause 2",
    "kv pause leader -o json",
    "kv resume 2",
    "kv partition 1 2",
    "kv partition leader 2,3",
    "kv partition 1,2 3,4,5",
    "kv heal",
    // Prove it.
    "kv bench put",
    "kv bench get",
    "kv bench mixed",
    "kv bench counter",
    "kv bench put --clients 64 --value 256 --for 10s -o json",
    "kv bench put --clients 4096 --value 1572864 --for 500ms",
    "kv check FILE",
    "kv check FILE1 FILE2 FILE3 -o json",
    "kv check FILE --model kv --tier 0",
    "kv check FILE --model 'cas-register(0)' --tier 3",
    "kv check --expect DIR/expected.tsv",
    "kv check --expect DIR/expected.tsv -o json",
    "kv check --expect DIR/expected.tsv --tier 2",
    "kv check --html OUT FILE",
    "kv check --witness OUT FILE",
    "kv check --verify-witness W FILE",
    "kv sim run --seeds 0..1000",
    "kv sim run --seeds 7..8 -o json",
    "kv sim replay 18446744073709551615",
    "kv sim replay 7 --html OUT",
    "kv sim shrink 7",
    "kv sim scenario figure-8",
    "kv sim scenario bob-and-tom --html OUT",
    "kv sim mutants",
    "kv sim mutants --only 35 -o json",
    "kv torture",
    "kv torture --for 60s --nodes 5 --faults kill,pause,partition",
    "kv torture --for 60s --nodes 5 --faults kill,pause,partition --seed 7 --html OUT -o json",
    "kv torture --faults loss,delay,disk-full,slow-disk,membership",
    "kv torture --faults kill --faults pause",
    "kv verify --for 30s",
    "kv verify --for 30s --config FILE -o json",
    // Offline.
    "kv log DIR",
    "kv log DIR --range 10..20 --term 3",
    "kv log DIR --votes -o json",
    "kv fsck DIR",
    "kv fsck DIR -o json",
    "kv explain KV-0001",
    "kv explain KV-0001 -o json",
];

#[test]
fn every_promised_command_line_is_accepted() {
    for line in LINES {
        let run = kv(line);
        assert_ne!(run.code, 2, "{line}\n{}", run.stderr);
    }
}

#[test]
fn every_command_has_a_promised_line() {
    for (path, _) in leaves() {
        let mut lines = LINES.iter().map(|line| format!("{line} "));
        assert!(lines.any(|line| line.starts_with(&format!("{path} "))), "no line for `{path}`");
    }
}

#[test]
fn every_command_that_prints_a_result_takes_an_output_format() {
    // `serve` prints a log, not a result, and `top` draws on the terminal.
    let without = ["kv serve", "kv top"];
    for (path, command) in leaves() {
        let takes = command.get_arguments().any(|argument| argument.get_short() == Some('o'));
        assert_eq!(takes, !without.contains(&path.as_str()), "{path}");
    }
}

#[test]
fn every_command_that_talks_to_a_cluster_takes_a_client_file() {
    let without = [
        // These make what others talk to.
        "kv dev",
        "kv cert init-ca",
        "kv cert issue-node",
        "kv cert issue-client",
        "kv torture",
        // These read and write files only.
        "kv snapshot restore",
        "kv recover",
        "kv check",
        "kv sim run",
        "kv sim replay",
        "kv sim shrink",
        "kv sim scenario",
        "kv sim mutants",
        "kv log",
        "kv fsck",
        "kv explain",
    ];
    for (path, command) in leaves() {
        let takes = command.get_arguments().any(|a| a.get_long() == Some("config"));
        assert_eq!(takes, !without.contains(&path.as_str()), "{path}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let run = kv("kv --version");
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, concat!("kv ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}
