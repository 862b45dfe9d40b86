# In a container of an OCI runtime (crun or runc) with Docker's default seccomp
# profile and capabilities, as root and rootless: programs run, `doctor` says so,
# and both with what the profile of a kernel before 4.8 leaves.
set -eu
# shellcheck source=conformance/world/bundle.bash
. "$HERE/bundle.bash"
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
bound=(/usr /etc /bin /sbin /lib /lib64 "$dotnet" "$(dirname "$CLOISTER")")
environment="\"DOTNET_ROOT=$dotnet\",\"PATH=$dotnet:/usr/sbin:/usr/bin:/sbin:/bin\""
usable runc crun
options "${found[0]}"

# expect STATUS WHAT CALLS CAPABILITIES COMMAND...
expect() {
    local wanted=$1 what=$2
    shift 2
    configure "$@"
    contained
    [ "$status" -eq "$wanted" ] || {
        printf '%s: expected exit status %s, got %s: %s\n' "$what" "$wanted" "$status" "$output"
        exit 1
    }
}

expect 0 "a program" "$trace" "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/grow"
expect 0 "fork" "$trace" "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/fork_inside"
expect 0 "a quote" "$trace" "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/aesm_quote"
expect 0 "a quote by a library" "$trace" "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/in_process_quote" /dev/null /dev/null 00C10157E500
expect 0 "ptrace alone" ',"ptrace"' "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/vfork_inside"
expect 0 "--cap-add=SYS_PTRACE" "$trace,\"kcmp\",\"pidfd_getfd\",\"process_madvise\"" "$docker,\"CAP_SYS_PTRACE\"" \
    "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/grow"
expect 77 "no ptrace" '' "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/grow"
[ "$ENGINE" = trap ] || {
    expect 0 "doctor" "$trace" "$docker" "$CLOISTER" doctor
    expect 69 "doctor without ptrace" '' "$docker" "$CLOISTER" doctor
}
