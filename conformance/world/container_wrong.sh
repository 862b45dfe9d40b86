# What is wrong with a container is one line, there and in the log that containerd and podman read, and nothing is left: hostile annotations, bundles without
# a program or with something else in the place of one, a bundle that cannot be written, a container without /proc. A root without room, without /dev, or
# with next to no /dev, is none of it.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
# shellcheck source=conformance/world/bundle.bash
. "$HERE/bundle.bash"
[ "$ENGINE" = fast ] || skip 'no engine takes part in most of it: once is enough'
bound=(/usr /bin /sbin /lib /lib64 "$BUILD")
usable runc crun
full=''
end() { [ -z "$full" ] || umount "$full"; }
trap end EXIT

# wrong STATUS WHAT TEXT: the bundle is refused.
wrong() {
    rm -f log.json
    [ ! -f bundle/config.json ] || [ -L bundle/config.json ] || cp bundle/config.json before.json
    contained
    [ "$status" -eq "$1" ] || fail "$2" "expected exit status $1, got $status: $output"
    [[ $(wc -l <<<"$output") -eq 1 && ${#output} -lt 1000 && $output == *"$3"* ]] || fail "$2" "expected one line with '$3': $output"
    ! LC_ALL=C grep -q '[[:cntrl:]]' <<<"$output" || fail "$2" "control characters: $(cat -v <<<"$output")"
    [ "$(grep -c '^{"level":"error","msg":"cloister: .*}$' log.json)" -eq 1 ] || fail "$2" "the log has $(cat log.json)"
    [ ! -e before.json ] || cmp -s before.json bundle/config.json || fail "$2" 'config.json is another one'
    [ -z "$(find . -name '.config.json*' -o -name '*.new')" ] || fail "$2" "left: $(find . -name '.config.json*' -o -name '*.new')"
    [ -z "$("${plain[@]}" list -q 2>/dev/null | grep "cloister-$$" || :)" ] || fail "$2" "left: $("${plain[@]}" list -q)"
}
# annotated TEXT: a bundle with these annotations.
annotated() {
    annotations=$1
    configure "$trace" "$docker" true
}
# replaced PATTERN TEXT: a bundle in which something stands for something else.
replaced() {
    annotations=''
    configure "$trace" "$docker" x
    sed -i "s|$1|$2|" bundle/config.json
}
long=$(head -c 100000 /dev/zero | tr '\0' x)
# What is refused never comes to the runtime behind it: one of them is enough.
for lower in "${found[0]}"; do
    options "$lower"
    plain=("${runtime[@]}")
    export CLOISTER_OCI_RUNTIME=$lower
    runtime=("$PWD/cloister-oci" "${runtime[@]:1}" --log log.json --log-format json)
    for one in '"epc":"-1"' '"epc":"99999999999999999999999G"' '"epc":"4097"' "\"epc\":\"$long\"" "\"$long\":\"1\"" '"":"1"' '"--epc":"8M"' '"epc=8M --seed":"x"' \
        '"epc":null' '"epc":8388608' '"epc":{"a":[]}' '"no-sgx2":""' '"machine":""' '"machine":"a/\u0000b"' '"dump":"/etc"' '"trace":"/etc/passwd"' '"policy":"/dev/zero"' \
        '"cpu":"help"' '"help":"true"' '"nodes":"enclave=root:root:9999"' '"inject":"\u001b]0;x\u0007"' '"interrupts":"١"'; do
        annotated "\"cloister.dev/${one#\"}"
        wrong 64 "${one:0:40}" 'cloister: oci: the annotation cloister.dev/'
    done
    for one in -1 0 lots 1e99 9E '' ' 64Mi' 0x10; do
        annotated "\"sgx.intel.com/epc\":\"$one\""
        wrong 64 "an EPC of '$one'" 'cloister: oci: the annotation sgx.intel.com/epc: '
    done
    annotated '"cloister.dev/tcb":"Revoked","cloister.dev/machine":"a","cloister.dev/gdb":"1","cloister.dev/interrupt-every":"1","cloister.dev/interrupts":"7"'
    contained
    [[ $(wc -l <<<"$output") -eq 1 ]] || fail 'options that contradict each other' "$output"

    replaced '"args":\["x"\]' '"args":[]'
    wrong 64 'no program' 'no program to run'
    replaced '"args":\["x"\],' ''
    wrong 64 'no args' 'no program to run'
    for one in null; do
        replaced '"args":\["x"\]' "\"args\":$one"
        wrong 64 "args that are $one" 'no program to run'
    done
    for one in '"x"' 7 '{}'; do
        replaced '"args":\["x"\]' "\"args\":$one"
        wrong 64 "args that are $one" 'args is not what config.md'
    done
    replaced '"process":' '"other":'
    wrong 64 'no process' 'there is no process'
    replaced '"mounts":\[' '"mounts":{},"other":['
    wrong 64 'mounts that are none' 'mounts is not what config.md'
    for one in '"\ud800":""' '"cloister.dev/seed":"\ud800"' '"other":["\udc00x"]'; do
        annotated "$one"
        wrong 64 "${one:0:40}" 'a text that is not Unicode'
    done
    replaced '^{' '[{'
    wrong 64 'no JSON' 'not JSON'
    replaced '^{' '{"process":{"args":["y"]},'
    wrong 64 'a name twice' 'a name that is there twice'
    : >bundle/config.json
    wrong 64 'an empty file' 'not JSON'
    rm bundle/config.json before.json
    wrong 74 'no file' 'config.json'
    mkfifo bundle/config.json
    wrong 74 'a pipe' 'config.json'
    rm bundle/config.json
    ln -s /dev/zero bundle/config.json
    wrong 74 'a device' 'config.json'
    rm bundle/config.json
    truncate -s 17M bundle/config.json
    wrong 74 'a file that is too large' 'config.json'
    rm bundle/config.json before.json
    annotations=''
done

for lower in "${found[@]}"; do
    options "$lower"
    export CLOISTER_OCI_RUNTIME=$lower
    runtime=("$PWD/cloister-oci" "${runtime[@]:1}")
    # Without /proc nothing can be traced, and the container says so; the runtimes do not look.
    annotations=''
    configure "$trace" "$docker" true
    sed -i '/"maskedPaths"/d; s|{"destination":"/proc","type":"proc","source":"proc"},||' bundle/config.json
    contained
    [ "$status" -ne 0 ] && [ "$(wc -l <<<"$output")" -le 2 ] || fail 'no /proc' "$status: $output"
    [[ $output == *proc* ]] || fail 'no /proc' "$status: $output"

    # A /dev with room for nothing but the names in it.
    configure "$trace" "$docker" "$BUILD/grow"
    sed -i 's/"size=65536k"/"size=4k"/' bundle/config.json
    contained
    [ "$status" -eq 0 ] || fail 'a small /dev' "$status: $output"
done

if [ -z "$ids" ]; then
    options "${found[0]}"
    export CLOISTER_OCI_RUNTIME=${found[0]}
    plain=("${runtime[@]}")
    runtime=("$PWD/cloister-oci" "${runtime[@]:1}" --log log.json --log-format json)
    # A root without a byte of room.
    bundle=small
    mkdir -p small/rootfs
    mount -t tmpfs -o size=64k tmpfs small/rootfs
    full=$WORK/small/rootfs
    configure "$trace" "$docker" "$BUILD/grow"
    (cd small/rootfs && mkdir -p dev proc tmp "${bound[@]/#/.}")
    dd if=/dev/zero of=small/rootfs/filled bs=4k 2>/dev/null || :
    contained
    [ "$status" -eq 0 ] || fail 'a root without room' "$status: $output"
    umount "$full"

    # A bundle's folder without one, or that is read-only.
    bundle=bundle annotations=''
    configure "$trace" "$docker" true
    cp bundle/config.json plain.json
    umount "$full" 2>/dev/null || :
    rm -rf bundle
    mkdir bundle
    mount -t tmpfs -o size=64k tmpfs bundle
    full=$WORK/bundle
    cp plain.json bundle/config.json
    dd if=/dev/zero of=bundle/filled bs=4k 2>/dev/null || :
    wrong 74 'a bundle without room' 'config.json'
    mount -o remount,ro "$full"
    wrong 74 'a bundle that is read-only' 'config.json'
fi
