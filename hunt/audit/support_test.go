package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

var noon = time.Date(2026, time.March, 5, 12, 0, 0, 0, time.UTC)

// entry is the n-th of a log.
func entry(n int) audit.Entry {
	return audit.Entry{
		Time: noon.Add(time.Duration(n) * time.Second), Run: "r-1", Key: fmt.Sprintf("isolate/device/%d", n), Action: "isolate",
		Status: hunt.Done, Detail: `isolated "LAB"`,
	}
}

func entries(n int) []audit.Entry {
	out := make([]audit.Entry, n)
	for i := range out {
		out[i] = entry(i + 1)
	}
	return out
}

func open(t *testing.T, path string) *audit.Log {
	t.Helper()
	log, err := audit.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return log
}

// written is a log of n entries: its path, its text and the head after each of them, the empty one first.
func written(t *testing.T, n int) (string, []byte, []audit.Head) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log := open(t, path)
	heads := []audit.Head{log.Head()}
	for _, e := range entries(n) {
		if err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		heads = append(heads, log.Head())
	}
	return path, contents(t, path), heads
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// holding is a new file with a text.
func holding(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func verify(text []byte, heads ...audit.Head) (audit.Summary, error) {
	return audit.Verify(bytes.NewReader(text), heads...)
}

// kindOf is the kind of a break, "" without an error, and "?" for another error.
func kindOf(err error) (audit.Kind, int) {
	if err == nil {
		return "", 0
	}
	if broken, ok := errors.AsType[*audit.BreakError](err); ok {
		return broken.Kind, broken.Line
	}
	return "?", 0
}
