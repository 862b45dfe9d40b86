# Programs that are compiled with the sanitizers run with enclaves: the pages of
# Cloister's own lie where no sanitizer keeps its shadow or heap. LeakSanitizer
# traces its own process at the end, which a process that is traced refuses: it is
# turned off by its own switch, as under gdb.
set -eu
programs=$HERE/../programs
tried=0
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    for sanitizer in address thread undefined memory; do
        # MemorySanitizer would have to know libcrypto's writes as well.
        [ "$sanitizer" != memory ] || continue
        "$compiler" -std=gnu17 -D_GNU_SOURCE -O1 -g -I"$programs/lib" -fsanitize="$sanitizer" -fno-sanitize-recover=all \
            -fno-sanitize=alignment,object-size -o program "$programs/grow.c" "$programs"/lib/*.c "$programs"/lib/*.S \
            -lcrypto -lpthread -ldl >log 2>&1 || {
            head -n 3 log
            continue
        }
        tried=$((tried + 1))
        ASAN_OPTIONS=detect_leaks=0 "$CLOISTER" run --engine="$ENGINE" -- ./program || {
            printf '%s -fsanitize=%s: exit status %s\n' "$compiler" "$sanitizer" "$?"
            exit 1
        }
    done
done
[ "$tried" -gt 0 ] || {
    echo "no compiler here has the sanitizers' libraries"
    exit 77
}
