# What `cargo test` did, from its output.
# Usage: awk -v wall=SECONDS -f ci/tests.awk EXECUTABLES LOG, the first as ci/executables.awk prints it.
#
# Prints lines of three fields, separated by tabs:
#   passed   tests     how many
#   failed   tests     how many
#   broken   BINARY    its package: a binary that ended without saying how its tests went
#   ignored  TEST      the reason it gives
#   spent    PACKAGE   seconds in its tests; not for a package that has none
#   spent    cargo     the rest of `wall`

BEGIN {
    FS = OFS = "\t"
}

FILENAME == ARGV[1] {
    package_of[$1] = $2
    library = $2
    gsub(/-/, "_", library)
    package_of_library[library] = $2
    next
}

# `     Running unittests src/lib.rs (target/debug/deps/raft_core-0123456789abcdef)`
/^ +Running .*\)$/ {
    file = $0
    sub(/\)$/, "", file)
    sub(/^.*[\/(]/, "", file)
    start(file, file in package_of ? package_of[file] : file)
}

# `   Doc-tests raft_core`
/^ +Doc-tests / {
    library = $0
    sub(/^ +Doc-tests /, "", library)
    known = library in package_of_library
    start("documentation of " library, known ? package_of_library[library] : library)
}

/^test .* \.\.\. ignored(, .*)?$/ {
    name = reason = $0
    sub(/^test /, "", name)
    sub(/ \.\.\. ignored.*$/, "", name)
    sub(/^.* \.\.\. ignored(, )?/, "", reason)
    print "ignored", name, (reason == "" ? "no reason given" : reason)
}

# `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.35s`
/^test result: .*; finished in [0-9.]+s$/ {
    split($0, word, " ")
    passed += word[4]
    failed += word[6]
    tests[package] += word[4] + word[6]
    seconds[package] += last_seconds($0)
    binary = ""
}

# `all doctests ran in 0.29s; merged doctests compilation took 0.21s`
/^all doctests ran in .* took [0-9.]+s$/ {
    seconds[package] += last_seconds($0)
}

END {
    end_binary()
    print "passed", "tests", passed + 0
    print "failed", "tests", failed + 0
    for (i = 1; i <= packages; i++) {
        name = order[i]
        if (tests[name] > 0) {
            printf "spent\t%s\t%.2f\n", name, seconds[name]
            wall -= seconds[name]
        }
    }
    printf "spent\tcargo\t%.2f\n", (wall > 0 ? wall : 0)
}

function start(name, its_package) {
    end_binary()
    binary = name
    package = its_package
    if (!(package in tests)) {
        tests[package] = 0
        order[++packages] = package
    }
}

function end_binary() {
    if (binary != "") {
        print "broken", binary, package
    }
}

function last_seconds(line) {
    sub(/^.* /, "", line)
    return line + 0
}
