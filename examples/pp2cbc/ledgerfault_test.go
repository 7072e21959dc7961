package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

// changes are the calls that changed something, posts and scripts among them.
func (s *stage) changes() []string {
	all := (&company{lab: s.lab}).writes()
	for effect := range s.effects() {
		all = append(all, effect)
	}
	return all
}

// files are the digests of the ledger and of everything beside it that has its name.
func (s *stage) files(t *testing.T) map[string]string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.dir, "*app.sql*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(s.dir, ".*app.sql*"))
	if err != nil {
		t.Fatal(err)
	}
	digests := make(map[string]string)
	for _, path := range append(all, hidden...) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		digests[filepath.Base(path)] = fmt.Sprintf("%d bytes, %x", len(content), sha256.Sum256(content))
	}
	return digests
}

// fillLedger makes a ledger of many finished tasks, none of which the small world knows, and closes it.
func fillLedger(t *testing.T, path string) {
	t.Helper()
	store, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var keys []dedupe.Key
	for i := range 900 {
		keys = append(keys, dedupe.Key(fmt.Sprintf("isolate/device/%d", 900000+i)))
	}
	grants, err := store.Claim(t.Context(), "earlier", time.Now(), time.Minute, keys...)
	if err != nil {
		t.Fatal(err)
	}
	var results []dedupe.Result
	for _, g := range grants {
		results = append(results, dedupe.Result{Claim: g.Claim, State: dedupe.Done, Detail: "quarantine requested"})
	}
	if _, err := store.Finish(t.Context(), time.Now(), results...); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

const pageSize = 4096

func TestDamagedLedgerIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "app.sql")
	fillLedger(t, good)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	noise, random := make([]byte, 8*pageSize), rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	over := func(at int, with []byte) []byte {
		b := slices.Clone(whole)
		copy(b[at:], with)
		return b
	}
	cases := map[string][]byte{
		"cut in half":                    whole[:len(whole)/pageSize/2*pageSize],
		"cut in the middle of a page":    whole[:len(whole)/2+777],
		"cut behind its header":          whole[:100],
		"cut within its header":          whole[:50],
		"with a header of zeros":         over(0, make([]byte, 100)),
		"with a first page of zeros":     over(0, make([]byte, pageSize)),
		"with zeros at the end":          over(len(whole)-2*pageSize, make([]byte, 2*pageSize)),
		"a text":                         []byte(strings.Repeat("device,isolated\nLAP-1,yes\n", 500)),
		"a short text":                   []byte("x"),
		"nothing but noise":              noise,
		"with another application's id":  over(68, []byte{1, 2, 3, 4}),
		"with a tree that is none":       over(100, noise[:12]),
		"with noise over several pages":  over(3*pageSize, noise[:3*pageSize]),
		"with noise over its last pages": over(len(whole)-2*pageSize, noise[:2*pageSize]),
	}
	for page := 6; page < len(whole)/pageSize; page += 5 {
		cases[fmt.Sprintf("with noise at the head of page %d", page+1)] = over(page*pageSize, noise[:64])
		// The free space in the middle of a page with little on it could hold anything.
		cases[fmt.Sprintf("with noise in the middle of page %d", page+1)] = over(page*pageSize+pageSize/2, noise[:512])
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, smallWorld(time.Now()))
			if err := os.WriteFile(s.ledger, content, 0o600); err != nil {
				t.Fatal(err)
			}
			s.refuses(t, exitUsage)
		})
	}
}

func TestForeignDatabaseIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"of a browser":                {"CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT)", "INSERT INTO moz_places (url) VALUES ('https://intranet.example')"},
		"that writes ahead":           {"PRAGMA journal_mode = WAL", "CREATE TABLE orders (id INTEGER PRIMARY KEY)", "INSERT INTO orders VALUES (1)"},
		"with a table of our name":    {"CREATE TABLE pphunt_tasks (x)", "INSERT INTO pphunt_tasks VALUES (1)"},
		"with an id that is not ours": {"PRAGMA application_id = 77", "CREATE TABLE t (x)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, smallWorld(time.Now()))
			db, err := sql.Open("sqlite", s.ledger)
			if err != nil {
				t.Fatal(err)
			}
			for _, statement := range statements {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			s.refuses(t, exitUsage)
		})
	}
}

// refuses runs the program and wants it to name the ledger as what is wrong, to send nothing, and to leave every file as it is.
func (s *stage) refuses(t *testing.T, codes ...int) {
	t.Helper()
	before := s.files(t)
	p := s.start(t, trap{})
	code := p.end(t)
	complaint := p.err.String()
	if !slices.Contains(codes, code) || !strings.Contains(complaint, s.ledger) || strings.Count(complaint, "\n") > 3 {
		t.Errorf("the program ended with %d and complained %q, want one of %v and the path of the ledger", code, complaint, codes)
	}
	if changes := s.changes(); len(changes) > 0 {
		t.Errorf("the program sent %q, want nothing", changes)
	}
	if diff := cmp.Diff(before, s.files(t)); diff != "" {
		t.Errorf("the files are not as they were (-before +after):\n%s", diff)
	}
	t.Logf("%s", complaint)
}

func TestLockedLedger(t *testing.T) {
	t.Parallel()
	concurrently(t, []string{"WAL", "DELETE"}, func(t *testing.T, mode string) {
		s := newStage(t, smallWorld(time.Now()))
		if mode == "WAL" {
			fillLedger(t, s.ledger)
		}
		db, err := sql.Open("sqlite", s.ledger+"?_txlock=exclusive")
		if err != nil {
			t.Fatal(err)
		}
		if mode == "DELETE" {
			if _, err := db.ExecContext(t.Context(), "CREATE TABLE records (id INTEGER PRIMARY KEY, timestamp TEXT, device_id INTEGER, process_guid TEXT, sha256 TEXT)"); err != nil {
				t.Fatal(err)
			}
		}
		tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := s.start(t, trap{})
		code := p.end(t)
		if complaint := p.err.String(); code != exitUsage && code != exitFailed || !strings.Contains(complaint, s.ledger) || !strings.Contains(complaint, "locked") {
			t.Errorf("the program ended with %d and complained %q, want 1 or 2 and that the ledger is locked", code, complaint)
		}
		if changes := s.changes(); len(changes) > 0 {
			t.Errorf("the program sent %q, want nothing", changes)
		}
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Fatal(err)
		}
		p = s.start(t, trap{})
		if code := p.end(t); code != exitDone {
			t.Errorf("when the lock was gone the program ended with %d: %s", code, p.err.String())
		}
	})
}

// statuses are what the report of a process says of each task.
func (p *process) statuses(t *testing.T) map[dedupe.Key]string {
	t.Helper()
	var report struct {
		Outcomes []struct{ Key, Status, Detail, Error string }
	}
	if err := json.Unmarshal(p.out.Bytes(), &report); err != nil {
		t.Errorf("the report is no JSON: %v", err)
	}
	all := make(map[dedupe.Key]string)
	for _, o := range report.Outcomes {
		all[dedupe.Key(o.Key)] = o.Status + ": " + o.Detail + ": " + o.Error
	}
	return all
}

func TestProgramsAtOnceShareTheWork(t *testing.T) {
	t.Parallel()
	ref := undisturbed(t, newStage(t, smallWorld(time.Now())))
	concurrently(t, []int{2, 2, 2, 3, 3}, func(t *testing.T, programs int) {
		s := newStage(t, smallWorld(time.Now()))
		var all []*process
		for range programs {
			all = append(all, s.start(t, trap{}))
		}
		doers := make(map[dedupe.Key]int)
		for _, p := range all {
			if code := p.end(t); code != exitDone {
				t.Errorf("a program ended with %d: %s", code, p.err.String())
			}
			for key, status := range p.statuses(t) {
				switch {
				case strings.HasPrefix(status, "done"):
					doers[key]++
				case !strings.HasPrefix(status, "already"):
					t.Errorf("a program says of %s: %s", key, status)
				}
			}
		}
		s.settle(t)
		ref.judge(t, s, aftermath{})
		for key, n := range doers {
			if n > 1 {
				t.Errorf("%d programs say that they have done %s", n, key)
			}
		}
		if done := slices.Sorted(maps.Keys(doers)); !slices.Equal(done, ref.done) {
			t.Errorf("together they have done %q, want %q", done, ref.done)
		}
	})
}

// One of two programs dies while the other waits for it, which takes its tasks over.
func TestOneOfTwoProgramsIsKilled(t *testing.T) {
	t.Parallel()
	ref := undisturbed(t, newStage(t, smallWorld(time.Now())))
	var killed atomic.Int64
	concurrently(t, []int{4, 8, 14, 20, 28, 36}, func(t *testing.T, request int) {
		s := newStage(t, smallWorld(time.Now()))
		victims := s.ofAnother(t)
		other := s.start(t, trap{})
		s.env = victims
		victim := s.start(t, trap{request: request, handled: request%4 == 0})
		if victim.end(t) < 0 {
			killed.Add(1)
		}
		if code := other.end(t); code != exitDone {
			t.Errorf("the other ended with %d: %s", code, other.err.String())
		}
		s.settle(t)
		crash := aftermath{effects: make(map[string]int), sessions: s.open()}
		twice := 0
		for effect, n := range s.effects() {
			crash.effects[effect] = 1
			twice += n - 1
		}
		ref.judge(t, s, crash)
		if twice > 4 {
			t.Errorf("%d effects came twice, more than the victim could have had under way", twice)
		}
	})
	// The later ones are not come to where the other was quicker.
	if killed.Load() < 3 {
		t.Errorf("only %d of 6 victims were killed", killed.Load())
	}
}
