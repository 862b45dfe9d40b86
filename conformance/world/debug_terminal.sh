# `cloister gdb` on a terminal: the program has it while it runs (what is typed goes to it), Ctrl-C
# stops it once and gdb has it again, and so a second time; what gdb leaves behind ends with it.
set -eu
skip() {
    echo "$1"
    exit 77
}
command -v gdb >/dev/null || skip 'gdb is not installed'
command -v python3 >/dev/null || skip 'python3 is not installed'
exec timeout 100 python3 "$HERE/debug_terminal.py" "$CLOISTER" gdb -q -nx --engine "$ENGINE" -- /bin/cat
