package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

func TestVerifyTellsWhatIsThere(t *testing.T) {
	t.Parallel()
	path, _, heads := written(t, 3)
	log := open(t, path)
	held := audit.Entry{Time: noon.Add(time.Hour), Status: hunt.Held}
	if err := log.Append(t.Context(), held, audit.Entry{Time: noon.Add(2 * time.Hour), Event: audit.EventRunEnded}); err != nil {
		t.Fatal(err)
	}
	got, err := audit.VerifyFile(t.Context(), path, append(heads, log.Head())...)
	want := audit.Summary{
		Entries: 5, Decisions: map[hunt.Status]int{hunt.Done: 3, hunt.Held: 1}, First: noon.Add(time.Second), Last: noon.Add(2 * time.Hour), Head: log.Head(),
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("VerifyFile: %v (-want +got):\n%s", err, diff)
	}
	if got, err := verify(nil); err != nil || got.Entries != 0 || got.Head != (audit.Head{}) {
		t.Errorf("Verify of nothing = %+v, %v", got, err)
	}
}

// The documentation says how another program checks a log. This is that program.
func TestAnotherProgramCanCheckTheChain(t *testing.T) {
	t.Parallel()
	_, text, heads := written(t, 4)
	seq, prev := 0, strings.Repeat("0", 64)
	for line := range bytes.Lines(text) {
		body, end := line[:len(line)-76], line[len(line)-76:]
		sum := sha256.Sum256(body)
		digest := hex.EncodeToString(sum[:])
		var e struct {
			Seq  int
			Prev string
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		seq++
		if string(end) != fmt.Sprintf(",\"hash\":%q}\n", digest) || e.Seq != seq || e.Prev != prev {
			t.Errorf("line %d is %s", seq, line)
		}
		prev = digest
	}
	if want := heads[4].String(); fmt.Sprintf("%d:%s", seq, prev) != want {
		t.Errorf("the head is %d:%s, want %s", seq, prev, want)
	}
}

func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	_, text, heads := written(t, 6)
	_, foreign, _ := written(t, 2)
	forged := forge(t, heads[3], audit.Entry{Time: noon, Detail: "nothing happened"})
	another := fmt.Appendf(nil, `{"prev":"%s","seq":4,"time":"2026-03-05T12:00:00Z","event":"decision"`, heads[3].Hash)
	another = fmt.Appendf(another, ",\"hash\":\"%x\"}\n", sha256.Sum256(another))
	lines := bytes.SplitAfter(text, []byte("\n"))[:6]
	edit := func(change func(lines [][]byte) [][]byte) []byte { return bytes.Join(change(slices.Clone(lines)), nil) }
	swap := func(i int, old, new string) []byte {
		return edit(func(l [][]byte) [][]byte {
			l[i] = bytes.Replace(l[i], []byte(old), []byte(new), 1)
			return l
		})
	}
	for _, tc := range []struct {
		name  string
		text  []byte
		heads []audit.Head
		kind  audit.Kind
		line  int
	}{
		{"a word", swap(2, `"done"`, `"held"`), nil, audit.KindAltered, 3},
		{"the hash", swap(2, `"hash":"`+heads[3].Hash.String()[:4], `"hash":"0000`), nil, audit.KindAltered, 3},
		{"the number", swap(3, `"seq":4`, `"seq":9`), nil, audit.KindAltered, 4},
		{"a space", swap(3, `"run":`, `"run": `), nil, audit.KindAltered, 4},
		{"no JSON", swap(0, `{"seq"`, `("seq"`), nil, audit.KindNotJSON, 1},
		{"no JSON, but an end", swap(2, `"run":`, `"run";`), nil, audit.KindNotJSON, 3},
		{"no JSON in the last line, but an end", swap(5, `"run":`, `"run";`), nil, audit.KindNotJSON, 6},
		{"another member at the end", swap(1, "}\n", `,"x":1}`+"\n"), nil, audit.KindForeign, 2},
		{"upper-case digits", swap(1, heads[1].Hash.String(), strings.ToUpper(heads[1].Hash.String())), nil, audit.KindAltered, 2},
		{"the first line gone", edit(func(l [][]byte) [][]byte { return l[1:] }), nil, audit.KindMissing, 1},
		{"a line gone", edit(func(l [][]byte) [][]byte { return slices.Delete(l, 2, 3) }), nil, audit.KindMissing, 3},
		{"two lines gone", edit(func(l [][]byte) [][]byte { return slices.Delete(l, 1, 3) }), nil, audit.KindMissing, 2},
		{"two lines swapped", edit(func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }), nil, audit.KindOrder, 2},
		{"a line moved to the end", edit(func(l [][]byte) [][]byte { return append(slices.Delete(l, 1, 2), lines[1]) }), nil, audit.KindOrder, 2},
		{"a line twice", edit(func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[2]) }), nil, audit.KindOrder, 4},
		{"an earlier line again", edit(func(l [][]byte) [][]byte { return append(l, l[1]) }), nil, audit.KindOrder, 7},
		{"a line of words", edit(func(l [][]byte) [][]byte { return slices.Insert(l, 2, []byte("hello\n")) }), nil, audit.KindNotJSON, 3},
		{"an empty line", edit(func(l [][]byte) [][]byte { return slices.Insert(l, 2, []byte("\n")) }), nil, audit.KindNotJSON, 3},
		{"a line of JSON", edit(func(l [][]byte) [][]byte { return slices.Insert(l, 2, []byte("{}\n")) }), nil, audit.KindForeign, 3},
		{"a line of another log", edit(func(l [][]byte) [][]byte { return append(l[:2:2], bytes.SplitAfter(foreign, []byte("\n"))[0]) }), nil, audit.KindOrder, 3},
		{"a forged line in place of one", edit(func(l [][]byte) [][]byte { l[3] = forged; return l }), nil, audit.KindReplaced, 5},
		{"a forged line between", edit(func(l [][]byte) [][]byte { return slices.Insert(l, 3, forged) }), nil, audit.KindOrder, 5},
		{"a line in another order", edit(func(l [][]byte) [][]byte { l[3] = another; return l }), nil, audit.KindForeign, 4},
		{"cut in a line", text[:len(text)-90], nil, audit.KindCut, 6},
		{"cut in the first line", text[:10], nil, audit.KindCut, 1},
		{"a line without its end", edit(func(l [][]byte) [][]byte { l[2] = append(bytes.Clone(l[2][:50]), '\n'); return l }), nil, audit.KindCut, 3},
		{"a line of endless length", append(bytes.Clone(text), bytes.Repeat([]byte("x"), 1<<20)...), nil, audit.KindForeign, 7},
		{"cut between lines", edit(func(l [][]byte) [][]byte { return l[:4] }), nil, "", 0},
		{"cut between lines, a head noted", edit(func(l [][]byte) [][]byte { return l[:4] }), heads[5:6], audit.KindMissing, 5},
		{"nothing left, a head noted", nil, heads[5:6], audit.KindMissing, 1},
		{"a new end, a head noted", edit(func(l [][]byte) [][]byte { l[3] = forged; return l[:4] }), heads[4:5], audit.KindReplaced, 4},
		{"a new end, no head noted", edit(func(l [][]byte) [][]byte { l[3] = forged; return l[:4] }), heads[3:4], "", 0},
		{"nothing, all heads noted", text, heads, "", 0},
	} {
		summary, err := verify(tc.text, tc.heads...)
		if kind, line := kindOf(err); kind != tc.kind || line != tc.line {
			t.Errorf("%s: %v; want %s at line %d", tc.name, err, tc.kind, tc.line)
		}
		if tc.kind != "" && tc.kind != audit.KindCut && summary.Entries > uint64(tc.line) {
			t.Errorf("%s: %d entries are said to be good before line %d", tc.name, summary.Entries, tc.line)
		}
	}
}

// forge is an entry behind a head, as somebody makes it who knows how: a log of which the entries before are left away.
func forge(t *testing.T, after audit.Head, e audit.Entry) []byte {
	t.Helper()
	e.Event = audit.EventDecision
	body, err := json.Marshal(struct {
		Seq  uint64      `json:"seq"`
		Prev hunt.SHA256 `json:"prev"`
		audit.Entry
	}{after.Seq + 1, after.Hash, e})
	if err != nil {
		t.Fatal(err)
	}
	body = body[:len(body)-1]
	return fmt.Appendf(body, ",\"hash\":\"%x\"}\n", sha256.Sum256(body))
}

func TestNoByteCanChange(t *testing.T) {
	t.Parallel()
	_, text, _ := written(t, 3)
	for i := range text {
		for _, bit := range []byte{1, 4, 0x20, 0x80} {
			changed := bytes.Clone(text)
			changed[i] ^= bit
			if _, err := verify(changed); err == nil {
				t.Fatalf("byte %d of %q was changed to %q, and the log is said to be good", i, text, changed[i])
			}
		}
		changed := slices.Delete(bytes.Clone(text), i, i+1)
		if _, err := verify(changed); err == nil && i != len(text)-1 {
			t.Fatalf("byte %d was taken away, and the log is said to be good", i)
		}
	}
}

func TestTheHeadIsParsed(t *testing.T) {
	t.Parallel()
	_, _, heads := written(t, 1)
	for _, h := range heads {
		if got, err := audit.ParseHead(h.String()); err != nil || got != h {
			t.Errorf("ParseHead(%q) = %v, %v", h, got, err)
		}
	}
	for _, s := range []string{"", "1", "1:", "x:" + heads[0].Hash.String(), "-1:" + heads[0].Hash.String(), "1:" + heads[0].Hash.String()[1:]} {
		if got, err := audit.ParseHead(s); err == nil {
			t.Errorf("ParseHead(%q) = %v", s, got)
		}
	}
	if _, err := verify(nil, heads[1], audit.Head{Seq: 1}); err == nil {
		t.Error("two different heads for one entry can both be right")
	}
}

func TestRecordsYieldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	_, text, heads := written(t, 3)
	var got []audit.Entry
	for r, err := range audit.Records(bytes.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Entry)
		if want := heads[len(got)]; r.Seq != want.Seq || r.Hash != want.Hash || r.Prev != heads[len(got)-1].Hash {
			t.Errorf("record %+v, want the head %v", r, want)
		}
	}
	want := entries(3)
	for i := range want {
		want[i].Event = audit.EventDecision
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	n := 0
	for range audit.Records(bytes.NewReader(text)) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d entries after a break", n)
	}
	n = 0
	var err error
	for _, err = range audit.Records(bytes.NewReader(text[:len(text)-9])) {
		n++
	}
	if kind, line := kindOf(err); kind != audit.KindCut || line != 3 || n != 3 {
		t.Errorf("%d records of a log whose end was cut off, the last %v", n, err)
	}
}
