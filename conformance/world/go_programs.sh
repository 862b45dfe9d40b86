# Go programs run: their runtime reads the vDSO's version definitions unasked.
# Debian's fzf is one, of those there are everywhere the smallest.
set -eu
command -v fzf >/dev/null || {
    echo "fzf is not installed"
    exit 77
}
printf 'apple\nbanana\ncherry\n' >words
expected=$(fzf --filter=an <words)
actual=$("$CLOISTER" run --engine="$ENGINE" -- fzf --filter=an <words)
[ "$actual" = "$expected" ] || {
    printf 'fzf: expected %s, got %s\n' "$expected" "$actual"
    exit 1
}
