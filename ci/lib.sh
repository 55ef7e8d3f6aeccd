# What the gate and the long run share: counted steps, said skips, and the time each part took.
# shellcheck shell=bash
# Sourced, never run. `begin` comes first, `report` and `verdict` last. No `set -e` in those who source
# it: they go on after a failing step, so that one run tells everything.

begin() {
    export CARGO_TERM_COLOR=never
    passed=0
    failed=0
    scratch=$(mktemp -d) || exit 1
    trap 'rm -rf "$scratch"' EXIT
    : >"$scratch/failures"
    : >"$scratch/skips"
    : >"$scratch/spent.tsv"
}

# step KEY NAME COMMAND...: one check; its time counts under KEY of ci/parts.tsv.
step() {
    local key=$1 name=$2 started=$SECONDS
    shift 2
    headline "$name"
    if "$@"; then
        passed=$((passed + 1))
    else
        fail "$name"
    fi
    spend "$key" $((SECONDS - started))
}

headline() {
    printf '\n== %s\n' "$1"
}

fail() {
    failed=$((failed + 1))
    printf 'failed: %s\n' "$1" | tee -a "$scratch/failures"
}

# skip NAME REASON
skip() {
    printf 'skipped: %s: %s\n' "$1" "$2" >>"$scratch/skips"
}

# spend KEY SECONDS
spend() {
    printf '%s\t%s\n' "$1" "$2" >>"$scratch/spent.tsv"
}

report() {
    headline "what failed and what was skipped"
    cat "$scratch/failures" "$scratch/skips"
}

# The last line is read by scripts.
verdict() {
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# tool NAME VERSION: prints the path of a cargo subcommand's binary, which it installs where there is none.
tool() {
    local path
    path=$(find_tool "$1") || {
        cargo install --locked "$1" --version "$2" >&2 || return 1
        path=$(find_tool "$1") || return 1
    }
    printf '%s\n' "$path"
}

# find_tool NAME: on PATH, or where cargo installs to.
find_tool() {
    local cargo_home=${CARGO_HOME:-${HOME:-}/.cargo}
    PATH=$PATH:${CARGO_INSTALL_ROOT:-$cargo_home}/bin type -P "$1"
}
