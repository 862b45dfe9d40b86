# Containers on the machine, made by runc and crun with `cloister oci`, are killed at a time
# that chance chooses, at a place that chance chooses: the runtime, the machine, its program or
# what the program started. What is left then goes by one `delete --force`: no container,
# mount, process or file stays.
# KILLS says how often, default 24; by hand: KILLS=200 conformance/world/run container_kills
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
# shellcheck source=conformance/world/bundle.bash
. "$HERE/bundle.bash"
bound=(/usr /etc /bin /sbin /lib /lib64 "$BUILD")
usable runc crun
seed=${SEED:-$RANDOM}
RANDOM=$seed
# ours: processes that have this run's mark among their arguments.
mark=$((1000000 + $$))
ours() { pgrep -f "sleep $mark|cloister-$$-" || :; }

annotations="\"cloister.dev/engine\":\"$ENGINE\",\"sgx.intel.com/epc\":\"16Mi\""
kills=${KILLS:-24}
hit=0
for ((i = 0; i < kills; i++)); do
    lower=${found[$((i % ${#found[@]}))]}
    options "$lower"
    plain=("${runtime[@]}")
    export CLOISTER_OCI_RUNTIME=$lower
    configure "$trace" "$docker" sh -c "$BUILD/grow; sleep $mark & sleep $mark; :"
    name=cloister-$$-killed-$i
    "$PWD/cloister-oci" "${runtime[@]:1}" run --bundle "$bundle" "$name" >/dev/null 2>&1 </dev/null &
    process=$!
    sleep "0.$(printf %03d $((RANDOM % 250)))"
    mapfile -t all < <(ours)
    if [ ${#all[@]} -gt 0 ]; then
        kill -KILL "${all[$((RANDOM % ${#all[@]}))]}" 2>/dev/null && hit=$((hit + 1))
    fi
    # What goes on goes on; whoever made it takes it away.
    "${plain[@]}" delete --force "$name" >/dev/null 2>&1 || "${plain[@]}" kill --all "$name" KILL >/dev/null 2>&1 || :
    kill -KILL "$process" 2>/dev/null || :
    wait "$process" 2>/dev/null || :
    "${plain[@]}" delete --force "$name" >/dev/null 2>&1 || :
    for _ in {1..1500}; do
        left=$(ours)
        [ -n "$left" ] || break
        sleep 0.02
    done
    [ -z "$left" ] || fail "kill $i, SEED=$seed" "processes: $(ps -o pid,ppid,stat,args -p "$(paste -sd, <<<"$left")")"
    [ -z "$("${plain[@]}" list -q 2>/dev/null | grep "cloister-$$" || :)" ] || fail "kill $i, SEED=$seed" "containers: $("${plain[@]}" list -q)"
    ! grep -q "$WORK" /proc/self/mounts || fail "kill $i, SEED=$seed" "mounts: $(grep "$WORK" /proc/self/mounts)"
done
[ "$hit" -gt $((kills / 2)) ] || fail 'kills' "only $hit of $kills met anything"
[ -z "$(find "$WORK" -name '*.new' -o -name '.config.json.*')" ] || fail 'left' "$(find "$WORK" -name '*.new' -o -name '.config.json.*')"
