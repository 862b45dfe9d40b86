# Pods as a kubelet makes them, by containerd's CRI socket, on a node where `cloister
# device-plugin` runs: the default runtime gives the machine to those that were allocated an
# enclave, with the EPC that they asked for, as an ordinary user under the runtime's own
# seccomp profile; a runtime class gives it to all of its own, and one machine to two containers
# that name one; beyond the node's EPC a pod is refused. A pod as it is written for hardware
# (deploy/kubernetes/samples) has the EPC that the API says it asks for.
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
need openssl
python3 -c 'import yaml' 2>/dev/null || skip 'python3-yaml is not installed'

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
# The plugin as a pod has it: with an account, and an API's side.
mkdir account pods
python3 "$HERE/api.py" "$WORK/account" "$WORK/pods" >port 2>api.log &
api=$!
for _ in {1..100}; do
    [ ! -s port ] || break
    sleep 0.1
done
[ -s port ] || skip "no API's side can be made here: $(tail -n 1 api.log)"
export KUBERNETES_SERVICE_HOST=127.0.0.1
KUBERNETES_SERVICE_PORT=$(cat port)
export KUBERNETES_SERVICE_PORT
unshare --mount bash -euc 'mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
    mount --bind "$1/account" /var/run/secrets/kubernetes.io/serviceaccount
    exec "$2" device-plugin --node here --kubelet "$1/kubelet" --cdi "$1/cdi" --install "$1/opt" --epc 128M' - "$WORK" "$native" >plugin.log 2>&1 &
plugin=$!
end() {
    for task in $(client task ls -q); do client task kill --signal KILL "$task" >/dev/null || :; done
    kill "$plugin" "$daemon" 2>/dev/null || :
    wait "$plugin" "$daemon" || :
    kill "$api" 2>/dev/null || :
    mounted=$(sed -n "s|^[^ ]* \($WORK/[^ ]*\) .*|\1|p" /proc/self/mounts | sort -r)
    # shellcheck disable=SC2086 # words
    [ -z "$mounted" ] || umount $mounted || :
    rmdir -p /var/run/secrets/kubernetes.io/serviceaccount 2>/dev/null || :
}
trap end EXIT
begin_containerd
output=$(client images import image.tar) || fail 'the image' "$output"
status=0
output=$(timeout 100 python3 "$HERE/cri.py" "$WORK/socket" "$WORK/kubelet" localhost/busybox:1 "$WORK/logs" "$WORK/pods" "$BUILD" 2>&1) || status=$?
[ "$status" -ne 77 ] || skip "$output"
[ "$status" -eq 0 ] || fail 'pods' "$(tail -n 3 <<<"$output"); the plugin: $(cat plugin.log)"
[ -z "$(client container ls -q)" ] || fail 'left' "$(client container ls)"
! grep -q "$WORK/state" /proc/self/mounts || fail 'left' "$(grep "$WORK/state" /proc/self/mounts)"
