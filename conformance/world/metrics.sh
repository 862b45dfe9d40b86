# Metrics as Prometheus reads them: its own Python library parses what `run --metrics` serves and `metrics` prints, promtool finds nothing to
# say where it is installed, and the values are those of `stats`.
set -euo pipefail

/usr/bin/python3 -c 'import prometheus_client.parser' 2>/dev/null || {
    echo 'python3-prometheus-client is not installed'
    exit 77
}

fail() {
    printf 'metrics: %s\n' "$1"
    exit 1
}

mkdir -m 700 "$WORK/runtime"
export XDG_RUNTIME_DIR=$WORK/runtime
mkfifo "$WORK/input"
"$CLOISTER" run --engine="$ENGINE" --epc 3M --metrics 0 -q -- "$BUILD/dumped_run" <"$WORK/input" >"$WORK/output" 2>"$WORK/error" &
run=$!
exec 3>"$WORK/input"
until [ -s "$WORK/output" ]; do
    kill -0 "$run" 2>/dev/null || fail "it has ended: $(cat "$WORK/error")"
    sleep 0.02
done
read -r program _ _ _ mrenclave <"$WORK/output"
place=$(sed -n 's|^cloister: metrics at \(http://127.0.0.1:[0-9]*/metrics\)$|\1|p' "$WORK/error")
[ -n "$place" ] || fail "no place: $(cat "$WORK/error")"

# One thread is inside, one waits: nothing counts on, but stops of looks.
"$CLOISTER" metrics "$program" >"$WORK/printed" || fail "exit status $?"
"$CLOISTER" stats "$run" --json >"$WORK/statistics" || fail "exit status $?"
status=0
/usr/bin/python3 - "$place" "$WORK" "$mrenclave" >"$WORK/said" 2>&1 <<'END' || status=$?
import json, sys, urllib.request
from prometheus_client.parser import text_string_to_metric_families

def samples(text):
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found

place, work, mrenclave = sys.argv[1:]
with urllib.request.urlopen(place) as response:
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    served = samples(response.read().decode())
printed = samples(open(f"{work}/printed").read())
assert served.keys() == printed.keys(), served.keys() ^ printed.keys()
statistics = json.load(open(f"{work}/statistics"))["statistics"]

def value(name, **labels):
    return served[name, tuple(sorted(labels.items()))]

def equal(what, expected, found):
    assert expected == found, f"{what}: {expected} in the statistics, {found} here"

pages = "sgx_epc_page_operations_total"
for operation, member in ("add", "pagesAdded"), ("augment", "pagesAugmented"), ("evict", "pagesEvicted"), ("load", "pagesLoaded"), ("remove", "pagesRemoved"):
    equal(member, statistics[member], value(pages, sgx_epc_operation=operation))
assert statistics["pagesEvicted"] > 100
equal("page faults", statistics["pageFaults"], value("sgx_paging_faults_total"))
equal("ioctls", statistics["ioctls"], value("sgx_ioctls_total"))
equal("EPC", statistics["epcPagesTotal"] * 4096, value("sgx_epc_limit_bytes"))
equal("free EPC", statistics["epcPagesFree"] * 4096, value("sgx_epc_usage_bytes", sgx_epc_state="free"))
equal("enclaves", 1, value("sgx_enclaves", sgx_enclave_state="initialized"))
equal("threads inside", 1, value("sgx_enclave_threads", sgx_enclave_id="2"))
assert any(name == "sgx_enclave_info" and ("sgx_enclave_mrenclave", mrenclave) in labels for name, labels in served), "no MRENCLAVE"
for enclave in statistics["enclaves"]:
    number = str(enclave["enclave"])
    counts = enclave["counts"] if "counts" in enclave else enclave
    for cause, count in counts["aex"].items():
        equal(f"AEX by {cause}", count, value("sgx_enclave_asynchronous_exits_total", sgx_enclave_id=number, sgx_exit_cause=cause))
    equal("EENTER", counts["entries"], value("sgx_enclave_transitions_total", sgx_enclave_id=number, sgx_leaf="EENTER", cloister_stopped="true"))
    equal("pages added", enclave["added"], value("sgx_enclave_page_operations_total", sgx_enclave_id=number, sgx_epc_operation="add"))
for call in statistics["calls"]:
    equal(call["name"], call["count"], value("sgx_operation_duration_seconds_count", sgx_operation=call["name"]))
    equal(call["name"], call["count"], value("sgx_operation_duration_seconds_bucket", sgx_operation=call["name"], le="+Inf"))
    assert abs(call["nanoseconds"] / 1e9 - value("sgx_operation_duration_seconds_sum", sgx_operation=call["name"])) < 1e-6
    below = [served[key] for key in served if key[0] == "sgx_operation_duration_seconds_bucket" and ("sgx_operation", call["name"]) in key[1]]
    assert below == sorted(below), call["name"]
END
[ "$status" -eq 0 ] || fail "$(tail -n 1 "$WORK/said")"
if command -v promtool >/dev/null; then
    promtool check metrics <"$WORK/printed" >"$WORK/said" 2>&1 || fail "promtool: $(head -n 1 "$WORK/said")"
    [ ! -s "$WORK/said" ] || fail "promtool: $(head -n 1 "$WORK/said")"
fi
exec 3>&-
wait "$run" || fail "exit status $? of the program"
[ "$(wc -l <"$WORK/error")" -eq 1 ] || fail "it said more: $(cat "$WORK/error")"

status=0
"$CLOISTER" run --metrics 192.0.2.1:9 -- true >"$WORK/said" 2>&1 || status=$?
[ "$status" -eq 74 ] && [ "$(cat "$WORK/said")" = 'cloister: run: --metrics 192.0.2.1:9: this machine has no such address' ] || fail "an address of others: exit status $status: $(cat "$WORK/said")"
