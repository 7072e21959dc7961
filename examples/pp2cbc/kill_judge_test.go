package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

// reference is what a run leaves that nothing has disturbed.
type reference struct {
	code int
	// done are the tasks that the ledger has as done.
	done []dedupe.Key
	// task tells which task each effect belongs to.
	task     map[string]string
	picture  picture
	requests int
	writes   int
	// undone is what is left when it was taken back.
	undone undone
}

// picture is what the services look like, without what differs from run to run.
type picture struct {
	Devices    []string
	Overrides  []string
	Feeds      []string
	Watchlists []string
	VMs        []string
	Evidence   []string
	// Sessions are the machines that Live Response was on.
	Sessions []int64
}

func (s *stage) picture(t *testing.T) picture {
	t.Helper()
	var p picture
	state := s.lab.CBC.State()
	for _, d := range state.Devices {
		var running, files []string
		for _, r := range s.lab.CBC.Running(d.ID) {
			running = append(running, r.Path)
		}
		for _, f := range s.lab.CBC.Files(d.ID) {
			files = append(files, f.Path)
		}
		p.Devices = append(p.Devices, fmt.Sprintf("%d isolated=%t policy=%d override=%t runs %q has %q", d.ID, d.Quarantined, d.PolicyID, d.PolicyOverride, running, files))
	}
	for _, o := range state.Overrides {
		p.Overrides = append(p.Overrides, o.List+" "+o.SHA256)
	}
	feeds := make(map[string]string)
	for _, f := range state.Feeds {
		var reports []string
		for _, r := range f.Reports {
			reports = append(reports, r.ID)
		}
		slices.Sort(reports)
		feeds[f.ID] = f.Name
		p.Feeds = append(p.Feeds, fmt.Sprintf("%s %q", f.Name, reports))
	}
	for _, l := range state.Watchlists {
		p.Watchlists = append(p.Watchlists, l.Name+" of "+feeds[l.FeedID])
	}
	for _, m := range s.lab.NSX.State().VMs {
		p.VMs = append(p.VMs, fmt.Sprintf("%s %v", m.Name, m.Tags))
	}
	kept, err := filepath.Glob(filepath.Join(s.dir, "evidence", "*.evidence"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range kept {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p.Evidence = append(p.Evidence, filepath.Base(path)+" is "+digestOf(string(content)))
	}
	for _, session := range s.lab.CBC.Sessions() {
		p.Sessions = append(p.Sessions, session.DeviceID)
	}
	slices.Sort(p.Sessions)
	p.Sessions = slices.Compact(p.Sessions)
	for _, list := range [][]string{p.Overrides, p.Feeds, p.Watchlists} {
		slices.Sort(list)
	}
	return p
}

// open lists the Live Response sessions that are open.
func (s *stage) open() []string {
	var all []string
	for _, session := range s.lab.CBC.Sessions() {
		if session.Ended.IsZero() {
			all = append(all, session.ID)
		}
	}
	return all
}

// aftermath is what a crash left.
type aftermath struct {
	effects  map[string]int
	done     map[dedupe.Key]bool
	sessions []string        // open ones
	deleted  map[string]bool // files of the small world
}

func (s *stage) aftermath(t *testing.T, keys []dedupe.Key) aftermath {
	t.Helper()
	a := aftermath{s.effects(), s.doneNow(t, keys), s.open(), make(map[string]bool)}
	for _, path := range smallFiles() {
		there := slices.ContainsFunc(slices.Concat(s.lab.CBC.Files(smallLaptop), s.lab.CBC.Files(smallVirtual)), func(f cbctest.File) bool { return f.Path == path })
		a.deleted[path] = !there
	}
	return a
}

// readLedger looks tasks up in a ledger that nobody has open.
func readLedger(t *testing.T, path string, keys []dedupe.Key) map[dedupe.Key]dedupe.Record {
	t.Helper()
	store, err := sqlitededupe.Open(t.Context(), path)
	if err != nil {
		t.Errorf("the ledger cannot be opened: %v", err)
		return nil
	}
	defer store.Close()
	records, err := store.Lookup(t.Context(), keys...)
	if err != nil {
		t.Errorf("the ledger cannot be read: %v", err)
	}
	known := make(map[dedupe.Key]dedupe.Record)
	for _, r := range records {
		known[r.Key] = r
	}
	return known
}

// doneNow lists the tasks that the ledger has as done, without touching it: a copy is asked.
func (s *stage) doneNow(t *testing.T, keys []dedupe.Key) map[dedupe.Key]bool {
	t.Helper()
	dir := t.TempDir()
	done := make(map[dedupe.Key]bool)
	for _, suffix := range []string{"", "-wal", "-journal"} {
		content, err := os.ReadFile(s.ledger + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "app.sql"+suffix), content, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for key, r := range readLedger(t, filepath.Join(dir, "app.sql"), keys) {
		done[key] = r.State == dedupe.Done
	}
	return done
}

// undisturbed makes the reference.
func undisturbed(t *testing.T, s *stage) reference {
	t.Helper()
	ref := reference{task: smallKills()}
	stop, watched := watchWrites(t, s.dir, func(int) {})
	p := s.start(t, trap{})
	ref.code = p.end(t)
	if watched {
		ref.writes = stop()
	}
	s.settle(t)
	ref.requests, ref.picture = s.requests(), s.picture(t)
	var report struct {
		Outcomes []struct {
			Key, Action, Status string
			EventID             string `json:"event_id"`
		}
	}
	if err := json.Unmarshal(p.out.Bytes(), &report); err != nil {
		t.Fatalf("the report of the reference is no JSON: %v\n%s%s", err, p.out.String(), p.err.String())
	}
	var keys []dedupe.Key
	for _, o := range report.Outcomes {
		keys = append(keys, dedupe.Key(o.Key))
		if o.Action == "webhook" || o.Action == "script" {
			ref.task[o.Action+" "+o.EventID] = o.Key
		}
	}
	actions := make(map[string]bool)
	for key, r := range readLedger(t, s.ledger, keys) {
		if r.State == dedupe.Done {
			ref.done = append(ref.done, key)
			action, _, _ := strings.Cut(string(key), "/")
			actions[action] = true
		}
	}
	slices.Sort(ref.done)
	for _, action := range []string{"watchlist", "webhook", "script", "live_response", "isolate", "policy", "denylist", "nsx_tag"} {
		if !actions[action] {
			t.Errorf("the reference has done no task of the action %s", action)
		}
	}
	for effect := range ref.task {
		if s.effects()[effect] != 1 {
			t.Errorf("the reference has %s %d times, want once", effect, s.effects()[effect])
		}
	}
	if ref.code != exitDone || t.Failed() {
		t.Fatalf("the reference ended with %d: %s\n%s", ref.code, p.err.String(), p.out.String())
	}
	if ref.undone = s.undo(t); cmp.Equal(ref.undone.picture, ref.picture) {
		t.Fatal("undo has changed nothing")
	}
	return ref
}

// judge compares what stands at the end with the reference.
func (ref *reference) judge(t *testing.T, s *stage, crash aftermath) {
	t.Helper()
	for _, id := range s.open() {
		if !slices.Contains(crash.sessions, id) {
			t.Errorf("Live Response session %s is open, and the crash did not leave it", id)
		}
	}
	if diff := cmp.Diff(ref.picture, s.picture(t)); diff != "" {
		t.Errorf("the services differ from those of the reference (-want +got):\n%s", diff)
	}
	audit := s.launch(t, trap{}, "status", "--verify-audit", "--config", s.config)
	if code := audit.end(t); code != exitDone {
		t.Errorf("the audit log does not verify, %d: %s%s", code, audit.out.String(), audit.err.String())
	}
	known, decided := readLedger(t, s.ledger, ref.done), s.decided(t)
	for _, key := range ref.done {
		if !decided[key] {
			t.Errorf("the audit log does not tell that %s was done", key)
		}
		if r := known[key]; r.State != dedupe.Done {
			t.Errorf("%s is %q in the ledger, want done: %s", key, r.State, r.Detail)
		}
	}
	now := s.effects()
	for effect, task := range ref.task {
		most := 1
		if crash.effects[effect] > 0 && !crash.done[dedupe.Key(task)] {
			most = 2 // the crash fell between the effect and its record
		}
		if n := now[effect]; n < 1 || n > most {
			t.Errorf("%s came %d times, %d of them before the crash, and the record was there then: %t; want it at least once and at most %d times", effect, n, crash.effects[effect], crash.done[dedupe.Key(task)], most)
		}
	}
	for effect := range now {
		if _, known := ref.task[effect]; !known {
			t.Errorf("%s is nothing that the reference has done", effect)
		}
	}
}

// decided are the tasks that the audit log has as done.
func (s *stage) decided(t *testing.T) map[dedupe.Key]bool {
	t.Helper()
	all := make(map[dedupe.Key]bool)
	text, err := os.ReadFile(filepath.Join(s.dir, "audit.jsonl"))
	if err != nil {
		t.Error(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		var entry struct{ Key, Status string }
		if json.Unmarshal([]byte(line), &entry) == nil && (entry.Status == "done" || entry.Status == "already") { // what is torn is none
			all[dedupe.Key(entry.Key)] = true
		}
	}
	return all
}
