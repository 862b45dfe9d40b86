# Runs that join a machine (`run --machine`): the process that asks becomes the program, with its
# number, streams and status, on the first one's EPC; the machine stays until the last has ended, and
# goes with the first run's own process; who may not come in, or wants another machine, hears why; of
# many that begin at once one makes it.
set -eu
fail() {
    printf '%s: %s\n' "$1" "$2"
    exit 1
}
trap 'kill -KILL $(jobs -p) 2>/dev/null || :' EXIT
socket=$WORK/machine
run=("$CLOISTER" run --machine "$socket" --engine "$ENGINE")
# first COMMAND...: a run that makes the machine; its process is in first.
first() {
    "${run[@]}" --stats=json --output "$WORK/stats" -- "$@" &
    first=$!
    for _ in {1..500}; do
        [ ! -S "$socket" ] || return 0
        sleep 0.02
    done
    fail 'the first' 'there is no socket'
}
# gone PROCESS: that it ends, or has ended.
gone() {
    for _ in {1..500}; do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.02
    done
    return 1
}
# sleeps PROCESS: that it has become the program.
sleeps() {
    for _ in {1..500}; do
        [ "$(tr -d '\0' <"/proc/$1/cmdline")" != sleep1000 ] || return 0
        sleep 0.02
    done
    fail 'its process' "$(tr '\0' ' ' <"/proc/$1/cmdline")"
}

# The first one's program ends before those that joined.
mkfifo go
first sh -c 'read -r _ <go; exit 5'
output=$(printf 'words\n' | "${run[@]}" -- sh -c 'cat; echo $$ $PPID; exit 7') && fail 'a status' 'it was 0'
[ "$?" -eq 7 ] || fail 'a status' "$?"
[ "$(head -n 1 <<<"$output")" = words ] || fail 'its streams' "$output"
"${run[@]}" -- sh -c 'exec sleep 1000' &
joined=$!
sleeps "$joined"
"${run[@]}" -- "$BUILD/grow" || fail 'an enclave' "status $?"
echo >go
sleep 0.2
"${run[@]}" -- "$BUILD/grow" || fail 'after the first program' "status $?"
kill -TERM "$joined"
status=0
wait "$joined" || status=$?
[ "$status" -eq 143 ] || fail 'a signal' "status $status"
status=0
wait "$first" || status=$?
[ "$status" -eq 5 ] || fail 'the first status' "$status"
[ ! -e "$socket" ] || fail 'left' 'the socket'
grep -q '"name":"SGX_IOC_ENCLAVE_INIT","count":2,' stats || fail 'one machine' "$(cat stats)"

# Who wants another machine.
first sleep 1000
status=0
output=$("${run[@]}" --epc 8M -- true 2>&1) || status=$?
[[ $status -eq 69 && $output == "cloister: run: --machine $socket: it was made without --epc=8M; leave that out, or name another machine" ]] || fail 'other options' "$status: $output"
status=0
output=$("${run[@]}" -- ./nothing 2>&1) || status=$?
[ "$status" -eq 66 ] || fail 'no program' "$status: $output"
if [ "$(id -u)" -eq 0 ] && getent passwd nobody >/dev/null && command -v runuser >/dev/null; then
    chmod 777 "$socket" "$WORK"
    status=0
    output=$(runuser -u nobody -- env "HOME=/tmp" "$CLOISTER" run --machine "$socket" -- true 2>&1) || status=$?
    [[ $status -eq 77 && $output == *"it is another user's" ]] || [[ $output == *ermission* ]] || fail 'another user' "$status: $output"
fi

# The machine goes with the first run; what it leaves is no machine.
"${run[@]}" -- sleep 1000 &
joined=$!
sleeps "$joined"
kill -KILL "$first"
gone "$joined" || fail 'the machine is gone' 'a program of it is there'
wait "$first" "$joined" 2>/dev/null || :
[ -S "$socket" ] || fail 'killed' 'the socket went'
"${run[@]}" -- "$BUILD/grow" || fail 'in the place of one that was killed' "status $?"
[ ! -e "$socket" ] || fail 'left' 'the socket'

# Who joins only where there is one, and what ends with its program.
"$CLOISTER" run --join "$socket" --engine "$ENGINE" -- "$BUILD/grow" || fail 'nobody to join' "status $?"
first sleep 1000
"$CLOISTER" run --join "$socket" --engine "$ENGINE" -- sh -c 'kill -KILL $(sed -n "s/^TracerPid:\t//p" /proc/$$/status); sleep 1000' && fail 'to join' 'it was 0'
gone "$first" || fail 'to join' 'its tracer was another'
wait "$first" 2>/dev/null || :
began=$SECONDS status=0
"$CLOISTER" run --init --engine "$ENGINE" -- sh -c "sleep 3$$ & exit 3" || status=$?
[ "$status" -eq 3 ] && [ $((SECONDS - began)) -lt 10 ] || fail 'what ends with it' "status $status after $((SECONDS - began)) s"
! pgrep -f "^sleep 3$$\$" >/dev/null || fail 'what ends with it' 'it is there'

# Many at once, by name and by path.
for name in "$socket" "conformance-$$"; do
    processes=()
    for _ in {1..12}; do
        "$CLOISTER" run --machine "$name" --engine "$ENGINE" -- sh -c 'exit 3' &
        processes+=($!)
    done
    for process in "${processes[@]}"; do
        status=0
        wait "$process" || status=$?
        [ "$status" -eq 3 ] || fail "many at $name" "status $status"
    done
done
