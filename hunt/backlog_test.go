package hunt_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// backlog is a backlog in memory.
type backlog struct {
	mu   sync.Mutex
	open map[hunt.SHA256]hunt.OpenIndicator
	err  error
	// now is when something is kept, the zero time if it is nil.
	now func() time.Time
}

// waits is an indicator that an earlier run could not finish with.
func waits(all ...hunt.Indicator) map[hunt.SHA256]hunt.OpenIndicator {
	open := make(map[hunt.SHA256]hunt.OpenIndicator)
	for _, ind := range all {
		open[ind.SHA256] = hunt.OpenIndicator{Indicator: ind}
	}
	return open
}

func (b *backlog) Open(context.Context) ([]hunt.OpenIndicator, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Values(b.open)), b.err
}

func (b *backlog) Keep(_ context.Context, _ string, indicators ...hunt.Indicator) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = make(map[hunt.SHA256]hunt.OpenIndicator)
	}
	for _, ind := range indicators {
		o := hunt.OpenIndicator{Indicator: ind}
		if b.now != nil {
			o.Since = b.now()
		}
		b.open[ind.SHA256] = o
	}
	return b.err
}

func (b *backlog) Watch(_ context.Context, _ string, open ...hunt.OpenIndicator) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range open {
		b.open[o.SHA256] = o
	}
	return b.err
}

func (b *backlog) Settle(_ context.Context, hashes ...hunt.SHA256) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range hashes {
		delete(b.open, h)
	}
	return b.err
}

// has tells whether a file is open that was not finished with.
func (b *backlog) has(n byte) bool {
	o, ok := b.open[hash(n)]
	return ok && o.Searched.IsZero()
}

func verdict(condemned bool, err error) hunt.Verifier {
	return hunt.VerifierFunc(func(context.Context, hunt.Indicator) (bool, error) { return condemned, err })
}

func TestFailedTaskIsTakenUpFromTheBacklog(t *testing.T) {
	t.Parallel()
	iso, store, list := isolate(), &ledger{}, &backlog{}
	iso.fail = map[string]error{"7": errors.New("not now")}
	cfg := hunt.Config{
		Source: source(nil, indicator(1), indicator(2)), Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(2, 8, hunt.Executed)),
		Ledger: store, Backlog: list, Verifier: verdict(true, nil), Actions: []hunt.Action{iso}, Rehunt: -1,
	}
	if _, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{}); err == nil {
		t.Fatal("the first run had no failure")
	}
	if !list.has(1) || list.has(2) {
		t.Fatalf("after the first run the backlog is %v, want the file whose task failed and no other", list.open)
	}
	iso.fail, cfg.Source = nil, source(nil) // another window, without any mail
	r, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
	if err != nil {
		t.Errorf("the second run: %v", err)
	}
	if diff := cmp.Diff(map[string]hunt.Status{"isolate/device/7": hunt.Done}, statuses(r)); diff != "" {
		t.Errorf("outcomes of the second run mismatch (-want +got):\n%s", diff)
	}
	if list.has(1) || list.has(2) {
		t.Errorf("the backlog is %v after everything was done", list.open)
	}
}

func TestFailedSearchStaysInTheBacklog(t *testing.T) {
	t.Parallel()
	list := &backlog{}
	broken := hunt.SearcherFunc(func(context.Context, []hunt.Indicator, time.Time) iter.Seq2[hunt.Sighting, error] {
		return sequence[hunt.Sighting](errors.New("no answer"))
	})
	h := newHunter(t, hunt.Config{Source: source(nil, indicator(1)), Searcher: broken, Backlog: list, Verifier: verdict(true, nil)})
	if _, err := h.Run(t.Context(), hunt.Window{}); err == nil || !list.has(1) {
		t.Errorf("Run = %v and the backlog %v, want an error and the file kept", err, list.open)
	}
}

func TestBacklogIsVerifiedBeforeItIsHunted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		verifier hunt.Verifier
		isolated int
		kept     bool
		fails    bool
	}{
		{"condemned still", verdict(true, nil), 1, false, false},
		{"taken back", verdict(false, nil), 0, false, false},
		{"nobody answers", verdict(false, errors.New("no answer")), 0, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			iso, list := isolate(), &backlog{open: waits(indicator(1))}
			h := newHunter(t, hunt.Config{
				Source: source(nil), Searcher: searcher(sighting(1, 7, hunt.Executed)), Ledger: &ledger{},
				Backlog: list, Verifier: c.verifier, Actions: []hunt.Action{iso},
			})
			_, err := h.Run(t.Context(), hunt.Window{})
			if len(iso.did) != c.isolated || list.has(1) != c.kept || (err != nil) != c.fails {
				t.Errorf("isolated %v, kept %t, error %v; want %d, %t, failing %t", iso.did, list.has(1), err, c.isolated, c.kept, c.fails)
			}
		})
	}
}

func TestPreviewLeavesTheBacklogAlone(t *testing.T) {
	t.Parallel()
	list := &backlog{open: waits(indicator(2))}
	h := newHunter(t, hunt.Config{Source: source(nil, indicator(1)), Searcher: searcher(), Backlog: list, Verifier: verdict(false, nil)})
	if _, err := h.Preview(t.Context(), h.Plan(t.Context(), hunt.Window{})); err != nil {
		t.Fatal(err)
	}
	if list.has(1) || !list.has(2) {
		t.Errorf("the backlog is %v after a dry run, want it as it was", list.open)
	}
}

// A task that is done because of another file says nothing of the one that nobody could decide on.
func TestUndecidedFileStaysInTheBacklog(t *testing.T) {
	t.Parallel()
	for _, unsure := range []bool{true, false} {
		list, asked := &backlog{}, &inHands{holds: []hunt.Hold{{SHA256: hash(1), Reason: "no answer", Unsure: unsure}}}
		cfg := hunt.Config{
			Source: source(nil, indicator(1), indicator(2)), Searcher: searcher(append(crowd(1, 7, 8), crowd(2, 7, 8)...)...),
			Ledger: &ledger{}, Backlog: list, Verifier: verdict(true, nil), Actions: []hunt.Action{isolate()}, Guards: []hunt.Guard{asked},
		}
		r, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
		want := map[string]hunt.Status{"isolate/device/7": hunt.Done, "isolate/device/8": hunt.Done}
		if diff := cmp.Diff(want, statuses(r)); diff != "" {
			t.Errorf("unsure %t: outcomes (-want +got):\n%s", unsure, diff)
		}
		if list.has(1) != unsure || list.has(2) || errors.Is(err, hunt.ErrUndecided) != unsure || len(r.Problems) > 1 {
			t.Errorf("unsure %t: the backlog is %v, the error %v, the problems %v", unsure, list.open, err, r.Problems)
		}
	}
}
