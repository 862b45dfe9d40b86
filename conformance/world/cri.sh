# Pods as a kubelet makes them, by containerd's CRI socket, on a node where `cloister
# device-plugin` runs: the default runtime gives the machine to those that were allocated an
# enclave, with the EPC that they asked for, as an ordinary user under the runtime's own
# seccomp profile; a runtime class gives it to all of its own, and one machine to two containers
# that name one; beyond the node's EPC a pod is refused.
set -eu
# shellcheck source=conformance/world/image.bash
. "$HERE/image.bash"
native=$(dirname "$CLOISTER")/artifacts/cloister/Release/cloister
skip() {
    printf '%s\n' "$1"
    exit 77
}
fail() {
    printf '%s: %s\n' "$1" "$2"
    exit 1
}
[ "$ENGINE" = fast ] || skip 'containerd.sh has both engines: once is enough'
[ "$(id -u)" -eq 0 ] || skip 'containerd needs root'
for tool in containerd ctr runc busybox; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
[ -x "$native" ] && [ ! -e "$native.dll" ] || skip 'this build runs by dotnet, and nodes get the native program'
! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip 'this busybox is not linked statically'
# Debian's, where another Python is before it.
PATH=/usr/bin:$PATH
python3 -c 'import grpc' 2>/dev/null || skip 'python3-grpcio is not installed'
export PYTHONDONTWRITEBYTECODE=1

mkdir kubelet
image localhost/busybox:1 image.tar
# runtime NAME BINARY
runtime() {
    printf '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%s]\n' "$1"
    printf 'runtime_type = "io.containerd.runc.v2"\npod_annotations = ["cloister.dev/*", "sgx.intel.com/*"]\n'
    printf '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%s.options]\nBinaryName = "%s"\n' "$1" "$2"
}
{
    cat <<CONFIG
version = 2
root = "$WORK/root"
state = "$WORK/state"
[grpc]
address = "$WORK/socket"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/busybox:1"
disable_cgroup = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
default_runtime_name = "allocated"
CONFIG
    runtime allocated "$WORK/opt/cloister-oci-allocated"
    runtime cloister "$WORK/opt/cloister-oci"
    runtime lower runc
} >config.toml
"$native" device-plugin --kubelet "$WORK/kubelet" --cdi "$WORK/cdi" --install "$WORK/opt" --epc 128M >plugin.log 2>&1 &
plugin=$!
containerd --config config.toml >log 2>&1 &
daemon=$!
client() { timeout 60 ctr --address "$WORK/socket" --namespace k8s.io "$@" </dev/null 2>&1; }
end() {
    for task in $(client task ls -q); do client task kill --signal KILL "$task" >/dev/null || :; done
    kill "$plugin" "$daemon" 2>/dev/null || :
    wait "$plugin" "$daemon" || :
}
trap end EXIT
for _ in {1..100}; do
    [ -S socket ] && client version >/dev/null && break
    kill -0 "$daemon" 2>/dev/null || skip "containerd does not start here: $(tail -n 1 log)"
    sleep 0.1
done
output=$(client images import image.tar) || fail 'the image' "$output"
status=0
output=$(timeout 100 python3 "$HERE/cri.py" "$WORK/socket" "$WORK/kubelet" localhost/busybox:1 "$WORK/logs" 2>&1) || status=$?
[ "$status" -ne 77 ] || skip "$output"
[ "$status" -eq 0 ] || fail 'pods' "$(tail -n 3 <<<"$output"); the plugin: $(cat plugin.log)"
[ -z "$(client container ls -q)" ] || fail 'left' "$(client container ls)"
! grep -q "$WORK/state" /proc/self/mounts || fail 'left' "$(grep "$WORK/state" /proc/self/mounts)"
