# For NAME.run scripts: runs $PROGRAM with --stats and looks how often it had to
# stop for signals. Sets output.
#
#   stops_for_signals TRAP_LEAST TRAP_MOST FAST_LEAST FAST_MOST
stops_for_signals() {
    local status=0 least=$1 most=$2 stops
    if [ "$ENGINE" != trap ]; then
        least=$3 most=$4
    fi
    output=$("$CLOISTER" run --engine="$ENGINE" --isolation=fast --stats -- "$PROGRAM" 2>&1 </dev/null) || status=$?
    if [ "$status" -ne 0 ]; then
        printf '%s\n' "$output"
        exit "$status"
    fi
    stops=$(sed -n 's/^stops for signals: *//p' <<<"$output")
    if [ "${stops:-0}" -lt "$least" ] || [ "${stops:-0}" -gt "$most" ]; then
        printf '%s: stops for signals: expected %s to %s, got %s\n' "${PROGRAM##*/}" "$least" "$most" "${stops:-?}"
        exit 1
    fi
}
