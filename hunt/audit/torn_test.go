package audit_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// A process may die at any byte of a write. What it had written stays, and the next one goes on behind it.
func TestAWriteThatWasCutAnywhereIsTold(t *testing.T) {
	t.Parallel()
	_, text, heads := written(t, 2)
	for cut := 0; cut <= len(text); cut++ {
		got := append1(t, text[:cut])
		if !bytes.HasPrefix(got, text[:cut]) {
			t.Fatalf("cut at %d: what was there is gone: %s", cut, got)
		}
		whole, torn := bytes.LastIndexByte(text[:cut], '\n')+1, 0
		tail := text[whole:cut]
		if n := bytes.IndexByte(text[whole:], '\n'); n >= 0 && len(tail) == n {
			tail = nil // all but the newline is there
			whole += n
		}
		if len(tail) > 0 {
			torn = 1
		}
		summary, err := verify(got, heads[:bytes.Count(text[:whole], []byte("\n"))]...)
		if err != nil || summary.Torn != torn || summary.TornBytes != int64(len(tail)) {
			t.Fatalf("cut at %d: Verify = %+v, %v; want %d torn bytes", cut, summary, err, len(tail))
		}
	}
}

// The one who tells of a torn line may die over it as well, and so on.
func TestATornLineAboutATornLine(t *testing.T) {
	t.Parallel()
	_, text, _ := written(t, 2)
	text = text[:len(text)-40]
	first := append1(t, text)
	for cut := len(text); cut < len(first); cut += 1 + (cut-len(text))/4 {
		second := append1(t, first[:cut])
		good := bytes.IndexByte(second, '\n') + 1
		lines := bytes.SplitAfter(second, []byte("\n"))
		about := lines[len(lines)-3] // the last but one
		rest := second[good : bytes.LastIndex(second, about)-1]
		var told []audit.Record
		for r := range audit.Records(bytes.NewReader(second)) {
			told = append(told, r)
		}
		if want := (audit.Torn{Bytes: int64(len(rest)), SHA256: sha256.Sum256(rest)}); len(told) == 3 && *told[1].Torn != want {
			t.Fatalf("cut at %d: the entry tells of %+v, want %+v", cut, *told[1].Torn, want)
		}
		for _, again := range []int{len(second), cut + 1, cut + 30, cut + 200} {
			got := append1(t, second[:min(again, len(second))])
			summary, err := verify(got)
			if err != nil || summary.Torn == 0 || !bytes.HasPrefix(got, second[:min(again, len(second))]) {
				t.Fatalf("cut at %d and %d: %+v, %v:\n%s", cut, again, summary, err, got)
			}
		}
	}
}

// An entry that lacks nothing but its newline counts, whoever goes on first.
func TestTwoGoOnBehindAnEntryWithoutItsNewline(t *testing.T) {
	t.Parallel()
	_, text, _ := written(t, 2)
	path := holding(t, text[:len(text)-1])
	one, other := open(t, path), open(t, path)
	for i, log := range []*audit.Log{one, other, one} {
		if err := log.Append(t.Context(), entry(3+i)); err != nil {
			t.Fatal(err)
		}
	}
	if summary, err := verify(contents(t, path), one.Head()); err != nil || summary.Entries != 5 || summary.Torn != 0 {
		t.Errorf("Verify = %+v, %v", summary, err)
	}
}

// append1 is what a log becomes by one entry.
func append1(t *testing.T, text []byte) []byte {
	t.Helper()
	path := holding(t, text)
	log, err := audit.Open(path)
	if err == nil {
		err = errors.Join(log.Append(t.Context(), entry(9)), log.Close())
	}
	if err != nil {
		t.Fatalf("%v, with\n%s", err, text)
	}
	return contents(t, path)
}

func TestTheEntryAboutATornLine(t *testing.T) {
	t.Parallel()
	_, text, heads := written(t, 2)
	torn := text[bytes.IndexByte(text, '\n')+1 : len(text)-100]
	zeros := append(bytes.Clone(torn), 0, 0, 0) // what some file systems have after a loss of power
	for _, tail := range [][]byte{torn, zeros, zeros[len(torn):]} {
		got := append1(t, append(bytes.Clone(text[:len(text)-len(torn)-100]), tail...))
		var told []audit.Record
		for r, err := range audit.Records(bytes.NewReader(got)) {
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, r)
		}
		if len(told) != 3 || told[1].Event != audit.EventTorn || told[1].Prev != heads[1].Hash || told[1].Time.IsZero() {
			t.Fatalf("the log has %+v", told)
		}
		if diff := cmp.Diff(&audit.Torn{Bytes: int64(len(tail)), SHA256: hunt.SHA256(sha256.Sum256(tail))}, told[1].Torn); diff != "" {
			t.Errorf("the entry tells (-want +got):\n%s", diff)
		}
	}
}

// A line that was edited does not pass for a torn one.
func TestAnEditedLineIsNotTorn(t *testing.T) {
	t.Parallel()
	_, text, _ := written(t, 3)
	torn := append1(t, text[:len(text)-60])
	lines := bytes.SplitAfter(torn, []byte("\n"))
	edit := func(change func(l [][]byte) [][]byte) []byte { return bytes.Join(change(slices.Clone(lines)), nil) }
	for _, tc := range []struct {
		name string
		text []byte
		kind audit.Kind
		line int
	}{
		{"as it was", torn, "", 0},
		{"the torn line is shorter", edit(func(l [][]byte) [][]byte { l[2] = append(bytes.Clone(l[2][:80]), '\n'); return l }), audit.KindCut, 3},
		{"the torn line is another", edit(func(l [][]byte) [][]byte { l[2] = bytes.Replace(l[2], []byte("done"), []byte("held"), 1); return l }), audit.KindCut, 3},
		{"the torn line is gone", edit(func(l [][]byte) [][]byte { return slices.Delete(l, 2, 3) }), audit.KindMissing, 3},
		{"the entry about it is gone", edit(func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) }), audit.KindCut, 3},
		{"there is a second one", edit(func(l [][]byte) [][]byte { return slices.Insert(l, 2, l[2]) }), audit.KindCut, 3},
		{"it comes a line too early", edit(func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }), audit.KindNotJSON, 2},
	} {
		_, err := verify(tc.text)
		if kind, line := kindOf(err); kind != tc.kind || line != tc.line {
			t.Errorf("%s: %v; want %q at line %d", tc.name, err, tc.kind, tc.line)
		}
	}
}

// Whatever one byte becomes: either nothing is appended, or Verify tells.
func TestNothingIsAppendedToAnEditedLog(t *testing.T) {
	t.Parallel()
	_, text, _ := written(t, 3)
	for i := 0; i < len(text); i += 3 {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		path := holding(t, changed)
		log, err := audit.Open(path)
		if err == nil {
			err = errors.Join(log.Append(t.Context(), entry(9)), log.Close())
		}
		got := contents(t, path)
		if err != nil {
			if !bytes.Equal(got, changed) {
				t.Fatalf("byte %d: %v, and yet it was written to:\n%s", i, err, got)
			}
			continue
		}
		if summary, err := verify(got); err == nil && summary.Torn == 0 {
			t.Fatalf("byte %d of %q was changed and then appended to, and nothing tells", i, text)
		}
	}
}
