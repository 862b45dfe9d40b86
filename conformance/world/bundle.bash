# Bundles for OCI runtimes, with Docker's default seccomp profile and capabilities. moby_calls are the calls that moby's
# profiles/seccomp/default.json allows to everybody on x86-64; all others have EPERM, clone3 ENOSYS; runtimes add ENOSYS for numbers
# that are newer than the profile. For WORK as the current folder; a script that reads this gives HERE.
# shellcheck shell=bash

ids=yes # a user namespace
[ "$(id -u)" -ne 0 ] || ids=""
annotations='' # "NAME":"VALUE",...
root_read_only=false
bundle=bundle
docker='"CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FSETID","CAP_FOWNER","CAP_SETGID","CAP_SETUID","CAP_SETPCAP","CAP_NET_BIND_SERVICE","CAP_SYS_CHROOT","CAP_KILL"'
# Of the same profile, for kernels from 4.8.
trace=',"ptrace","process_vm_readv","process_vm_writev"'
bound=()       # paths that are mounted, read-only
environment='' # "NAME=VALUE",...

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
    mkdir -p "$bundle/rootfs"
    cat >"$bundle/config.json" <<CONFIG
{"ociVersion":"1.0.2","hostname":"c","root":{"path":"rootfs","readonly":$root_read_only},"annotations":{$annotations},
"process":{"terminal":false,"user":{"uid":0,"gid":0},"cwd":"/","args":[${arguments%,}],"noNewPrivileges":false,
"env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin","HOME=/tmp"${environment:+,$environment}],
"capabilities":{"bounding":[$capabilities],"effective":[$capabilities],"permitted":[$capabilities]}},
"mounts":[{"destination":"/proc","type":"proc","source":"proc"},
{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},
{"destination":"/tmp","type":"tmpfs","source":"tmpfs","options":["mode=1777"]}
$(mounts "${bound[@]}")],
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

runs=0
# contained: runs the bundle by the words in runtime; status and output.
contained() {
    status=0
    output=$("${runtime[@]}" run --bundle "$bundle" "cloister-$$-$((++runs))" 2>&1 </dev/null) || status=$?
}

# options NAME: what a runtime needs to run here.
options() {
    runtime=("$1" --root "$WORK/state")
    [ "$1" = runc ] || runtime+=(--cgroup-manager=disabled)
    [ -z "$ids" ] || [ "$1" = crun ] || runtime+=(--rootless=true)
}

# usable: the runtimes that run /bin/true here, of the words. None: ends the script as skipped.
usable() {
    local name reason="neither $1 nor $2 is installed"
    found=()
    configure '' "$docker" /bin/true
    for name in "$@"; do
        command -v "$name" >/dev/null || continue
        options "$name"
        contained
        if [ "$status" -eq 0 ]; then
            found+=("$name")
        else
            reason=$(tail -n 1 <<<"$output")
        fi
    done
    [ ${#found[@]} -gt 0 ] || {
        printf 'no container can be made here: %s\n' "$reason"
        exit 77
    }
}
