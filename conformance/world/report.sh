# The page that `report` makes of a trace, in Chromium: its figures are those of `--stats`, it draws what happened, and what is clicked does what it says. The map of
# pages, moved through all its steps, has in each what the trace says of the pages up to there. It asks
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

# Somebody goes through the map, forth and back. Of each step it is noted what is written, and whether as many squares of each colour are drawn as are written.
cat >"$WORK/walk" <<'END'
<script>
const seen = [], wrong = [], last = Number(mapParts.step.max);
const look = () => {
  const drawn = {}, written = {};
  for (const rect of mapSvg.querySelectorAll('rect')) drawn[rect.getAttribute('fill')] = (drawn[rect.getAttribute('fill')] ?? 0) + 1;
  delete drawn['var(--p-never)'];
  for (const entry of mapParts.legend.children) if (!entry.className) written[entry.querySelector('i').style.background] = Number(entry.textContent.split(' ').at(-1));
  const text = object => JSON.stringify(Object.entries(object).sort());
  if (map.cellPages === 1 && text(drawn) !== text(written)) wrong.push(`${mapParts.step.value}: ${text(drawn)} drawn, ${text(written)} written`);
  return [mapParts.moment.textContent, mapParts.states.textContent, mapParts.leaves.textContent];
};
const fullest = look();
mapParts.step.value = '0';
mapParts.step.dispatchEvent(new Event('input'));
seen.push(look());
while (seen.length <= last) { mapParts.on.click(); seen.push(look()); }
for (let step = last - 1; step >= 0; step -= 7) {
  mapParts.step.value = String(step);
  mapParts.step.dispatchEvent(new Event('input'));
  if (JSON.stringify(look()) !== JSON.stringify(seen[step])) wrong.push(`${step}: other than on the way there`);
}
mapParts.back.click();
mapSvg.querySelector('rect').dispatchEvent(new PointerEvent('pointermove', { bubbles: true }));
const told = document.createElement('pre');
told.id = 'walked';
told.textContent = JSON.stringify({ seen, wrong, fullest, cell: mapParts.cell.textContent });
document.body.append(told);
</script></body>
END
walked() { sed -e "/<\/body>/{r $WORK/walk
d}" "$1" >"$2"; }

dom "$WORK/report.html" 1280 >"$WORK/dom"
dom "$WORK/clicked.html" 390 >"$WORK/clicked"
walked "$WORK/report.html" "$WORK/walked.html"
dom "$WORK/walked.html" 1280 >"$WORK/walked"

# The same without eviction: fewer changes than the map has steps, so each is one.
"$CLOISTER" run --engine="$ENGINE" --epc 64M --trace "$WORK/roomy.jsonl" -q --stats=json -o "$WORK/roomy.statistics" -- "$BUILD/traced_run" || fail "exit status $? with a large EPC"
"$CLOISTER" report "$WORK/roomy.jsonl" -o "$WORK/roomy.html" || fail "exit status $? of report of a large EPC"
walked "$WORK/roomy.html" "$WORK/roomy-walked.html"
dom "$WORK/roomy-walked.html" 390 >"$WORK/roomy-walked"
status=0
/usr/bin/python3 - "$WORK" >"$WORK/said" 2>&1 <<'END' || status=$?
import collections, html.parser, json, sys

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
assert wrong["EACCEPT", "SGX_PAGE_ATTRIBUTES_MISMATCH"]["page"].endswith(": PT_REG rw-"), wrong["EACCEPT", "SGX_PAGE_ATTRIBUTES_MISMATCH"]["page"]
exits = sum(sum(enclave["counts"]["aex"].values()) for enclave in statistics["enclaves"])
equal("exits by #PF", exits, sum(int(row["count"]) for row in page.table("reasons") if row["kind"] == "exit"))
events = [json.loads(line) for line in open(f"{work}/trace.jsonl")][1:-1]
equal("events", len(events), page.text["events-figure"])
kinds = {event["event"] for event in events}
equal("kinds", len(kinds), len([one for one in page.of("path", "timeline") if one.get("class") == "layer"]))
assert f"at most {statistics['enclaves'][0]['peakPages']} pages" in page.text["epc-legend"], page.text["epc-legend"]

# The map, against the trace itself.
def listed(text):
    """What stands behind the colon of `Pages now: PT_REG rw- 3, written out 1.`"""
    text = text.split(": ", 1)[1].rstrip(".")
    return {} if text == "none" else {one.rsplit(" ", 1)[0]: int(one.rsplit(" ", 1)[1]) for one in text.split(", ")}

def states_of(trace):
    """What each page is, after each leaf that changes one."""
    pages, after = {}, []
    for event in map(json.loads, open(trace)):
        state = {"EWB": "written out", "EREMOVE": "removed"}.get(event.get("name"), event.get("page"))
        if event.get("outcome") == "0" and state and event.get("address") and event["name"] not in ("ECREATE", "EPA"):
            pages[event["address"]] = state
            after.append((event["name"], dict(collections.Counter(pages.values()))))
    return after

def walk(name, trace, statistics):
    text = Page(f"{work}/{name}").text
    walked, after, leaves = json.loads(text["walked"]), states_of(trace), collections.Counter()
    assert not walked["wrong"], walked["wrong"][0]
    done = 0
    for moment, states, by_leaf in walked["seen"]:
        total = sum(listed(by_leaf).values())
        leaves.update(leaf for leaf, _ in after[done:total])
        done = total
        equal(f"{name}: {moment}, pages by leaf", dict(sorted(leaves.items())), dict(sorted(listed(by_leaf).items())))
        equal(f"{name}: {moment}, pages", dict(sorted(after[total - 1][1].items())), dict(sorted(listed(states).items())))
    equal(f"{name}: changes", len(after), done)
    enclave = statistics["enclaves"][0]
    for leaf, member in ("EADD", "added"), ("EAUG", "augmented"), ("EWB", "evicted"), ("ELDU", "loaded"):
        equal(f"{name}: {leaf}", enclave[member], listed(walked["seen"][-1][2]).get(leaf, 0))
    assert walked["cell"].startswith("0x0: "), walked["cell"]
    return walked, enclave

walked, enclave = walk("walked", f"{work}/trace.jsonl", statistics)
walked, enclave = walk("roomy-walked", f"{work}/roomy.jsonl", json.load(open(f"{work}/roomy.statistics")))
fullest = int(walked["fullest"][0].rsplit(". ", 1)[1].split()[0])
assert any("PENDING" in states for _, states, _ in walked["seen"]), "no page is PENDING in any step"
equal("most pages, with the SECS", enclave["peakPages"], fullest + 1)
equal("clicked", "yes", clicked.body.get("data-clicked"))
equal("the first button", "false", clicked.of("button", "timeline-legend")[0]["aria-pressed"])
equal("kinds after the click", len(kinds) - 1, len([one for one in clicked.of("path", "timeline") if one.get("class") == "layer"]))
assert clicked.text["moment"].startswith("0.000 s: "), clicked.text["moment"]
assert clicked.text["moment"] != page.text["moment"]
END
[ "$status" -eq 0 ] || fail "$(tail -n 1 "$WORK/said")"

# Two enclaves at one place, one after another, and a trace that ends in the middle of a line: each has its pages.
{
    printf '%s\n' '{"event":"begin","schema":1,"version":"1","program":["two"],"engine":"trap","isolation":"fast","interface":"v6.0","epcPages":9,"started":"2020-01-01T00:00:00Z"}'
    for enclave in 1 2; do
        leaf() { printf '{"event":"encls","time":%s000,"process":1,"thread":1,"name":"%s","enclave":%s,"address":"0x%x","length":65536,"outcome":"0"%s}\n' "$enclave" "$1" "$enclave" "$2" "${3:+,\"page\":\"$3\"}"; }
        leaf ECREATE 65536 'PT_SECS ---'
        leaf EADD $((65536 + 4096 * enclave)) "PT_REG r-$([ "$enclave" = 1 ] && echo x || echo -)"
        [ "$enclave" = 2 ] || leaf EREMOVE $((65536 + 4096))
    done
    printf '{"event":"encls","time":3000,"process":1,"thread":1,"name":"EADD","encl'
} >"$WORK/two.jsonl"
"$CLOISTER" report "$WORK/two.jsonl" -o "$WORK/two.html" || fail "exit status $? of two enclaves"
sed 's|</body>|<script>const first = mapParts.states.textContent; mapParts.enclave.value = "1"; mapParts.enclave.dispatchEvent(new Event("change")); document.body.dataset.said = `${mapParts.enclave.hidden} ${first} ${mapParts.states.textContent}`;</script></body>|' \
    "$WORK/two.html" >"$WORK/two-clicked.html"
dom "$WORK/two-clicked.html" 800 >"$WORK/dom"
said=$(sed -n 's/.*data-said="\([^"]*\)".*/\1/p' "$WORK/dom")
[ "$said" = 'false Pages now: PT_REG r-x 1. Pages now: PT_REG r-- 1.' ] || fail "two enclaves: $said"

# Names of a trace are whatever its program makes them.
{
    printf '%s\n' '{"event":"begin","schema":1,"version":"1","program":["</title><script>document.body.dataset.owned=1</script>","{{data}}"],"engine":"fast","isolation":"fast","interface":"v6.0","epcPages":1,"started":"2020-01-01T00:00:00Z"}'
    printf '%s\n' '{"event":"enclu","time":5,"process":1,"thread":1,"name":"</script><img src=x onerror=document.body.dataset.owned=1>","outcome":"<b>{{body}}"}'
} >"$WORK/hostile.jsonl"
"$CLOISTER" report "$WORK/hostile.jsonl" -o "$WORK/hostile.html" || fail "exit status $? of hostile names"
dom "$WORK/hostile.html" 800 >"$WORK/dom"
grep -q 'data-drawn="yes"' "$WORK/dom" || fail 'hostile names stop it'
! grep -q 'data-owned' "$WORK/dom" || fail 'a name of a trace was executed'
