package deadletter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/deadletter"
)

func at(minute int) func() time.Time {
	return func() time.Time { return time.Date(2026, 3, 2, 10, minute, 0, 0, time.UTC) }
}

func open(t testing.TB, path string, minute int) *deadletter.File {
	t.Helper()
	f, err := deadletter.New(deadletter.Config{Path: path, MaxSize: 4 << 20, Now: at(minute)})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRecordsAreKeptAsTheyCame(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	window := hunt.Window{Start: at(0)(), End: at(5)()}
	raws := [][]byte{[]byte(`{"GUID":"<script>\u202e"}` + "\n\"ü"), {0xff, 0xfe, 0}, bytes.Repeat([]byte("x"), deadletter.MaxRaw+1)}
	for _, raw := range raws {
		if err := open(t, path, 7).Put(t.Context(), "run-1", hunt.BadRecord{Source: "tap", Window: window, Raw: raw, Reason: "no GUID"}); err != nil {
			t.Fatalf("Put: %v", err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; want it for its owner alone", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		var l deadletter.Letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		raw := append([]byte(l.Raw), l.Base64...)
		if !bytes.HasPrefix(raws[i], raw) || l.Cut != (i == 2) || len(raw) < 3 || l.Run != "run-1" || l.Start != window.Start || l.End != window.End {
			t.Errorf("letter %d is %.200s", i, line)
		}
	}
	want := deadletter.Summary{Records: 3, Newest: at(7)(), Last: "no GUID"}
	if got, err := deadletter.Read(path); err != nil || got != want {
		t.Errorf("Read = %+v, %v; want %+v", got, err, want)
	}
}

func TestNoFileIsNoRecord(t *testing.T) {
	t.Parallel()
	if got, err := deadletter.Read(filepath.Join(t.TempDir(), "none")); err != nil || got != (deadletter.Summary{}) {
		t.Errorf("Read = %+v, %v; want nothing", got, err)
	}
}

// A process that dies over a line costs that line, and not the next.
func TestTornLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	put := func(reason string) {
		if err := open(t, path, 1).Put(t.Context(), "r", hunt.BadRecord{Raw: []byte(reason), Reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
	put("one")
	put("two")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-9); err != nil {
		t.Fatal(err)
	}
	put("three")
	want := deadletter.Summary{Records: 2, Torn: 1, Newest: at(1)(), Last: "three"}
	if got, err := deadletter.Read(path); err != nil || got != want {
		t.Errorf("Read = %+v, %v; want %+v", got, err, want)
	}
}

func TestFullFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, err := deadletter.New(deadletter.Config{Path: path, MaxSize: 300})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		err = f.Put(t.Context(), "r", hunt.BadRecord{Raw: []byte("x"), Reason: "bad"})
	}
	if !errors.Is(err, deadletter.ErrFull) || !strings.Contains(err.Error(), path) {
		t.Errorf("Put = %v, want %v and where", err, deadletter.ErrFull)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 300 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := range 20 { // each with a file of its own, as processes have
				bad := hunt.BadRecord{Raw: fmt.Appendf(nil, "%d of %d", n, w), Reason: "bad"}
				if err := open(t, path, n).Put(t.Context(), "r", bad); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	want := deadletter.Summary{Records: 160, Newest: at(19)(), Last: "bad"}
	got, err := deadletter.Read(path)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Read: %v, mismatch (-want +got):\n%s", err, diff)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	if _, err := deadletter.New(deadletter.Config{}); err == nil {
		t.Error("New took no path")
	}
	if _, err := deadletter.New(deadletter.Config{Path: "x", MaxSize: -1}); err == nil {
		t.Error("New took a negative size")
	}
	if err := open(t, filepath.Join(t.TempDir(), "missing", "dead.jsonl"), 0).Put(t.Context(), "r", hunt.BadRecord{}); err == nil {
		t.Error("Put wrote where there is no folder")
	}
}
