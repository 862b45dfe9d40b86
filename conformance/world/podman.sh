# podman of Debian with `--runtime cloister-oci`, as docs/how-to/containers.md says: a container runs on the machine, as root and as another user, with
# a root that is read-only, in a user namespace of its own, under podman's own seccomp profile; annotations are options and a wrong one is podman's
# own error; what is executed in it enters, it stops and starts again, and nothing is left. A runtime by name comes from containers.conf.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
# shellcheck source=conformance/world/image.bash
. "$HERE/image.bash"
need_root 'rootless podman needs subordinate users, and more than this machine may have'
need podman conmon runc
need_static_busybox
image localhost/busybox:1 image.tar
export XDG_RUNTIME_DIR=$WORK/runtime
mkdir -m 700 runtime
printf '[engine.runtimes]\ncloister = ["%s/cloister-oci"]\n' "$WORK" >containers.conf
podman() {
    CONTAINERS_CONF=$WORK/containers.conf CLOISTER_OCI_RUNTIME=runc timeout 60 podman --root "$WORK/root" --runroot "$WORK/run" --storage-driver vfs \
        --cgroup-manager cgroupfs "$@" </dev/null 2>&1
}
end() {
    podman rm --force --all --time 0 >/dev/null || :
    # podman makes its storage a mount of its own.
    mounted=$(sed -n "s|^[^ ]* \($WORK/[^ ]*\) .*|\1|p" /proc/self/mounts)
    # shellcheck disable=SC2086 # words
    [ -z "$mounted" ] || umount $mounted || :
}
trap end EXIT
limits=(--ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --network none)
start() { podman --runtime "$runtime" run "${limits[@]}" --rm "$@"; }
sees='[ -c /dev/sgx_enclave ] && echo enclave || echo nothing'
output=$(podman load --input image.tar) || skip "podman does not work here: $(tail -n 1 <<<"$output")"
# One without the machine, so that what cannot be here is not taken for a fault of it.
runtime=runc
output=$(start localhost/busybox:1 sh -c "$sees") || skip "no container can be made here: $(tail -n 1 <<<"$output")"
[ "$output" = nothing ] || fail 'without' "$output"

runtime=cloister
options=(--annotation "cloister.dev/engine=$ENGINE")
expect() {
    local what=$1 wanted=$2
    shift 2
    output=$(start "${options[@]}" "$@") || fail "$what" "exit status $?: $output"
    [ "$output" = "$wanted" ] || fail "$what" "$output"
}
expect 'a container' enclave localhost/busybox:1 sh -c "$sees"
expect 'an ordinary user' enclave --user 1000:1000 --cap-drop all --security-opt no-new-privileges localhost/busybox:1 sh -c "$sees"
expect 'a root that is read-only' enclave --read-only localhost/busybox:1 sh -c "$sees"
expect 'a user namespace' enclave --uidmap 0:100000:65536 localhost/busybox:1 sh -c "$sees"
expect 'the profile' 2 localhost/busybox:1 sh -c 'while read -r key value; do [ "$key" != Seccomp: ] || echo "$value"; done </proc/1/status'
runtime=$WORK/cloister-oci
expect 'a runtime by its path' enclave localhost/busybox:1 sh -c "$sees"
runtime=cloister
status=0
output=$(start localhost/busybox:1 sh -c 'exit 3') || status=$?
[ "$status" -eq 3 ] || fail 'a status' "$status: $output"
options+=(--annotation cloister.dev/epc=12M --annotation cloister.dev/stats=json)
output=$(start "${options[@]}" localhost/busybox:1 sh -c :) || fail 'options' "$output"
[[ $output == *'"epcPagesTotal":3072,'* ]] || fail 'options' "$output"
status=0
output=$(start --annotation cloister.dev/epc=lots localhost/busybox:1 sh -c :) || status=$?
[[ $status -eq 126 && $output == *'cloister: oci: the annotation cloister.dev/epc'* && $(wc -l <<<"$output") -eq 1 ]] || fail 'an annotation' "$status: $output"

output=$(podman --runtime cloister run "${limits[@]}" --detach --name stays localhost/busybox:1 sleep 1000000) || fail 'detached' "$output"
output=$(podman exec stays sh -c "$sees") || fail 'exec' "$output"
[ "$output" = enclave ] || fail 'exec' "$output"
output=$(podman exec --user 1000 stays sh -c "$sees") || fail 'exec as another user' "$output"
[ "$output" = enclave ] || fail 'exec as another user' "$output"
for _ in 1 2; do
    output=$(podman stop --time 0 stays && podman start stays) || fail 'once more' "$output"
    output=$(podman exec stays sh -c "$sees") || fail 'once more' "$output"
    [ "$output" = enclave ] || fail 'once more' "$output"
done
output=$(podman rm --force --time 0 stays) || fail 'its end' "$output"
[ -z "$(podman ps --all --quiet)" ] || fail 'left' "$(podman ps --all)"
[ -z "$(runc --root "$WORK/run/runc" list -q 2>/dev/null)" ] || fail 'left' "$(runc --root "$WORK/run/runc" list)"
