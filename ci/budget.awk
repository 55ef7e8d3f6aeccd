# The table of the gate's time.
# Usage: awk -f ci/budget.awk ci/parts.tsv SPENT, the second with lines of: crate or step, tab, seconds.
# A part over its budget ends in OVER; so does a crate that ci/parts.tsv does not name.

BEGIN {
    FS = "\t"
    row("part", "minutes", "budget", "")
}

/^#/ {
    next
}

FILENAME == ARGV[1] {
    part[++parts] = $1
    budget[parts] = $2
    count = split($3, name, " ")
    for (i = 1; i <= count; i++) {
        number_of[name[i]] = parts
    }
    next
}

!($1 in number_of) {
    part[++parts] = $1 " (in no part)"
    budget[parts] = 0
    number_of[$1] = parts
}

{
    seconds[number_of[$1]] += $2
    is_built[number_of[$1]] = 1
}

END {
    for (i = 1; i <= parts; i++) {
        minutes = seconds[i] / 60
        is_over = minutes > budget[i] || part[i] ~ /\(in no part\)$/
        row(part[i], is_built[i] ? sprintf("%.2f", minutes) : "not built yet", budget[i], is_over ? "  OVER" : "")
        sum += minutes
        sum_of_budgets += budget[i]
    }
    row("sum", sprintf("%.2f", sum), sum_of_budgets, "")
}

function row(name, minutes, of_budget, mark) {
    printf "%-30s %13s %7s%s\n", name, minutes, of_budget, mark
}
