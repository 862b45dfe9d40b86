# In a container of an OCI runtime (crun or runc) with Docker's default seccomp
# profile and capabilities, as root and rootless: programs run, `doctor` says so,
# and both with what the profile of a kernel before 4.8 leaves. moby_calls are the
# calls that moby's profiles/seccomp/default.json allows to everybody on x86-64;
# all others have EPERM, clone3 ENOSYS; runtimes add ENOSYS for numbers that are
# newer than the profile.
set -eu
cloister_root=$(dirname "$CLOISTER")
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
ids=yes # a user namespace
[ "$(id -u)" -ne 0 ] || ids=""

# mounts PATH...: a bind mount of each that is there, read-only.
mounts() {
    local path
    for path in "$@"; do
        [ ! -e "$path" ] || printf ',{"destination":"%s","type":"bind","source":"%s","options":["rbind","ro"]}' "$path" "$path"
    done
}

names() { tr -s ' \n' '\n\n' <"$HERE/moby_calls" | sed '/^$/d; s/.*/"&"/' | paste -sd,; }

# configure EXTRA-CALLS CAPABILITIES COMMAND...
configure() {
    local calls=$1 capabilities=$2 arguments namespaces='{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"}' mappings=''
    shift 2
    arguments=$(printf '"%s",' "$@")
    if [ -n "$ids" ]; then
        namespaces="$namespaces,{\"type\":\"user\"}"
        mappings="\"uidMappings\":[{\"containerID\":0,\"hostID\":$(id -u),\"size\":1}],\"gidMappings\":[{\"containerID\":0,\"hostID\":$(id -g),\"size\":1}],"
    fi
    cat >bundle/config.json <<CONFIG
{"ociVersion":"1.0.2","hostname":"c","root":{"path":"rootfs","readonly":false},
"process":{"terminal":false,"user":{"uid":0,"gid":0},"cwd":"/","args":[${arguments%,}],"noNewPrivileges":false,
"env":["PATH=$dotnet:/usr/sbin:/usr/bin:/sbin:/bin","HOME=/tmp","DOTNET_ROOT=$dotnet"],
"capabilities":{"bounding":[$capabilities],"effective":[$capabilities],"permitted":[$capabilities]}},
"mounts":[{"destination":"/proc","type":"proc","source":"proc"},
{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},
{"destination":"/tmp","type":"tmpfs","source":"tmpfs","options":["mode=1777"]}
$(mounts /usr /etc /bin /sbin /lib /lib64 "$dotnet" "$cloister_root")],
"linux":{$mappings"namespaces":[$namespaces],
"maskedPaths":["/proc/kcore","/proc/keys","/proc/timer_list"],"readonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"],
"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],
"syscalls":[{"names":[$(names)$calls],"action":"SCMP_ACT_ALLOW"},
{"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":0,"op":"SCMP_CMP_EQ"}]},
{"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":4294967295,"op":"SCMP_CMP_EQ"}]},
{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},
{"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]}}}
CONFIG
}

# contained: runs it there; status and output.
contained() {
    status=0
    output=$("${runtime[@]}" run --bundle bundle "cloister-$$-$((++runs))" 2>&1 </dev/null) || status=$?
}

runs=0
mkdir -p bundle/rootfs
docker='"CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FSETID","CAP_FOWNER","CAP_SETGID","CAP_SETUID","CAP_SETPCAP","CAP_NET_BIND_SERVICE","CAP_SYS_CHROOT","CAP_KILL"'
configure '' "$docker" /bin/true
output="neither runc nor crun is installed"
status=1
for name in runc crun; do
    command -v "$name" >/dev/null || continue
    runtime=("$name" --root "$WORK/state")
    [ "$name" = runc ] || runtime+=(--cgroup-manager=disabled)
    [ -z "$ids" ] || [ "$name" = crun ] || runtime+=(--rootless=true)
    contained
    [ "$status" -ne 0 ] || break
done
[ "$status" -eq 0 ] || {
    printf 'no container can be made here: %s\n' "$(tail -n 1 <<<"$output")"
    exit 77
}

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

trace=',"ptrace","process_vm_readv","process_vm_writev"'
expect 0 "a program" "$trace" "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/grow"
expect 0 "fork" "$trace" "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/fork_inside"
expect 0 "a quote" "$trace" "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/aesm_quote"
expect 0 "ptrace alone" ',"ptrace"' "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/vfork_inside"
expect 0 "--cap-add=SYS_PTRACE" "$trace,\"kcmp\",\"pidfd_getfd\",\"process_madvise\"" "$docker,\"CAP_SYS_PTRACE\"" \
    "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/grow"
expect 77 "no ptrace" '' "$docker" "$CLOISTER" run --engine="$ENGINE" -- "$BUILD/grow"
[ "$ENGINE" = trap ] || {
    expect 0 "doctor" "$trace" "$docker" "$CLOISTER" doctor
    expect 69 "doctor without ptrace" '' "$docker" "$CLOISTER" doctor
}
