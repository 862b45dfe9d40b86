# A program runs under valgrind, which reads the code that it translates and makes
# of CPUID what it likes: the code has to be as it was written (--cpuid=fault).
set -eu
command -v valgrind >/dev/null || {
    echo 'valgrind is not installed'
    exit 77
}
grep -qw cpuid_fault /proc/cpuinfo || {
    echo 'CPUID does not fault here'
    exit 77
}
printf '#include <stdlib.h>\nint main(void)\n{\n\tvolatile char *p = malloc(8);\n\n\tp[8] = 1;\n\treturn 7;\n}\n' >wrong.c
gcc -g -O0 -o wrong wrong.c
status=0
"$CLOISTER" run --engine="$ENGINE" --cpuid=fault -- valgrind -q ./wrong >log 2>&1 || status=$?
[ "$status" -eq 7 ] || {
    echo "exit status: expected 7, got $status"
    head -n 5 log
    exit 1
}
grep -q 'Invalid write of size 1' log || {
    echo 'valgrind found nothing'
    exit 1
}
