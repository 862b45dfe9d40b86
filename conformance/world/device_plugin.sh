# `cloister device-plugin` as a node has it, with a kubelet's side by another implementation
# of gRPC: both resources register with each of 20 kubelets, list and allocate; a second
# plugin is one line; killed it leaves nothing that disturbs the next; ended it leaves
# nothing; what it installs runs by its own libraries, as an OCI runtime.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
[ "$ENGINE" = fast ] || skip 'no engine takes part: once is enough'
need_root 'a node has it as root'
need_grpc
mkdir kubelet

plugin() { exec "$native" device-plugin --kubelet "$WORK/kubelet" --cdi "$WORK/cdi" --install "$WORK/opt" --epc 1G; }
(plugin) >log 2>&1 &
process=$!
trap 'kill -KILL $process 2>/dev/null || :' EXIT
output=$(timeout 90 python3 "$HERE/kubelet.py" "$WORK/kubelet" 20 2>&1) || fail 'the kubelets' "$output; the plugin: $(cat log)"
[ "$output" = "sgx.intel.com/enclave CLOISTER_SGX_ENCLAVE=1 cloister.dev/sgx=enclave
sgx.intel.com/provision CLOISTER_SGX_PROVISION=1 cloister.dev/sgx=provision" ] || fail 'an allocation' "$output"
[ "$(cat /run/cloister/epc/total)" = 1073741824 ] || fail 'the EPC' "$(cat /run/cloister/epc/total)"
for name in $(grep -o '"hostPath":"[^"]*"' cdi/cloister.dev-sgx.json | cut -d'"' -f4); do
    [ -s "$name" ] || fail 'the device' "there is no $name"
done
output=$("$WORK/opt/cloister-oci" --version 2>&1) || fail 'the runtime' "$output"
[[ $output == *runc* || $output == *crun* ]] || fail 'the runtime' "$output"

# The kubelet.sock of a kubelet that is gone has nobody behind it; a second plugin sees the first all the same.
: >kubelet/kubelet.sock
status=0
output=$(timeout 20 "$native" device-plugin --kubelet "$WORK/kubelet" --cdi "$WORK/cdi" 2>&1) || status=$?
[ "$status" -eq 69 ] && [ "$(wc -l <<<"$output")" -eq 1 ] && [[ $output == *'a node has one' ]] || fail 'a second plugin' "$status: $output"
[ -s cdi/cloister.dev-sgx.json ] || fail 'a second plugin' 'it took what is not its own'
rm kubelet/kubelet.sock

# Killed, and another one in its place.
kill -KILL "$process"
wait "$process" 2>/dev/null || :
(plugin) >log 2>&1 &
process=$!
output=$(timeout 60 python3 "$HERE/kubelet.py" "$WORK/kubelet" 2 2>&1) || fail 'after a kill' "$output; the plugin: $(cat log)"
kill -TERM "$process"
wait "$process" || fail 'its end' "exit status $?: $(cat log)"
rm -f kubelet/kubelet.sock
[ -z "$(ls -A kubelet)$(ls -A cdi)" ] && [ ! -e /run/cloister/epc ] || fail 'left' "$(ls kubelet cdi /run/cloister/epc)"
[ "$(ls opt)" = "cloister-oci
cloister-oci-allocated" ] || fail 'left' "$(ls opt)"
output=$(opt/cloister-oci --version 2>&1) || fail 'what hands over' "$output"
