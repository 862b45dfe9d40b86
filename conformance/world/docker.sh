# Docker of Debian with a runtime `cloister`, as docs/how-to/containers.md says: a container runs on the machine, as root and as another user, with a
# root that is read-only, under Docker's own seccomp profile and capabilities; options come by CLOISTER_OPTIONS, since this Docker knows no annotations
# yet; what is executed in it enters, it stops and starts again, and what is killed leaves nothing. The same as the daemon's default runtime.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
# shellcheck source=conformance/world/image.bash
. "$HERE/image.bash"
need_root 'the daemon needs root'
need dockerd docker containerd runc
need_static_busybox
layer
printf '{"runtimes":{"cloister":{"path":"%s/cloister-oci"},"named":{"path":"%s/cloister-oci","runtimeArgs":["--runtime","%s"]}},"data-root":"%s/root","exec-root":"%s/run","pidfile":"%s/pid","bridge":"none","iptables":false,"storage-driver":"vfs","hosts":["unix://%s/socket"]}' \
    "$WORK" "$WORK" "$(command -v runc)" "$WORK" "$WORK" "$WORK" "$WORK" >daemon.json
docker() { DOCKER_CONFIG=$WORK DOCKER_HOST=unix://$WORK/socket timeout 60 docker "$@" </dev/null 2>&1; }
begin() {
    dockerd --config-file "$WORK/daemon.json" >>log 2>&1 &
    daemon=$!
    for _ in {1..150}; do
        docker version >/dev/null && return 0
        kill -0 "$daemon" 2>/dev/null || skip "Docker does not start here: $(tail -n 1 log)"
        sleep 0.1
    done
    skip "Docker does not answer here: $(tail -n 1 log)"
}
end() {
    # shellcheck disable=SC2046 # words
    docker rm --force $(docker ps --all --quiet) >/dev/null || :
    kill "$daemon" 2>/dev/null || :
    wait "$daemon" || :
    mounted=$(sed -n "s|^[^ ]* \($WORK/[^ ]*\) .*|\1|p" /proc/self/mounts)
    # shellcheck disable=SC2086 # words
    [ -z "$mounted" ] || umount $mounted || :
}
trap end EXIT
begin
output=$(tar -C layer -c . | DOCKER_HOST=unix://$WORK/socket command docker import - busybox:1 2>&1) || fail 'the image' "$output"
sees='[ -c /dev/sgx_enclave ] && echo enclave || echo nothing'
runtime=()
start() { docker run --rm --network none "${runtime[@]}" "$@"; }
# One without the machine, so that what cannot be here is not taken for a fault of it.
output=$(start busybox:1 sh -c "$sees") || skip "no container can be made here: $(tail -n 1 <<<"$output")"
[ "$output" = nothing ] || fail 'without' "$output"

runtime=(--runtime cloister --env "CLOISTER_OPTIONS=--engine=$ENGINE")
expect() {
    local what=$1 wanted=$2
    shift 2
    output=$(start "$@") || fail "$what" "exit status $?: $output"
    [ "$output" = "$wanted" ] || fail "$what" "$output"
}
expect 'a container' enclave busybox:1 sh -c "$sees"
expect 'an ordinary user' enclave --user 1000:1000 --cap-drop all --security-opt no-new-privileges busybox:1 sh -c "$sees"
expect 'a root that is read-only' enclave --read-only busybox:1 sh -c "$sees"
expect 'the profile' 2 busybox:1 sh -c 'while read -r key value; do [ "$key" != Seccomp: ] || echo "$value"; done </proc/1/status'
output=$(docker run --rm --network host "${runtime[@]}" busybox:1 sh -c "$sees") || fail 'the network of the host' "$output"
[ "$output" = enclave ] || fail 'the network of the host' "$output"
output=$(docker run --rm --network none --runtime named busybox:1 sh -c "$sees") || fail 'a runtime behind it' "$output"
[ "$output" = enclave ] || fail 'a runtime behind it' "$output"
status=0
output=$(start busybox:1 sh -c 'exit 3') || status=$?
[ "$status" -eq 3 ] || fail 'a status' "$status: $output"
output=$(start --env 'CLOISTER_OPTIONS=--epc 12M --stats=json' busybox:1 sh -c :) || fail 'options' "$output"
[[ $output == *'"epcPagesTotal":3072,'* ]] || fail 'options' "$output"

output=$(docker run --detach --name stays --network none "${runtime[@]}" busybox:1 sleep 1000000) || fail 'detached' "$output"
for round in first second third; do
    output=$(docker exec stays sh -c "$sees") || fail "exec, $round" "$output"
    [ "$output" = enclave ] || fail "exec, $round" "$output"
    output=$(docker exec --user 1000 stays sh -c "$sees") || fail "exec as another user, $round" "$output"
    [ "$output" = enclave ] || fail "exec as another user, $round" "$output"
    output=$(docker restart --time 0 stays) || fail "once more, $round" "$output"
done
output=$(docker kill stays && docker rm stays) || fail 'its end' "$output"
[ -z "$(docker ps --all --quiet)" ] || fail 'left' "$(docker ps --all)"
[ -z "$(ls run/containerd/daemon/io.containerd.runtime.v2.task/moby 2>/dev/null)" ] || fail 'left' "$(ls run/containerd/daemon/io.containerd.runtime.v2.task/moby)"

# As the default of the daemon.
kill "$daemon"
wait "$daemon" || :
sed -i 's/^{/{"default-runtime":"cloister",/' daemon.json
begin
runtime=()
expect 'a default runtime' enclave busybox:1 sh -c "$sees"
