# `cloister oci` as the runtime of containers, in front of runc and of crun, as root
# and rootless, under Docker's default profile: a bundle that knows nothing of it
# runs on the machine, with a glibc of its own, without any library, with a root
# that is read-only; annotations are options; exec enters as well; what is wrong is
# one line, and nothing is left.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
# shellcheck source=conformance/world/bundle.bash
. "$HERE/bundle.bash"
bound=(/usr /etc /bin /sbin /lib /lib64 "$BUILD")
usable runc crun

# expect STATUS WHAT TEXT COMMAND...: the text is somewhere in the output.
expect() {
    local wanted=$1 what=$2 text=$3
    shift 3
    configure "$trace" "$docker" "$@"
    contained
    [ "$status" -eq "$wanted" ] || fail "$what" "expected exit status $wanted, got $status: $output"
    [[ $output == *"$text"* ]] || fail "$what" "expected '$text' in: $output"
}
left() { "${plain[@]}" list -q 2>/dev/null | grep "cloister-$$" || :; }

for lower in "${found[@]}"; do
    options "$lower"
    plain=("${runtime[@]}")
    export CLOISTER_OCI_RUNTIME=$lower
    runtime=("$PWD/cloister-oci" "${runtime[@]:1}")
    bundle=bundle annotations="\"cloister.dev/engine\":\"$ENGINE\"" root_read_only=false

    expect 0 'a program' '' "$BUILD/grow"
    expect 3 'a status' '' sh -c 'exit 3'
    expect 0 'the node' 'there' sh -c '[ -c /dev/sgx_enclave ] && echo there'
    contained # the same bundle once more
    [[ $status -eq 0 && $output == *there* ]] || fail 'twice' "$status: $output"
    [ "$(grep -o '"run"' bundle/config.json | wc -l)" -eq 1 ] || fail 'twice' 'the machine stands twice before the program'
    root_read_only=true
    expect 0 'a root that is read-only' '' "$BUILD/grow"
    root_read_only=false

    annotations="$annotations,\"cloister.dev/epc\":\"12M\",\"cloister.dev/stats\":\"json\",\"io.example/other\":\"x\""
    expect 0 'options' '"epcPagesTotal":3072,' "$BUILD/grow"

    # What is wrong is said once, there and in the log that containerd reads.
    for wrong in '"epc":"a lot"' '"epcc":"1M"' '"output":"/etc/passwd"' '"no-sgx2":"perhaps"' '"engine":"x\n\u001b[2J"'; do
        annotations="\"cloister.dev/${wrong#\"}"
        runtime+=(--log log.json --log-format json)
        rm -f log.json
        expect 64 "$wrong" 'cloister: oci: the annotation cloister.dev/' "$BUILD/grow"
        [ "$(wc -l <<<"$output")" -eq 1 ] || fail "$wrong" "more than a line: $output"
        grep -q '^{"level":"error","msg":"cloister: the annotation .*}$' log.json || fail "$wrong" "the log has $(cat log.json)"
        unset 'runtime[-1]' 'runtime[-1]' 'runtime[-1]' 'runtime[-1]'
    done
    annotations=''
    configure "$trace" "$docker" x
    sed -i 's|"args":\["x"\]|"args":[]|' bundle/config.json
    contained
    [[ $status -eq 64 && $output == *"no program to run"* ]] || fail "no program" "$status: $output"
    annotations='"io.kubernetes.cri.container-type":"sandbox"'
    expect 0 'a container that holds a pod' 'none' sh -c '[ -e /dev/sgx_enclave ] || echo none'
    annotations="\"cloister.dev/engine\":\"$ENGINE\""

    # A container that goes on, and what is executed in it.
    configure "$trace" "$docker" sleep 1000
    name=cloister-$$-stays
    "${runtime[@]}" run --bundle bundle --detach "$name" >/dev/null 2>&1 </dev/null || fail 'detached' "exit status $?"
    output=$("${runtime[@]}" exec "$name" sh -c '[ -c /dev/sgx_enclave ] && echo inside' 2>&1 </dev/null) || fail 'exec' "$output"
    [ "$output" = inside ] || fail 'exec' "$output"
    printf '{"terminal":false,"user":{"uid":0,"gid":0},"cwd":"/","env":["PATH=/usr/bin:/bin","HOME=/tmp"],"args":["%s"]}' "$BUILD/grow" >process.json
    output=$("${runtime[@]}" exec --process process.json "$name" 2>&1 </dev/null) || fail 'exec --process' "$output"
    # The machine is the container's, whose first process traces all of it; who may not come in has one of his own.
    tracer='while read -r key value; do [ "$key" != TracerPid: ] || echo "$value"; done </proc/$$/status'
    output=$("${runtime[@]}" exec "$name" sh -c "$tracer" 2>&1 </dev/null) || fail 'one machine' "$output"
    [ "$output" = 1 ] || fail 'one machine' "its tracer is $output"
    for _ in {1..20}; do "${runtime[@]}" exec "$name" sh -c 'exit 3' >/dev/null 2>&1 </dev/null || [ $? -eq 3 ] || fail 'its status' "$?"; done
    status=0
    output=$(printf 'words\n' | "${runtime[@]}" exec "$name" sh -c 'cat; kill -TERM $$' 2>&1) || status=$?
    [ "$status" -eq 143 ] && [ "$output" = words ] || fail 'its streams and signals' "$status: $output"
    output=$("${runtime[@]}" exec --cap CAP_SYS_RAWIO "$name" sh -c "$tracer" 2>&1 </dev/null) || fail 'more rights' "$output"
    [ "$output" -gt 1 ] || fail 'more rights' "its tracer is $output"
    if [ -z "$ids" ]; then
        output=$("${runtime[@]}" exec --user 1000:1000 "$name" sh -c "$tracer" 2>&1 </dev/null) || fail 'another user' "$output"
        [ "$output" -gt 1 ] || fail 'another user' "its tracer is $output"
    fi

    # What is executed ends with the container, and what the program leaves behind with the program.
    "${runtime[@]}" exec "$name" sleep 1000 >/dev/null 2>&1 </dev/null &
    process=$!
    sleep 0.2
    kill -0 "$process" || fail 'exec' 'it is gone'
    "${plain[@]}" kill "$name" TERM || fail 'kill' "exit status $?"
    status=0
    wait "$process" || status=$?
    [ "$status" -eq 137 ] || fail 'exec in a container that ends' "$status"
    "${runtime[@]}" delete --force "$name" >/dev/null 2>&1 || fail 'delete' "exit status $?"
    began=$SECONDS
    expect 4 'what is left behind' '' sh -c 'sleep 20 & exit 4'
    [ $((SECONDS - began)) -lt 10 ] || fail 'what is left behind' 'the container waited for it'

    # Outside of any bundle.
    status=0
    output=$("${runtime[@]}" run "cloister-$$-nowhere" 2>&1) || status=$?
    [[ $status -eq 66 && $output == 'cloister: oci: there is no config.json in this folder; --bundle names '* ]] || fail 'no bundle' "$status: $output"

    # Killed at any time, nothing is left.
    for delay in 0.01 0.03 0.06 0.1 0.2; do
        configure "$trace" "$docker" sleep 1000
        name=cloister-$$-killed-$delay
        "${runtime[@]}" run --bundle bundle "$name" >/dev/null 2>&1 </dev/null &
        process=$!
        sleep "$delay"
        kill -KILL "$process" 2>/dev/null || :
        wait "$process" 2>/dev/null || :
        "${runtime[@]}" delete --force "$name" >/dev/null 2>&1 || :
    done
    [ -z "$(left)" ] || fail 'killed' "left: $(left)"
done

# A root with nothing but one program, linked statically: no shell, no C library.
lower=${found[0]}
printf '#include <fcntl.h>\n#include <unistd.h>\nint main(void)\n{\n\treturn open("/dev/sgx_enclave", O_RDWR) < 0 ? 1 : 7;\n}\n' >only.c
mkdir -p bare/rootfs
if gcc -static -O2 -o bare/rootfs/only only.c; then
    options "$lower"
    export CLOISTER_OCI_RUNTIME=$lower
    runtime=("$PWD/cloister-oci" "${runtime[@]:1}")
    bundle=bare bound=() annotations="\"cloister.dev/engine\":\"$ENGINE\""
    expect 7 'one program' '' /only
fi
