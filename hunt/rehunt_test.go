package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

func TestNextSearchFallsOff(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		searched, wait time.Duration
	}{
		{0, 0},
		{23 * time.Hour, 0},
		{24 * time.Hour, 55 * time.Minute},
		{47 * time.Hour, 55 * time.Minute},
		{48 * time.Hour, 5*time.Hour + 30*time.Minute},
		{6 * 24 * time.Hour, 5*time.Hour + 30*time.Minute},
	} {
		o := hunt.OpenIndicator{Since: since, Searched: since.Add(c.searched)}
		if got := hunt.NextSearch(o).Sub(o.Searched); got != c.wait {
			t.Errorf("searched after %s, the next search is after %s, want %s", c.searched, got, c.wait)
		}
	}
	if got := hunt.NextSearch(hunt.OpenIndicator{Since: since}); got.After(since) {
		t.Errorf("a file that was not finished with waits until %s", got)
	}
}

// patience is a hunt whose runs are a while apart.
type patience struct {
	cfg      hunt.Config
	clock    sync.Mutex // of now, while a run reads it
	now      time.Time
	list     *backlog
	mu       sync.Mutex // of searches: several run at once
	searches [][]hunt.SHA256
	found    []hunt.Sighting
}

// pass lets time pass during a run.
func (p *patience) pass(d time.Duration) {
	p.clock.Lock()
	defer p.clock.Unlock()
	p.now = p.now.Add(d)
}

func newPatience(verifier hunt.Verifier, actions ...hunt.Action) *patience {
	p := &patience{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time {
		p.clock.Lock()
		defer p.clock.Unlock()
		return p.now
	}
	p.list = &backlog{now: now}
	p.cfg = hunt.Config{
		Source: source(nil, indicator(1)), Ledger: new(ledger), Backlog: p.list, Verifier: verifier, Actions: actions,
		Now: now, BatchDelay: time.Nanosecond,
		Searcher: hunt.SearcherFunc(func(ctx context.Context, batch []hunt.Indicator, since time.Time) iter.Seq2[hunt.Sighting, error] {
			var hashes []hunt.SHA256
			for _, ind := range batch {
				hashes = append(hashes, ind.SHA256)
			}
			p.mu.Lock()
			p.searches = append(p.searches, hashes)
			p.mu.Unlock()
			return searcher(p.found...).Search(ctx, batch, since)
		}),
	}
	return p
}

// after runs once more, a while later, on a source that has nothing new.
func (p *patience) after(t *testing.T, wait time.Duration) *hunt.Report {
	t.Helper()
	p.now = p.now.Add(wait)
	p.cfg.Source = source(nil)
	r, err := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{})
	if err != nil {
		t.Errorf("the run at %s: %v", p.now, err)
	}
	return r
}

func TestFileOpenedDaysLaterIsFound(t *testing.T) {
	t.Parallel()
	iso := isolate()
	p := newPatience(verdict(true, nil), iso)
	run(t, p.cfg)
	p.after(t, 70*time.Hour)
	if len(iso.did) > 0 {
		t.Fatalf("isolated %q before anything ran", iso.did)
	}
	p.found = []hunt.Sighting{sighting(1, 7, hunt.Executed)}
	r := p.after(t, 6*time.Hour)
	if diff := cmp.Diff([]string{"7"}, iso.did); diff != "" {
		t.Errorf("isolated mismatch (-want +got):\n%s", diff)
	}
	if until, want := r.HuntedUntil[hash(1)], time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC); !until.Equal(want) {
		t.Errorf("hunted until %s, want %s", until, want)
	}
}

func TestOpenFilesAreSearchedForWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	run(t, p.cfg)
	p.after(t, 15*time.Minute)
	p.after(t, 24*time.Hour) // the first search of the second day
	if r := p.after(t, 15*time.Minute); r.Resting != 1 || len(r.Indicators) != 0 {
		t.Errorf("a quarter of an hour later %d files rest and %d are searched for, want 1 and 0", r.Resting, len(r.Indicators))
	}
	p.after(t, 44*time.Minute)
	if len(p.searches) != 4 {
		t.Errorf("%d searches, want 4", len(p.searches))
	}
	p.after(t, 6*24*time.Hour) // the last one, when its time is over
	if r := p.after(t, 24*time.Hour); len(p.searches) != 5 || r.Resting != 0 || len(p.list.open) != 0 {
		t.Errorf("%d searches, %d files rest, and open are %v; want 5 and nothing", len(p.searches), r.Resting, p.list.open)
	}
}

// A run whose clock was a month ahead must not let the file rest until then.
func TestClockThatWasAhead(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	run(t, p.cfg)
	right := p.now
	p.after(t, 72*time.Hour)
	p.now = right
	p.after(t, time.Minute)
	if len(p.searches) != 3 {
		t.Errorf("%d searches, want 3", len(p.searches))
	}
}

func TestRehuntSwitchedOff(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	p.cfg.Rehunt = -1
	run(t, p.cfg)
	p.after(t, time.Hour)
	if len(p.searches) != 1 || len(p.list.open) > 0 {
		t.Errorf("%d searches and open %v, want one and nothing", len(p.searches), p.list.open)
	}
}

// What is found days later is acted on only if the file is condemned at that moment, also by actions that merely tell.
func TestNothingIsToldOfAnOldVerdict(t *testing.T) {
	t.Parallel()
	verdicts, hook := new(court), &recorder{spec: hunt.Spec{Name: "webhook", Scope: hunt.ScopeProcess, Impact: hunt.Tells, Evidence: hunt.Named}}
	p := newPatience(verdicts, hook)
	run(t, p.cfg)
	verdicts.clear(hash(1))
	p.found = []hunt.Sighting{sighting(1, 7, hunt.Executed)}
	r := p.after(t, time.Hour)
	if len(hook.did) > 0 || len(r.Sightings) > 0 || len(p.list.open) > 0 {
		t.Errorf("told %q, sightings %v, open %v; want nothing", hook.did, r.Sightings, p.list.open)
	}
}

// A thousand open files must not cost a thousand questions a run.
func TestVerdictsOnOpenFilesAreAskedOnceADay(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var list []hunt.Indicator
	for n := range 60 {
		list = append(list, indicator(byte(n+1)))
	}
	p := newPatience(hunt.VerifierFunc(func(context.Context, hunt.Indicator) (bool, error) { asked.Add(1); return true, nil }))
	p.cfg.Source = source(nil, list...)
	run(t, p.cfg)
	for range 20 {
		p.after(t, time.Hour)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d questions on the first day, want none", n)
	}
	for range 10 {
		p.after(t, time.Hour)
	}
	if n := asked.Load(); n != int64(len(list)) {
		t.Errorf("%d questions on the second day, want %d", n, len(list))
	}
}

func TestSearchErrorLeavesTheOthersFinished(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	p.cfg.Source, p.cfg.Rehunt = source(nil, indicator(1), indicator(2)), -1
	p.cfg.Searcher = hunt.SearcherFunc(func(context.Context, []hunt.Indicator, time.Time) iter.Seq2[hunt.Sighting, error] {
		return sequence[hunt.Sighting](&hunt.SearchError{Hashes: []hunt.SHA256{hash(2)}, Err: errors.New("too many rows")})
	})
	if _, err := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{}); err == nil || p.list.has(1) || !p.list.has(2) {
		t.Errorf("error %v, open %v; want an error and file 2 open", err, p.list.open)
	}
}

// The position moves only when everything that came before it is in the backlog.
func TestReadMeansKept(t *testing.T) {
	t.Parallel()
	w := hunt.Window{Start: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	for _, c := range []struct {
		name   string
		change func(*patience)
		dry    bool
		ok     bool
	}{
		{name: "kept", ok: true},
		{name: "the backlog fails", change: func(p *patience) { p.list.err = errors.New("disk full") }},
		{name: "without a backlog", change: func(p *patience) { p.cfg.Backlog = nil }},
		{name: "a dry run", dry: true},
		{name: "a bad record is lost", change: func(p *patience) { p.cfg.DeadLetters = lost{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPatience(verdict(true, nil))
			var read error
			p.cfg.Source = hunt.SourceFunc(func(ctx context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
				return func(yield func(hunt.Indicator, error) bool) {
					yield(indicator(1), nil)
					ask.Bad(hunt.BadRecord{Reason: "cut off"})
					if read = ask.Read(ctx, w); read == nil && !p.list.has(1) {
						t.Error("Read is nil, and the backlog does not have the file")
					}
				}
			})
			if c.change != nil {
				c.change(p)
			}
			h := newHunter(t, p.cfg)
			var r *hunt.Report
			if c.dry {
				r, _ = h.Preview(t.Context(), h.Plan(t.Context(), hunt.Window{}))
			} else {
				r, _ = h.Run(t.Context(), hunt.Window{})
			}
			if (read == nil) != c.ok || r.BadRecords != 1 || r.Window != w || r.Err() == nil {
				t.Errorf("Read = %v, %d bad records, window %v, error %v", read, r.BadRecords, r.Window, r.Err())
			}
		})
	}
}

// expand names one more file for each.
func expand(file hunt.SHA256) hunt.Expander {
	return hunt.ExpanderFunc(func(context.Context, hunt.Indicator) ([]hunt.Indicator, error) {
		return []hunt.Indicator{{SHA256: file}}, nil
	})
}

// The expander is asked once, again on the second day, and with each search while it has no calls left.
func TestExpanderIsAskedAgain(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	asked, later := 0, true
	p.cfg.Expander = hunt.ExpanderFunc(func(context.Context, hunt.Indicator) ([]hunt.Indicator, error) {
		if asked++; later {
			return nil, fmt.Errorf("%w: 50 of 50", hunt.ErrLater)
		}
		return nil, nil
	})
	r := run(t, p.cfg)
	if asked != 1 || len(r.LeftAloneTotal) != 1 {
		t.Errorf("asked %d times, left alone %v", asked, r.LeftAloneTotal)
	}
	later = false
	for range 20 {
		p.after(t, time.Hour)
	}
	if asked != 2 {
		t.Errorf("asked %d times on the first day, want 2", asked)
	}
	for range 60 {
		p.after(t, time.Hour)
	}
	if asked != 3 {
		t.Errorf("asked %d times on all days, want 3", asked)
	}
}

type lost struct{}

func (lost) Put(context.Context, string, hunt.BadRecord) error { return errors.New("disk full") }

func TestSecondStageIsHuntedWithItsParent(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil), isolate())
	parent := indicator(1, hunt.Mail{ID: "m", Recipients: []string{"kim@corp.example"}, FileName: "invoice.doc"})
	p.cfg.Source = source(nil, parent)
	fails := errors.New("busy")
	p.cfg.Expander = hunt.ExpanderFunc(func(_ context.Context, ind hunt.Indicator) ([]hunt.Indicator, error) {
		return []hunt.Indicator{{SHA256: hash(2)}, {SHA256: ind.SHA256}}, fails
	})
	p.found = []hunt.Sighting{sighting(2, 7, hunt.Executed)}
	if _, err := newHunter(t, p.cfg).Run(t.Context(), hunt.Window{}); !errors.Is(err, fails) || !p.list.has(1) {
		t.Errorf("the error is %v, open %v; want the expander's, and the parent due", err, p.list.open)
	}
	fails = nil
	r := p.after(t, time.Minute)
	i := slices.IndexFunc(r.Indicators, func(i hunt.Indicator) bool { return i.SHA256 == hash(2) })
	if i < 0 || r.Indicators[i].Of != hash(1) || len(r.Indicators[i].Recipients()) != 1 || len(r.Indicators[i].Files()) != 0 {
		t.Errorf("indicators are %+v, want file 2 of file 1 with its recipient and no name", r.Indicators)
	}
	if p.list.has(1) {
		t.Error("the parent is due still")
	}
}

// Who gets the attachment later may have what it brings along as well.
func TestSecondStageHasTheMailsOfItsParent(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	to := func(who string) hunt.Indicator {
		return indicator(1, hunt.Mail{ID: who, Recipients: []string{who + "@corp.example"}, FileName: "invoice.doc"})
	}
	asked := 0
	p.cfg.Expander = hunt.ExpanderFunc(func(context.Context, hunt.Indicator) ([]hunt.Indicator, error) {
		asked++
		return []hunt.Indicator{{SHA256: hash(2)}}, nil
	})
	p.cfg.Source = source(nil, to("kim"), to("pat"))
	run(t, p.cfg)
	p.now = p.now.Add(time.Hour)
	p.cfg.Source = source(nil, to("kim"), to("sam"))
	run(t, p.cfg)
	child := p.list.open[hash(2)]
	if diff := cmp.Diff([]string{"kim@corp.example", "pat@corp.example", "sam@corp.example"}, child.Recipients()); diff != "" || len(child.Files()) > 0 {
		t.Errorf("the file of the second stage has the names %q, recipients mismatch (-want +got):\n%s", child.Files(), diff)
	}
	if !child.Since.Equal(p.now) || child.Of != hash(1) {
		t.Errorf("it is hunted since %s as of %s, want since %s as its parent", child.Since, child.Of, p.now)
	}
	if asked != 1 {
		t.Errorf("what the attachment brings along was asked for %d times, want once", asked)
	}
}

// Who has less patience now than when a file was condemned gets one last search for it.
func TestRehuntMadeShorter(t *testing.T) {
	t.Parallel()
	p := newPatience(verdict(true, nil))
	run(t, p.cfg)
	p.after(t, 50*time.Hour)
	p.cfg.Rehunt = 24 * time.Hour
	p.after(t, time.Hour)
	if len(p.searches) != 2 || len(p.list.open) != 1 {
		t.Errorf("%d searches, open are %v; want two and the file, which is not due", len(p.searches), p.list.open)
	}
	p.after(t, 5*time.Hour)
	if len(p.searches) != 3 || len(p.list.open) != 0 {
		t.Errorf("%d searches, open are %v; want three and nothing", len(p.searches), p.list.open)
	}
}
