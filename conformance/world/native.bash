# What the scripts about containers and nodes have in common: the native program, daemons of Debian, and their ends. For WORK as the current
# folder; a script that reads this gives HERE and CLOISTER, and may say in lower which runtime it is at.
# shellcheck shell=bash

lower='' daemon=''
skip() {
    printf '%s\n' "$1"
    exit 77
}
# fail WHAT TEXT: ends the script.
fail() {
    printf '%s%s: %s\n' "$1" "${lower:+ ($lower)}" "$2"
    exit 1
}
# need TOOL...
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}
need_root() { [ "$(id -u)" -eq 0 ] || skip "$1"; }
need_static_busybox() {
    need busybox
    ! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip 'this busybox is not linked statically'
}
# need_grpc: Debian's Python, where another one is before it.
need_grpc() {
    PATH=/usr/bin:$PATH
    python3 -c 'import grpc' 2>/dev/null || skip 'python3-grpcio is not installed'
    export PYTHONDONTWRITEBYTECODE=1
}

native=$(dirname "$CLOISTER")/artifacts/cloister/Release/cloister
[ -x "$native" ] && [ ! -e "$native.dll" ] || skip 'containers and nodes need the native program, and this build runs by dotnet'
ln -s "$native" cloister-oci

# client ARGUMENT...: ctr, of the daemon that begin_containerd began.
client() { timeout 60 ctr --address "$WORK/socket" "$@" </dev/null 2>&1; }
# begin_containerd: with config.toml; its process is in daemon.
begin_containerd() {
    containerd --config config.toml >log 2>&1 &
    daemon=$!
    for _ in {1..100}; do
        [ -S socket ] && client version >/dev/null && return 0
        kill -0 "$daemon" 2>/dev/null || skip "containerd does not start here: $(tail -n 1 log)"
        sleep 0.1
    done
    skip "containerd does not answer here: $(tail -n 1 log)"
}
