# Which package each executable belongs to, from cargo's messages (--message-format=json).
# Prints: file name of the executable, tab, package. The file name carries cargo's hash, so it is unique.

/"reason":"compiler-artifact"/ && match($0, /"executable":"[^"]+"/) {
    file = substr($0, RSTART + 14, RLENGTH - 15)
    sub(/^.*\//, "", file)
    match($0, /"package_id":"[^"]+"/)
    print file "\t" package(substr($0, RSTART + 14, RLENGTH - 15))
}

# An id ends in `#name@version`, or in `#version` where the folder is called like the package.
function package(id, name) {
    name = id
    sub(/^.*#/, "", name)
    if (name ~ /@/) {
        sub(/@.*$/, "", name)
        return name
    }
    sub(/#.*$/, "", id)
    sub(/^.*\//, "", id)
    return id
}
