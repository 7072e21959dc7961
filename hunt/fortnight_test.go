package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the machine need not have the zones

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
	"github.com/pphunt/pphunt/hunt/listhunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// every is the time between two runs, as cron makes them.
const every = 30 * time.Minute

// fortnight is two weeks of a company, of which each run sees what is known by then.
type fortnight struct {
	*office
	t     *testing.T
	start time.Time
	// chaos kills runs and lets others overlap.
	chaos *rand.Rand
	// expected are the devices to be isolated, by why.
	expected map[int64]string
	// down are the outages.
	down []outage
	// reports are what the runs said.
	reports []*hunt.Report
	killed  int
	// file is the ledger's, empty for one in memory.
	file string
	mu   sync.Mutex
	most int // calls of one run
}

// outage is a time in which calls of a kind are refused.
type outage struct {
	from, to time.Time
	hits     func(*http.Request) bool
	status   int
}

// at is a time of a day of the fortnight, the first being 0.
func (f *fortnight) at(day int, clock time.Duration) time.Time {
	return f.start.Add(time.Duration(day)*24*time.Hour + clock)
}

// The fortnight goes through the night in which the clocks of the host go forward: nothing here goes by them.
func TestFortnight(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	local := time.Local
	time.Local = zone //nolint:gosmopolitan // what a host has
	defer func() { time.Local = local }()
	for _, c := range []struct {
		name string
		seed uint64 // 0 for no chaos
		file string
	}{
		{"calm", 0, ""},
		{"with runs that are killed and runs that overlap", 7, ""},
		{"and others, on SQLite", 13, "fortnight.sql"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.file != "" {
				c.file = filepath.Join(t.TempDir(), c.file)
			}
			synctest.Test(t, func(t *testing.T) { spendFortnight(t, c.seed, c.file) })
		})
	}
}

func spendFortnight(t *testing.T, seed uint64, file string) {
	time.Sleep(time.Until(time.Date(2000, 3, 20, 0, 0, 0, 0, time.UTC)))
	f := newFortnight(t)
	f.file = file
	if seed != 0 {
		f.chaos = rand.New(rand.NewPCG(seed, seed))
	}
	calls := make(map[string][]int)
	for day := range 14 {
		before := f.calls()
		for range int(24 * time.Hour / every) {
			f.wake(day)
		}
		for op, n := range f.calls() {
			if calls[op] == nil {
				calls[op] = make([]int, 14)
			}
			calls[op][day] = n - before[op]
		}
	}
	f.down = nil
	for range 4 { // what failed in the last outage is made good
		f.wake(14)
	}
	f.check()
	if seed == 0 {
		f.golden(calls)
	} else if f.killed < 10 {
		t.Errorf("%d runs were killed, want more", f.killed)
	}
	for range 8 * int(24*time.Hour/every) { // the end of everything that is open
		f.wake(14)
	}
	ledger, done := f.ledger(nil)
	defer done()
	if open, err := ledger.Open(t.Context()); err != nil || len(open) > 0 {
		t.Errorf("in the end %d files are open, %v", len(open), err)
	}
}

// A run that is killed at any step of its way, before or behind it, loses nothing: TAP is not asked again about what it has read.
func TestKilledAnywhereAndNothingIsLost(t *testing.T) {
	t.Parallel()
	for step := 1; ; step++ {
		through := false
		for _, late := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				f := newQuietDay(t)
				f.one(nil) // the first run has nothing to read
				time.Sleep(2 * time.Hour)
				l := &life{steps: step, late: late}
				f.one(l)
				through = !l.ended()
				for range 4 {
					time.Sleep(every)
					f.one(nil)
				}
				f.check()
				if t.Failed() {
					t.Logf("killed at step %d, late %t", step, late)
				}
			})
		}
		if through || t.Failed() {
			return
		}
	}
}

// wake makes the runs of one moment, and sleeps until the next.
func (f *fortnight) wake(day int) {
	next := time.Now().Add(every)
	switch {
	case f.chaos != nil && day < 14 && f.chaos.IntN(12) == 0:
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { f.one(nil) })
		}
		both.Wait()
	case f.chaos != nil && day < 14 && f.chaos.IntN(8) == 0:
		f.one(&life{steps: 1 + f.chaos.IntN(40), late: f.chaos.IntN(2) == 0})
	default:
		before := len(f.tap.Requests()) + len(f.cbc.Requests()) + len(f.nsx.Requests())
		f.one(nil)
		f.most = max(f.most, len(f.tap.Requests())+len(f.cbc.Requests())+len(f.nsx.Requests())-before)
	}
	time.Sleep(time.Until(next))
}

// one is one run of one process.
func (f *fortnight) one(l *life) {
	ctx, cancel := context.WithTimeout(f.t.Context(), 25*time.Minute)
	defer cancel()
	if l != nil {
		l.end = cancel
		f.killed++
	}
	h, done := f.process(l)
	defer done()
	r, err := h.Run(ctx, hunt.Window{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, r)
	if err != nil && l == nil && !f.troubled(time.Now()) {
		f.t.Errorf("the run at %s: %v", time.Now().UTC(), err)
	}
}

// troubled tells whether an outage is going on, or was until lately.
func (f *fortnight) troubled(now time.Time) bool {
	return slices.ContainsFunc(f.down, func(o outage) bool { return !now.Before(o.from) && now.Before(o.to.Add(3*time.Hour)) })
}

// ledger is the one of a new process, and what ends its use.
func (f *fortnight) ledger(l *life) (ledger *dedupehunt.Ledger, done func()) {
	var store dedupe.Store = &f.store
	done = func() {}
	if f.file != "" {
		file := openStore(f.t, f.file)
		store, done = file, func() { closeStore(f.t, file) }
	}
	ledger, err := dedupehunt.New(dedupehunt.Config{Store: mortalStore{store, l}})
	if err != nil {
		f.t.Fatal(err)
	}
	return ledger, done
}

// process is a new process of the program, and what ends it.
func (f *fortnight) process(l *life) (h *hunt.Hunter, done func()) {
	c := crew{actions: []string{"webhook", "isolate", "denylist", "nsx_tag"}, life: l, wire: f.broken}
	_, console, manager := f.clients(f.t, c)
	quota := new(proofpoint.Quota)
	tap, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, HTTPClient: c.client(f.tap.Client()), Quota: quota,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	ledger, done := f.ledger(l)
	source, err1 := proofpointhunt.New(tap, proofpointhunt.Options{Delivered: true, Blocked: true, Cursors: ledger, Quota: quota, Delta: 15 * time.Minute})
	search, err2 := cbchunt.New(cbchunt.Config{Processes: console.Processes, Events: console.Processes})
	if err := errors.Join(err1, err2); err != nil {
		f.t.Fatal(err)
	}
	return newHunter(f.t, hunt.Config{
		Source: source, Verifier: listhunt.Verifier(source), Searcher: search, Ledger: ledger, Archive: ledger, Backlog: ledger,
		Actions: f.actions(f.t, c, console, manager),
	}), done
}

// broken refuses calls in an outage.
func (f *fortnight) broken(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		now := time.Now()
		for _, o := range f.down {
			if !now.Before(o.from) && now.Before(o.to) && o.hits(r) {
				return &http.Response{
					StatusCode: o.status, Status: http.StatusText(o.status), Header: http.Header{}, Body: http.NoBody, Request: r, ProtoMajor: 1, ProtoMinor: 1,
				}, nil
			}
		}
		return next.RoundTrip(r)
	})
}

// calls counts what reached the services, by operation.
func (f *fortnight) calls() map[string]int {
	all := make(map[string]int)
	for _, op := range f.operations() {
		all[op]++
	}
	return all
}

// check compares what was done with what the script says.
func (f *fortnight) check() {
	t := f.t
	isolated := make(map[int64]int)
	for _, r := range f.cbc.Requests() {
		if strings.HasSuffix(r.Path, "/device_actions") && r.Status < 300 {
			for id := range f.expected {
				if strings.Contains(string(r.Body), fmt.Sprintf("%d", id)) {
					isolated[id]++
				}
			}
		}
	}
	for _, d := range f.cbc.Devices() {
		why, want := f.expected[d.ID]
		switch n := isolated[d.ID]; {
		case d.Quarantined != want:
			t.Errorf("device %d is isolated: %t, want %t: %s", d.ID, d.Quarantined, want, why)
		case want && n != 1 && (f.chaos == nil && f.killed == 0 || n == 0 || n > 2): // a process that died may not have heard that it was done
			t.Errorf("device %d was isolated %d times: %s", d.ID, n, why)
		}
	}
	for id := int64(100); id < 140; id++ {
		vm, _ := f.nsx.VM(machine(id))
		if why, want := f.expected[id]; (len(vm.Tags) == 1) != want || len(vm.Tags) > 1 {
			t.Errorf("the machine of device %d has the tags %v, want one: %t: %s", id, vm.Tags, want, why)
		}
	}
	told := make(map[string]string)
	seen := make(map[string]int)
	for _, b := range f.hook.received() {
		finding := fmt.Sprintf("%s on %d", b.SHA256, b.Device.ID)
		if id, ok := told[finding]; ok && id != b.EventID {
			t.Errorf("%s was told under the ids %s and %s", finding, id, b.EventID)
		}
		told[finding] = b.EventID
		seen[b.EventID]++
		if _, want := f.expected[b.Device.ID]; !want && b.Evidence == "executed" {
			t.Errorf("told of device %d, which is none of it", b.Device.ID)
		}
	}
	for id, n := range seen {
		if n > 1 && f.chaos == nil && f.killed == 0 {
			t.Errorf("the finding %s was told %d times", id, n)
		}
	}
	ledger, done := f.ledger(nil)
	defer done()
	for rec, err := range ledger.Records(t.Context(), time.Time{}) {
		if err != nil || rec.Status != hunt.Done && rec.Status != hunt.Already {
			t.Errorf("the ledger has %s as %q: %s, %v", rec.Task, rec.Status, rec.Detail, err)
		}
	}
	open, err := ledger.Open(t.Context())
	if err != nil {
		t.Error(err)
	}
	for _, o := range open {
		if o.Searched.IsZero() {
			t.Errorf("%s was never finished with", o.SHA256)
		}
	}
	for _, r := range f.reports {
		for _, h := range r.Holes {
			t.Errorf("the run %s has the hole %v", r.Run, h)
		}
	}
}

// golden compares the number of calls.
func (f *fortnight) golden(calls map[string][]int) {
	var b strings.Builder
	fmt.Fprintf(&b, "runs: %d, calls of one run at most: %d\n", len(f.reports)-4, f.most)
	for _, op := range slices.Sorted(maps.Keys(calls)) {
		total := 0
		for _, n := range calls[op] {
			total += n
		}
		fmt.Fprintf(&b, "%6d %s\n       by day %v\n", total, op, calls[op])
	}
	file := filepath.Join("testdata", "fortnight.golden")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		f.t.Errorf("calls mismatch (-want +got):\n%s", diff)
	}
}
