# containerd, its shim and runc of Debian with `cloister oci` between them: a container
# runs on the machine by `--runc-binary` alone, with containerd's seccomp profile, in a
# root that has one static program; so does what is executed in it; a wrong
# annotation is containerd's own error; what is killed leaves nothing.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
need_root 'containerd needs root'
need containerd ctr runc
need_static_busybox
mkdir -p rootfs/bin
cp "$(command -v busybox)" rootfs/bin/
ln -s busybox rootfs/bin/sh
ln -s busybox rootfs/bin/sleep
cat >config.toml <<CONFIG
version = 2
root = "$WORK/root"
state = "$WORK/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$WORK/socket"
CONFIG
end() {
    client task kill --signal KILL stays >/dev/null || :
    kill "$daemon"
    wait "$daemon" || :
}
trap end EXIT
begin_containerd
# One without the machine, so that what cannot be here is not taken for a fault of it.
run() { client run --cgroup '' --seccomp "$@"; }
plain=$(run --rm --rootfs "$PWD/rootfs" plain /bin/sh -c '[ -e /dev/sgx_enclave ] || echo none') || skip "no container can be made here: $plain"
[ "$plain" = none ] || fail 'without' "$plain"
run() { client run --cgroup '' --seccomp --runc-binary "$PWD/cloister-oci" --annotation "cloister.dev/engine=$ENGINE" "$@"; }

output=$(run --rm --rootfs "$PWD/rootfs" one /bin/sh -c '[ -c /dev/sgx_enclave ] && echo there; exit 3') && fail 'a status' 'it was 0'
[ "$output" = there ] || fail 'the node' "$output"
output=$(run --rm --annotation cloister.dev/epc=lots --rootfs "$PWD/rootfs" wrong /bin/sh -c :) && fail 'an annotation' 'it was taken'
[[ $output == *'OCI runtime create failed: cloister: the annotation cloister.dev/epc'* ]] || fail 'an annotation' "$output"
output=$(run --detach --rootfs "$PWD/rootfs" stays /bin/sh -c 'sleep 1000; true') || fail 'detached' "$output"
output=$(client task exec --exec-id first stays /bin/sh -c '[ -c /dev/sgx_enclave ] && echo inside') || fail 'exec' "$output"
[ "$output" = inside ] || fail 'exec' "$output"
client task kill --signal KILL stays >/dev/null || fail 'kill' "exit status $?"
for _ in {1..100}; do
    [[ $(client task ls) == *STOPPED* ]] && break
    sleep 0.1
done
output=$(client container rm stays) || fail 'remove' "$output"
[ "$(client container ls -q)" = '' ] || fail 'left' "$(client container ls)"
