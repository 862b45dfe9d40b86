# The page that `report` makes of a trace, in Chromium: its figures are those of `--stats`, it draws what happened, and what is clicked does what it says. It asks
# for nothing from outside, and a trace whose names are HTML makes none.
set -euo pipefail

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo 'no Chromium here'
    exit 77
}
[ -x /usr/bin/python3 ] || {
    echo 'python3 is not installed'
    exit 77
}

fail() {
    printf 'report: %s\n' "$1"
    exit 1
}

# dom FILE: the page as it is when its script has run. What it fetches goes to a log.
dom() {
    timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$WORK/profile" --window-size="$2",900 \
        --virtual-time-budget=5000 --dump-dom "file://$1" 2>"$WORK/browser" || fail "exit status $? of $browser: $(tail -n 1 "$WORK/browser")"
}

"$CLOISTER" run --engine="$ENGINE" --epc 3M --trace "$WORK/trace.jsonl" -q --stats=json -o "$WORK/statistics" -- "$BUILD/traced_run" || fail "exit status $? with --trace"
"$CLOISTER" report "$WORK/trace.jsonl" -o "$WORK/report.html" || fail "exit status $? of report"
! grep -oE '(src|href|url)[=(]|https?://[^"]*' "$WORK/report.html" | grep -v '^http://www.w3.org/2000/svg' || fail 'it asks for something from outside'

# Somebody clicks: the first kind is hidden, and the moment is the first one.
sed 's|</body>|<script>document.querySelector("#timeline-legend button").click(); scrub.value = 0; scrub.dispatchEvent(new Event("input")); document.body.dataset.clicked = "yes";</script></body>|' \
    "$WORK/report.html" >"$WORK/clicked.html"
dom "$WORK/report.html" 1280 >"$WORK/dom"
dom "$WORK/clicked.html" 390 >"$WORK/clicked"
status=0
/usr/bin/python3 - "$WORK" >"$WORK/said" 2>&1 <<'END' || status=$?
import html.parser, json, sys

class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.text, self.tables, self.elements, self.inside, self.body = {}, {}, [], [], {}
        self.feed(open(path).read())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes, list(self.inside)))
        if tag == "body":
            self.body = attributes
        if tag == "table":
            self.rows = self.tables.setdefault(attributes["id"], [])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("meta", "input"):
            self.inside.append((tag, attributes.get("id")))

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.inside and self.inside[-1][0] in ("td", "th"):
            self.rows[-1][-1] += data
        for _, identity in self.inside:
            if identity:
                self.text[identity] = self.text.get(identity, "") + data

    def of(self, tag, inside):
        return [attributes for name, attributes, within in self.elements if name == tag and ("%s" % inside) in [identity for _, identity in within]]

    def table(self, name):
        titles, *rows = self.tables[name]
        return [dict(zip(titles, row)) for row in rows]

def equal(what, expected, found):
    assert str(expected) == str(found), f"{what}: {expected} expected, {found} found"

work = sys.argv[1]
page, clicked, statistics = Page(f"{work}/dom"), Page(f"{work}/clicked"), json.load(open(f"{work}/statistics"))
equal("drawn", "yes", page.body.get("data-drawn"))
equal("page faults", statistics["pageFaults"], page.text["faults-figure"])
equal("evicted", statistics["pagesEvicted"], page.text["evicted-figure"])
equal("loaded", statistics["pagesLoaded"], page.text["loaded-figure"])
equal("enclaves", len(statistics["enclaves"]), page.text["enclaves-figure"])
names = {"ERESUME": "resumptions", "EEXIT": "exits", "without a stop": "fastEntries"}
for enclave, row in zip(statistics["enclaves"], page.table("enclaves"), strict=True):
    counts = enclave["counts"]
    equal("enclave", enclave["enclave"], row["enclave"])
    equal("EENTER", counts["entries"] + counts["fastEntries"], row["EENTER"])
    equal("AEX", sum(counts["aex"].values()), row["AEX"])
    for title, member in names.items():
        equal(title, counts[member], row[title])
    for title, member in ("page faults", "pageFaults"), ("ioctls", "ioctls"), ("pages added", "added"), ("augmented", "augmented"), ("evicted", "evicted"), ("loaded", "loaded"), ("EPC at peak", "peakPages"), ("at the end", "pages"):
        equal(title, enclave[member], row[title])
for thread, row in zip(statistics["threads"], page.table("entered"), strict=True):
    equal("thread", thread["thread"], row["thread"])
    equal("EENTER of a thread", thread["counts"]["entries"] + thread["counts"]["fastEntries"], row["EENTER"])
for call, row in zip(statistics["calls"], page.table("calls"), strict=True):
    equal("what took time", call["name"], row["what"])
    equal(call["name"], call["count"], row["count"])
    equal(call["name"] + ", failed", call["errors"], row["failed"])
wrong = {(row["what"], row["how"]): row for row in page.table("failures")}
for failure in ("SGX_IOC_ENCLAVE_INIT", "-EINVAL"), ("EACCEPT", "SGX_PAGE_ATTRIBUTES_MISMATCH"), ("#PF", "vDSO"):
    assert failure in wrong and wrong[failure]["usual causes"], f"{failure} is not explained"
exits = sum(sum(enclave["counts"]["aex"].values()) for enclave in statistics["enclaves"])
equal("exits by #PF", exits, sum(int(row["count"]) for row in page.table("reasons") if row["kind"] == "exit"))
events = [json.loads(line) for line in open(f"{work}/trace.jsonl")][1:-1]
equal("events", len(events), page.text["events-figure"])
kinds = {event["event"] for event in events}
equal("kinds", len(kinds), len([one for one in page.of("path", "timeline") if one.get("class") == "layer"]))
assert f"at most {statistics['enclaves'][0]['peakPages']} pages" in page.text["epc-legend"], page.text["epc-legend"]
equal("clicked", "yes", clicked.body.get("data-clicked"))
equal("the first button", "false", clicked.of("button", "timeline-legend")[0]["aria-pressed"])
equal("kinds after the click", len(kinds) - 1, len([one for one in clicked.of("path", "timeline") if one.get("class") == "layer"]))
assert clicked.text["moment"].startswith("0.000 s: "), clicked.text["moment"]
assert clicked.text["moment"] != page.text["moment"]
END
[ "$status" -eq 0 ] || fail "$(tail -n 1 "$WORK/said")"

# Names of a trace are whatever its program makes them.
{
    printf '%s\n' '{"event":"begin","schema":1,"version":"1","program":["</title><script>document.body.dataset.owned=1</script>","{{data}}"],"engine":"fast","isolation":"fast","interface":"v6.0","epcPages":1,"started":"2020-01-01T00:00:00Z"}'
    printf '%s\n' '{"event":"enclu","time":5,"process":1,"thread":1,"name":"</script><img src=x onerror=document.body.dataset.owned=1>","outcome":"<b>{{body}}"}'
} >"$WORK/hostile.jsonl"
"$CLOISTER" report "$WORK/hostile.jsonl" -o "$WORK/hostile.html" || fail "exit status $? of hostile names"
dom "$WORK/hostile.html" 800 >"$WORK/dom"
grep -q 'data-drawn="yes"' "$WORK/dom" || fail 'hostile names stop it'
! grep -q 'data-owned' "$WORK/dom" || fail 'a name of a trace was executed'
