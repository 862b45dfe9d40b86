# Pods as a kubelet makes them, by containerd's CRI socket, on a node where `cloister
# device-plugin` runs: the default runtime gives the machine to those that were allocated an
# enclave, with the EPC that they asked for, as an ordinary user under the runtime's own
# seccomp profile; a runtime class gives it to all of its own, and one machine to two containers
# that name one; beyond the node's EPC a pod is refused.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
# shellcheck source=conformance/world/image.bash
. "$HERE/image.bash"
[ "$ENGINE" = fast ] || skip 'containerd.sh has both engines: once is enough'
need_root 'containerd needs root'
need containerd ctr runc
need_static_busybox
need_grpc

export CONTAINERD_NAMESPACE=k8s.io
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
end() {
    for task in $(client task ls -q); do client task kill --signal KILL "$task" >/dev/null || :; done
    kill "$plugin" "$daemon" 2>/dev/null || :
    wait "$plugin" "$daemon" || :
}
trap end EXIT
begin_containerd
output=$(client images import image.tar) || fail 'the image' "$output"
status=0
output=$(timeout 100 python3 "$HERE/cri.py" "$WORK/socket" "$WORK/kubelet" localhost/busybox:1 "$WORK/logs" 2>&1) || status=$?
[ "$status" -ne 77 ] || skip "$output"
[ "$status" -eq 0 ] || fail 'pods' "$(tail -n 3 <<<"$output"); the plugin: $(cat plugin.log)"
[ -z "$(client container ls -q)" ] || fail 'left' "$(client container ls)"
! grep -q "$WORK/state" /proc/self/mounts || fail 'left' "$(grep "$WORK/state" /proc/self/mounts)"
