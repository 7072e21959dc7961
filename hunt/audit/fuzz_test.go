package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// fuzzLog writes what seeds are made of.
func fuzzLog(f *testing.F, add ...audit.Entry) []byte {
	f.Helper()
	path := filepath.Join(f.TempDir(), "audit.jsonl")
	log, err := audit.Open(path)
	if err == nil {
		err = errors.Join(log.Append(f.Context(), add...), log.Close())
	}
	text, read := os.ReadFile(path)
	if err := errors.Join(err, read); err != nil {
		f.Fatal(err)
	}
	return text
}

// FuzzVerify reads anything. Whatever is good must be a log that can be gone on with, and every one of its lines one that this package
// writes.
func FuzzVerify(f *testing.F) {
	text := fuzzLog(f, entries(3)...)
	for _, seed := range [][]byte{
		nil, text, text[:len(text)-1], text[:len(text)-30], text[7:], bytes.ToUpper(text), append(bytes.Clone(text), text...),
		append(bytes.Clone(text[:len(text)-30]), '\n'), append(bytes.Clone(text[:len(text)-30]), 0, 0, '\n', 0), []byte("{}\n"), []byte("\n\n"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		summary, err := audit.Verify(bytes.NewReader(text))
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		log, opened := audit.Open(path)
		if opened == nil {
			opened = errors.Join(log.Append(t.Context(), entry(1)), log.Close())
		}
		broken, ok := errors.AsType[*audit.BreakError](err)
		if err != nil && (!ok || broken.Line < 1 || broken.Offset < 0 || broken.Offset > int64(len(text))) {
			t.Fatalf("Verify = %v", err)
		}
		switch {
		case err == nil && opened != nil:
			t.Fatalf("Verify takes %q, and Append does not: %v", text, opened)
		case err != nil && broken.Kind != audit.KindCut && opened == nil:
			t.Fatalf("Verify does not take %q, %v, and Append does", text, err)
		case opened == nil:
			after, broken := audit.VerifyFile(t.Context(), path)
			if broken != nil || after.Entries <= summary.Entries {
				t.Fatalf("%q can be appended to, and then has %d entries: %v", text, after.Entries, broken)
			}
		}
	})
}

// FuzzEntry writes anything. It must be one line that verifies.
func FuzzEntry(f *testing.F) {
	f.Add("isolate/device/1", "isolated", []byte(`{"tags":[]}`), 1)
	f.Add("\x00\xff\u202e\n", `","hash":"`, []byte("{"), 500)
	f.Fuzz(func(t *testing.T, key, detail string, before []byte, n int) {
		n = min(max(n, 0), 1000)
		e := audit.Entry{
			Time: noon, Key: key, Detail: detail, Before: json.RawMessage(before), Findings: repeat(audit.Finding{Path: detail}, n),
			Requests: repeat(hunt.Request{ID: key}, n), Event: audit.Event(key + "x"), Status: hunt.Status(detail),
		}
		if e.Event == audit.EventTorn {
			return
		}
		text, r := line(t, e)
		if bytes.Count(text, []byte("\n")) != 1 || len(text) > audit.MaxLine || r.FindingCount != n {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	})
}
