# Every system call that a sandbox may forbid, forbidden one by one, with EPERM
# (Docker's default profile) and ENOSYS (Podman's): a program with an enclave
# runs all the same, but for three without which there is no tracing; then one
# line says what is missing and how to get it, and `doctor` says so too.
set -eu
# shellcheck disable=SC2086 # programs and lists of names are words
deny=$BUILD/world/deny
program=$BUILD/grow
[ "$(id -u)" -eq 0 ] && other=add_key || other=keyctl

# runs ERRNO NAME...: the program passes.
runs() {
    local output status=0
    output=$("$deny" "$@" -- "$CLOISTER" run --engine="$ENGINE" -- $program 2>&1) || status=$?
    [ "$status" -eq 0 ] || {
        printf 'without %s: exit status %s: %s\n' "$*" "$status" "$output"
        exit 1
    }
}

# refused ERRNO NAME: one line, and an exit status that says "not here".
refused() {
    local output status=0
    output=$("$deny" "$@" -- "$CLOISTER" run --engine="$ENGINE" -- $program 2>&1) || status=$?
    case $status in
        69 | 77) ;;
        *)
            printf 'without %s: expected exit status 69 or 77, got %s: %s\n' "$*" "$status" "$output"
            exit 1
            ;;
    esac
    [ "$(wc -l <<<"$output")" -eq 1 ] && [[ $output == cloister:* ]] && [[ $output != *internal* ]] || {
        printf 'without %s: expected one line of help, got: %s\n' "$*" "$output"
        exit 1
    }
}

# doctor STATUS ERRNO NAME...
doctor() {
    local wanted=$1 output status=0
    shift
    output=$("$deny" "$@" -- "$CLOISTER" doctor 2>&1) || status=$?
    [ "$status" -eq "$wanted" ] || {
        printf 'doctor without %s: expected exit status %s, got %s: %s\n' "$*" "$wanted" "$status" "$output"
        exit 1
    }
}

# What the runtime itself has a use for it takes ENOSYS of; clone3 is so in every profile.
all="unknown process_vm_readv process_vm_writev pidfd_open pidfd_getfd kcmp userfaultfd process_madvise clone3 modify_ldt"
if [ "$ENGINE" = trap ]; then
    # What the engines do not differ in is walked once.
    for call in ptrace seccomp memfd_create; do
        refused 1 "$call"
        refused 38 "$call"
        doctor 69 1 "$call"
    done
    runs 1 userfaultfd kcmp pidfd_getfd process_madvise unshare setns mount umount2 perf_event_open bpf add_key keyctl request_key \
        get_mempolicy mbind set_mempolicy
    runs 38 $all
    doctor 0 38 $all
else
    for call in unknown process_vm_readv process_vm_writev pidfd_open pidfd_getfd kcmp userfaultfd modify_ldt mremap \
        "pkey_alloc pkey_mprotect membarrier personality $other"; do
        runs 1 $call
    done
    export XDG_STATE_HOME=$WORK/platforms # of the service that aesm_quote asks
    for name in vfork_inside fork_inside "own_filter kill" aesm_quote; do
        program=$BUILD/$name
        runs 38 $all
    done
fi
