# A disk that is full: what Cloister cannot write is one line and an exit status,
# and platforms, with all that their keys sealed, are there as they were; no part
# of one is left. tmpfs(5) gives ENOSPC as a disk does.
set -euo pipefail

if [ "${1:-}" != inside ]; then
    unshare --user --map-root-user --mount true 2>/dev/null || {
        echo 'no user namespaces here'
        exit 77
    }
    exec unshare --user --map-root-user --mount bash "${BASH_SOURCE[0]}" inside
fi

full=$WORK/full
mkdir -p "$full"
mount -t tmpfs -o size=64k none "$full"
export XDG_STATE_HOME=$full/state CLOISTER_CONFIG=

fail() {
    printf 'full_disk: %s\n' "$1"
    exit 1
}

# What a command of Cloister's says; its status is 0.
says() { "$CLOISTER" "$@" || fail "$*: exit status $?"; }

fills() { head -c 1M /dev/zero >"$full/filler" 2>/dev/null || true; }

# refused WHAT OPTION...: it fails, says so in one line, and changes no file.
refused() {
    local before after status=0
    before=$(cd "$full" && find . -type f -exec sha256sum {} + | sort)
    "$CLOISTER" "${@:2}" >"$WORK/said" 2>&1 </dev/null || status=$?
    after=$(cd "$full" && find . -type f -exec sha256sum {} + | sort)
    [ "$status" -ne 0 ] && [ "$status" -lt 126 ] || fail "$1: exit status $status: $(cat "$WORK/said")"
    [ "$(wc -l <"$WORK/said")" -eq 1 ] || fail "$1: not one line: $(cat "$WORK/said")"
    grep -qi 'space' "$WORK/said" || fail "$1: it does not say why: $(cat "$WORK/said")"
    [ "$before" = "$after" ] || fail "$1: files changed: $(diff <(echo "$before") <(echo "$after"))"
}

says platform create first
says attest root >"$WORK/root"
says platform export first "$WORK/first"
says run --engine="$ENGINE" --platform first -- "$BUILD/aesm_quote" "$WORK/quote"
before=$(says platform show first)
fills

refused 'a platform' platform create second
refused 'a copy of one' platform copy first second
refused 'one from a file' platform import "$WORK/first" second
refused 'an update' platform update first --cpusvn 02020000000000000000000000000000
refused 'a new owner' platform new-owner first
refused 'one in a file' platform export first "$full/first"

# An enclave that does not fit is told of, no part of it is left, and the program goes on.
mkdir "$full/dumps"
says run --engine="$ENGINE" --platform first --dump "$full/dumps" -- "$BUILD/aesm_quote" "$WORK/quote" 2>"$WORK/said"
grep -q '^cloister: dump: enclave 1 is not written: .*no space left on the device$' "$WORK/said" || fail "a dump: $(cat "$WORK/said")"
[ -z "$(ls -A "$full/dumps")" ] || fail "a dump left $(ls -A "$full/dumps")"

# A result in a file is the output stream's, and begins empty as by a redirection.
: >"$full/collateral"
refused 'collateral' attest collateral "$WORK/quote" --output "$full/collateral"
[ "$(says platform show first)" = "$before" ] || fail 'the platform is another'
says run --engine="$ENGINE" --platform first -- "$BUILD/aesm_quote" "$WORK/quote"
says attest verify "$WORK/quote" >/dev/null

rm "$full/filler"
says platform create second
