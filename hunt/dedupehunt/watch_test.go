package dedupehunt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// watching is a ledger with one open file and a clock.
type watching struct {
	*dedupehunt.Ledger
	t    *testing.T
	now  time.Time
	file hunt.Indicator
}

func newWatching(t *testing.T) *watching {
	t.Helper()
	w := &watching{t: t, now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), file: openIndicator(1, "a")}
	w.Ledger = clockwork(t, new(dedupe.Memory), &w.now)
	return w
}

func (w *watching) keep(run string, ind hunt.Indicator) {
	w.t.Helper()
	if err := w.Keep(w.t.Context(), run, ind); err != nil {
		w.t.Fatal(err)
	}
}

// watch is the end of a run that began at a time.
func (w *watching) watch(run string, o hunt.OpenIndicator, begun time.Time) {
	w.t.Helper()
	o.Searched = begun
	if err := w.Watch(w.t.Context(), run, o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watching) settle() {
	w.t.Helper()
	if err := w.Settle(w.t.Context(), w.file.SHA256); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watching) is(want ...hunt.OpenIndicator) {
	w.t.Helper()
	got, err := w.Open(w.t.Context())
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(hunt.Mail{}, "Raw")); diff != "" || err != nil {
		w.t.Errorf("Open: %v, mismatch (-want +got):\n%s", err, diff)
	}
}

func TestWatchedFileRestsUntilItIsKeptAnew(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	begun := w.now
	w.keep("r1", w.file)
	w.is(hunt.OpenIndicator{Indicator: w.file, Since: begun})
	w.now = w.now.Add(time.Minute)
	rests := hunt.OpenIndicator{Indicator: w.file, Since: begun, Verified: begun, Expanded: begun, Searched: begun}
	w.watch("r1", rests, begun)
	w.is(rests)
	w.now = w.now.Add(time.Hour)
	again := openIndicator(1, "b")
	w.keep("r2", again)
	both := w.file
	both.Mails = append(again.Mails[:1:1], w.file.Mails...)
	w.is(hunt.OpenIndicator{Indicator: both, Since: w.now, Verified: begun, Expanded: begun})
}

// A run that began before another one has kept the file anew must not have it rest: it has not searched for it since, and does not know
// of the new mail.
func TestWatchDoesNotHideWhatAnotherRunHasKept(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	begun := w.now
	w.keep("r1", w.file)
	w.now = w.now.Add(time.Minute)
	w.keep("r2", openIndicator(1, "b"))
	kept := w.now
	w.now = w.now.Add(time.Minute)
	w.watch("r1", hunt.OpenIndicator{Indicator: w.file, Since: begun}, begun)
	open, err := w.Open(t.Context())
	if err != nil || len(open) != 1 || !open[0].Searched.IsZero() || !open[0].Since.Equal(kept) || len(open[0].Mails) != 2 {
		t.Errorf("Open = %+v, %v; want the file due, with both mails", open, err)
	}
}

// What was settled can come again, and rests then like any other.
func TestSettledFileThatComesAgain(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	for n := range 4 {
		begun := w.now
		w.keep(fmt.Sprint("r", n), w.file)
		w.now = w.now.Add(time.Minute)
		w.watch(fmt.Sprint("r", n), hunt.OpenIndicator{Indicator: w.file, Since: begun}, begun)
		w.is(hunt.OpenIndicator{Indicator: w.file, Since: begun, Searched: begun})
		w.now = w.now.Add(time.Hour)
		w.settle()
		w.is()
		w.now = w.now.Add(time.Hour)
	}
}

// A person closes a file while a run is at it.
func TestClosedFileStaysClosed(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	begun := w.now
	w.keep("r1", w.file)
	w.now = w.now.Add(time.Minute)
	w.watch("r1", hunt.OpenIndicator{Indicator: w.file, Since: begun}, begun)
	second := w.now
	w.now = w.now.Add(time.Minute)
	w.settle()
	w.now = w.now.Add(time.Minute)
	w.watch("r2", hunt.OpenIndicator{Indicator: w.file, Since: begun}, second)
	w.is()
}

func TestListChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	w.keep("r1", w.file)
	w.now = w.now.Add(30 * 24 * time.Hour)
	for range 2 {
		if list, err := w.List(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("List = %v, %v; want what is to be given up too", list, err)
		}
	}
	if _, err := w.Open(t.Context()); err == nil {
		t.Error("Open did not say what it has given up")
	}
	if list, err := w.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("List = %v, %v after that", list, err)
	}
}

// buried is a store whose process ends before, or behind, one of its calls.
type buried struct {
	dedupe.Store
	left int
	late bool
}

var errBuried = fmt.Errorf("the process is dead")

func (d *buried) step(do func() error) error {
	d.left--
	if d.left < 0 || d.left == 0 && !d.late {
		return errBuried
	}
	err := do()
	if d.left == 0 {
		return errBuried
	}
	return err
}

func (d *buried) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) (g []dedupe.Grant, err error) {
	err = d.step(func() (err error) { g, err = d.Store.Claim(ctx, owner, now, lease, keys...); return err })
	return g, err
}

func (d *buried) Finish(ctx context.Context, now time.Time, results ...dedupe.Result) (lost []dedupe.Key, err error) {
	err = d.step(func() (err error) { lost, err = d.Store.Finish(ctx, now, results...); return err })
	return lost, err
}

// Wherever the process dies, the file is open afterwards, and rests only if Watch came to its end.
func TestDeathInTheBacklogLosesNothing(t *testing.T) {
	t.Parallel()
	for calls := 1; calls < 12; calls++ {
		for _, late := range []bool{false, true} {
			store, now := new(dedupe.Memory), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
			l := clockwork(t, &buried{store, calls, late}, &now)
			file, begun := openIndicator(1, "a"), now
			kept := l.Keep(t.Context(), "r1", file)
			now = now.Add(time.Minute)
			var watched error
			if kept == nil {
				watched = l.Watch(t.Context(), "r1", hunt.OpenIndicator{Indicator: file, Since: begun, Searched: begun})
			}
			now = now.Add(time.Hour) // the leases of the dead have ended
			open, err := clockwork(t, store, &now).Open(t.Context())
			if err != nil || kept == nil && len(open) != 1 {
				t.Fatalf("dead at call %d, late %t: Open = %v, %v", calls, late, open, err)
			}
			if kept == nil && watched == nil && open[0].Searched.IsZero() {
				t.Errorf("at call %d, late %t: the file does not rest although everything went well", calls, late)
			}
		}
	}
}

// BenchmarkBacklog is what a run does with the files that are open, against reading them alone.
func BenchmarkBacklog(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		store, err := sqlitededupe.Open(b.Context(), filepath.Join(b.TempDir(), "ledger.sql"))
		if err != nil {
			b.Fatal(err)
		}
		defer store.Close()
		l, err := dedupehunt.New(dedupehunt.Config{Store: store})
		if err != nil {
			b.Fatal(err)
		}
		var files []hunt.Indicator
		for i := range n {
			ind := openIndicator(1, fmt.Sprint("mail ", i))
			ind.SHA256 = hunt.SHA256{1, byte(i >> 8), byte(i)}
			files = append(files, ind)
		}
		if err := l.Keep(b.Context(), "r0", files...); err != nil {
			b.Fatal(err)
		}
		run := 0
		b.Run(fmt.Sprint(n, " files/open"), func(b *testing.B) {
			for b.Loop() {
				if open, err := l.Open(b.Context()); err != nil || len(open) != n {
					b.Fatal(len(open), err)
				}
			}
		})
		b.Run(fmt.Sprint(n, " files/open and watch"), func(b *testing.B) {
			for b.Loop() {
				run++
				open, err := l.Open(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				for i := range open {
					open[i].Searched = time.Now()
				}
				if err := l.Watch(b.Context(), fmt.Sprint("r", run), open...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a searcher wants to be told again lasts as long as the file is open.
func TestWhatWasSeenIsKept(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	begun := w.now
	seen := []hunt.Sighting{
		{SHA256: w.file.SHA256, Evidence: hunt.Touched, Field: "filemod_hash", Process: hunt.Process{GUID: "P"}, Device: hunt.Device{ID: 7}, Time: begun, Keep: true},
		{SHA256: w.file.SHA256, Process: hunt.Process{GUID: "Q"}, Device: hunt.Device{ID: 7}, Time: begun, Keep: true},
	}
	w.keep("r1", w.file)
	rests := hunt.OpenIndicator{Indicator: w.file, Since: begun, Searched: begun}
	rests.Seen = seen
	w.watch("r1", rests, begun)
	w.is(rests)
	w.now = w.now.Add(time.Hour)
	w.keep("r2", w.file)
	again := rests
	again.Since, again.Searched = w.now, time.Time{}
	w.is(again)
	w.settle()
	w.now = w.now.Add(time.Hour)
	w.keep("r3", w.file)
	w.is(hunt.OpenIndicator{Indicator: w.file, Since: w.now})
}
