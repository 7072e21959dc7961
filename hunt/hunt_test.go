package hunt_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

func TestNewReportsEveryProblem(t *testing.T) {
	t.Parallel()
	bad := &recorder{spec: hunt.Spec{Name: "a/b", Scope: "fleet"}}
	_, err := hunt.New(hunt.Config{Actions: []hunt.Action{bad, isolate(), isolate(), &recorder{spec: hunt.Spec{Name: "x", Scope: hunt.ScopeDevice}}}, BatchSize: -1})
	if err == nil {
		t.Fatal("hunt.New of a broken configuration gave no error")
	}
	for _, want := range []string{"Source", "Searcher", "Ledger", "a/b", "fleet", "two actions named isolate", "needs no evidence", "negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("hunt.New error does not speak of %q: %v", want, err)
		}
	}
}

func TestRunDoesWhatTheEvidenceAllows(t *testing.T) {
	t.Parallel()
	iso, hook := isolate(), &recorder{spec: hunt.Spec{Name: "webhook", Scope: hunt.ScopeProcess, Evidence: hunt.Named}}
	list := &recorder{spec: hunt.Spec{Name: "watchlist", Scope: hunt.ScopeHash}}
	ban := &recorder{spec: hunt.Spec{Name: "denylist", Scope: hunt.ScopeHash, Evidence: hunt.Executed}}
	h := newHunter(t, hunt.Config{
		Source:   source(nil, indicator(1), indicator(2), indicator(1)),
		Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(2, 7, hunt.Executed), sighting(2, 8, hunt.Touched), sighting(1, 9, hunt.Named)),
		Ledger:   &ledger{}, Actions: []hunt.Action{list, hook, iso, ban},
	})
	r, err := h.Run(t.Context(), hunt.Window{})
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if diff := cmp.Diff([]string{"7"}, iso.did); diff != "" {
		t.Errorf("isolated devices mismatch (-want +got):\n%s", diff)
	}
	if got := len(hook.did); got != 4 {
		t.Errorf("webhook was called for %d sightings, want 4", got)
	}
	if got := len(list.did); got != 2 {
		t.Errorf("watchlist got %d files, want 2", got)
	}
	if diff := cmp.Diff([]string{hash(1).String(), hash(2).String()}, ban.did); diff != "" {
		t.Errorf("banned files mismatch (-want +got):\n%s", diff)
	}
	reasons := make(map[string]string)
	for _, l := range r.LeftAlone {
		reasons[l.Device] = l.Reason
	}
	want := map[string]string{
		"HOST-8": "touched is not enough evidence for isolate",
		"HOST-9": "named is not enough evidence for isolate",
	}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("left alone mismatch (-want +got):\n%s", diff)
	}
}

func TestOneDeviceIsOneTask(t *testing.T) {
	t.Parallel()
	iso := isolate()
	h := newHunter(t, hunt.Config{
		Source: source(nil, indicator(1), indicator(2)), Ledger: &ledger{}, Actions: []hunt.Action{iso},
		Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(2, 7, hunt.Executed)),
	})
	p := h.Plan(t.Context(), hunt.Window{})
	if len(p.Tasks) != 1 || len(p.Tasks[0].Sightings) != 2 || len(p.Tasks[0].Indicators) != 2 {
		t.Errorf("the plan for one device with two files is %+v, want one task with two sightings and two indicators", p.Tasks)
	}
}

func TestFailedSearchIsNotNothingFound(t *testing.T) {
	t.Parallel()
	broken := errors.New("search broke")
	h := newHunter(t, hunt.Config{
		Source: source(nil, indicator(1), indicator(2)), Ledger: &ledger{}, BatchSize: 1,
		Searcher: hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
			if batch[0].SHA256 == hash(1) {
				return sequence(broken, sighting(1, 7, hunt.Executed))
			}
			return sequence(nil, sighting(2, 8, hunt.Executed))
		}),
	})
	r, err := h.Run(t.Context(), hunt.Window{})
	if !errors.Is(err, broken) {
		t.Errorf("Run error = %v, want it to wrap %v", err, broken)
	}
	if len(r.Sightings) != 2 {
		t.Errorf("Run kept %d sightings, want 2: what a failed search found still counts", len(r.Sightings))
	}
	if len(r.Problems) != 1 || !slices.Equal(r.Problems[0].Hashes, []hunt.SHA256{hash(1)}) {
		t.Errorf("Problems = %+v, want one that names the file whose search failed", r.Problems)
	}
}

func TestBrokenSourceStillHuntsWhatItGave(t *testing.T) {
	t.Parallel()
	iso, cut := isolate(), errors.New("cut off")
	h := newHunter(t, hunt.Config{Source: source(cut, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed)), Ledger: &ledger{}, Actions: []hunt.Action{iso}})
	_, err := h.Run(t.Context(), hunt.Window{})
	if !errors.Is(err, cut) {
		t.Errorf("Run error = %v, want it to wrap %v", err, cut)
	}
	if len(iso.did) != 1 {
		t.Errorf("isolated %v, want the device of the file that was known before the source broke", iso.did)
	}
}

func TestSightingNobodyAskedForIsDropped(t *testing.T) {
	t.Parallel()
	iso := isolate()
	stray := hunt.SearcherFunc(func(context.Context, []hunt.Indicator, time.Time) iter.Seq2[hunt.Sighting, error] {
		return sequence(nil, sighting(9, 7, hunt.Executed), hunt.Sighting{SHA256: hash(1), Evidence: hunt.Executed})
	})
	h := newHunter(t, hunt.Config{Source: source(nil, indicator(1)), Searcher: stray, Ledger: &ledger{}, Actions: []hunt.Action{iso}})
	r, err := h.Run(t.Context(), hunt.Window{})
	if err == nil || len(iso.did) != 0 || len(r.Sightings) != 0 {
		t.Errorf("Run = %d sightings, %v isolated, error %v; want nothing acted on, and an error", len(r.Sightings), iso.did, err)
	}
}

func TestFailureOfOneTaskStopsNoOther(t *testing.T) {
	t.Parallel()
	iso, ban := isolate(), &recorder{spec: hunt.Spec{Name: "denylist", Scope: hunt.ScopeHash, Evidence: hunt.Executed}}
	iso.fail = map[string]error{"7": errors.New("offline for ever")}
	store := &ledger{}
	cfg := hunt.Config{
		Source: source(nil, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(1, 8, hunt.Executed)),
		Ledger: store, Actions: []hunt.Action{iso, ban},
	}
	r, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
	if err == nil {
		t.Error("Run with a failed task gave no error")
	}
	ban1 := "denylist/hash/" + hash(1).String()
	want := map[string]hunt.Status{"isolate/device/7": hunt.Failed, "isolate/device/8": hunt.Done, ban1: hunt.Done}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}

	iso.fail = nil
	r, err = newHunter(t, cfg).Run(t.Context(), hunt.Window{})
	if err != nil {
		t.Errorf("second Run: %v", err)
	}
	want = map[string]hunt.Status{"isolate/device/7": hunt.Done, "isolate/device/8": hunt.Already, ban1: hunt.Already}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("outcomes of the second run mismatch (-want +got):\n%s", diff)
	}
}

func TestGuards(t *testing.T) {
	t.Parallel()
	protect := hunt.GuardFunc(func(_ context.Context, r hunt.Review) ([]hunt.Hold, error) {
		var holds []hunt.Hold
		for _, task := range r.Tasks {
			if task.Target == "7" {
				holds = append(holds, hunt.Hold{Key: task.Key(), Reason: "protected"})
			}
		}
		return holds, nil
	})
	broken := hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) { return nil, errors.New("no answer") })
	for _, c := range []struct {
		name   string
		guards []hunt.Guard
		want   map[string]hunt.Status
	}{
		{"a held device is left and the other is done", []hunt.Guard{protect}, map[string]hunt.Status{"isolate/device/7": hunt.Held, "isolate/device/8": hunt.Done}},
		{"a guard that fails holds everything", []hunt.Guard{protect, broken}, map[string]hunt.Status{"isolate/device/7": hunt.Held, "isolate/device/8": hunt.Held}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			iso := isolate()
			h := newHunter(t, hunt.Config{
				Source: source(nil, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(1, 8, hunt.Executed)),
				Ledger: &ledger{}, Actions: []hunt.Action{iso}, Guards: c.guards,
			})
			r, _ := h.Run(t.Context(), hunt.Window{})
			if diff := cmp.Diff(c.want, statuses(r)); diff != "" {
				t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
			}
			if slices.Contains(iso.did, "7") {
				t.Error("the held device was isolated")
			}
		})
	}
}

func TestPreviewWritesNothing(t *testing.T) {
	t.Parallel()
	iso, store := isolate(), &ledger{done: map[string]bool{"isolate/device/8": true}}
	h := newHunter(t, hunt.Config{
		Source: source(nil, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(1, 8, hunt.Executed)),
		Ledger: store, Actions: []hunt.Action{iso},
	})
	r, err := h.Preview(t.Context(), h.Plan(t.Context(), hunt.Window{}))
	if err != nil {
		t.Fatalf("Preview: %v", err)
	}
	want := map[string]hunt.Status{"isolate/device/7": hunt.Planned, "isolate/device/8": hunt.Already}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
	if len(iso.did) != 0 || len(store.done) != 1 {
		t.Errorf("Preview isolated %v and left %v in the ledger, want nothing changed", iso.did, store.done)
	}
}

func TestLedgerThatFailsStopsTheActions(t *testing.T) {
	t.Parallel()
	iso, full := isolate(), errors.New("disk full")
	h := newHunter(t, hunt.Config{Source: source(nil, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed)), Ledger: &ledger{err: full}, Actions: []hunt.Action{iso}})
	r, err := h.Run(t.Context(), hunt.Window{})
	if !errors.Is(err, full) || !errors.Is(err, hunt.ErrNotBegun) || r.Count(hunt.Failed) != 1 || len(iso.did) != 0 {
		t.Errorf("Run = %d failed, %v isolated, error %v; want one failed task, nothing isolated, and the ledger's error", r.Count(hunt.Failed), iso.did, err)
	}
}

func TestStoppedRunSaysWhatItDidNotBegin(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	first := hunt.NewAction(hunt.Spec{Name: "first", Scope: hunt.ScopeDevice, Evidence: hunt.Executed}, func(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
		stop()
		return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
	})
	iso := isolate()
	h := newHunter(t, hunt.Config{
		Source: source(nil, indicator(1)), Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(1, 8, hunt.Executed)),
		Ledger: &ledger{}, Actions: []hunt.Action{first, iso},
	})
	r, err := h.Run(ctx, hunt.Window{})
	want := map[string]hunt.Status{"first/device/7": hunt.Done, "first/device/8": hunt.Failed, "isolate/device/7": hunt.Failed, "isolate/device/8": hunt.Failed}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
	if !errors.Is(err, context.Canceled) || !r.Interrupted || len(iso.did) != 0 {
		t.Errorf("Run error %v, Interrupted %t, isolated %v; want context.Canceled, true, nothing", err, r.Interrupted, iso.did)
	}
}

func TestSearchBeginsWhileTheSourceSpeaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		var when []time.Duration
		var mu sync.Mutex
		begun := time.Now()
		h := newHunter(t, hunt.Config{
			BatchSize: 3, BatchDelay: 500 * time.Millisecond,
			Source: hunt.SourceFunc(func(context.Context, hunt.Ask) iter.Seq2[hunt.Indicator, error] {
				return func(yield func(hunt.Indicator, error) bool) {
					for n := range byte(4) {
						yield(indicator(n+1), nil)
					}
					time.Sleep(10 * time.Second)
					yield(indicator(9), nil)
				}
			}),
			Searcher: hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
				mu.Lock()
				defer mu.Unlock()
				sizes, when = append(sizes, len(batch)), append(when, time.Since(begun))
				return sequence[hunt.Sighting](nil)
			}),
		})
		if _, err := h.Run(t.Context(), hunt.Window{}); err != nil {
			t.Errorf("Run: %v", err)
		}
		if diff := cmp.Diff([]int{3, 1, 1}, sizes); diff != "" {
			t.Errorf("batch sizes mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{0, 500 * time.Millisecond, 10 * time.Second}, when); diff != "" {
			t.Errorf("times of the searches mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestIndicatorKeepsEveryMail(t *testing.T) {
	t.Parallel()
	later := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	a := hunt.Mail{ID: "1", Recipients: []string{"kim@corp.example"}, Time: later, FileName: "a.exe"}
	b := hunt.Mail{ID: "2", Recipients: []string{"pat@corp.example"}, Time: later.Add(-time.Hour), FileName: "b.exe"}
	h := newHunter(t, hunt.Config{Source: source(nil, indicator(1, a), indicator(1, b), indicator(1, a)), Searcher: searcher()})
	p := h.Plan(t.Context(), hunt.Window{})
	if len(p.Indicators) != 1 {
		t.Fatalf("the plan has %d indicators, want 1", len(p.Indicators))
	}
	if diff := cmp.Diff([]hunt.Mail{b, a}, p.Indicators[0].Mails); diff != "" {
		t.Errorf("mails mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"kim@corp.example", "pat@corp.example"}, p.Indicators[0].Recipients()); diff != "" {
		t.Errorf("recipients mismatch (-want +got):\n%s", diff)
	}
}

func TestLeftAloneIsBoundedButCounted(t *testing.T) {
	t.Parallel()
	const clean = 5000
	h := newHunter(t, hunt.Config{
		Source: hunt.SourceFunc(func(_ context.Context, ask hunt.Ask) iter.Seq2[hunt.Indicator, error] {
			return func(func(hunt.Indicator, error) bool) {
				for range clean {
					ask.Left(hunt.LeftAlone{File: "logo.png", Reason: "clean"})
				}
			}
		}),
		Searcher: searcher(),
	})
	r, err := h.Run(t.Context(), hunt.Window{})
	if err != nil || len(r.LeftAlone) >= clean || r.LeftAloneTotal["clean"] != clean {
		t.Errorf("Run kept %d entries and counted %d, error %v; want few and %d", len(r.LeftAlone), r.LeftAloneTotal["clean"], err, clean)
	}
}

func TestBatchSaysWhatIsRecordedTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		batch hunt.Batch
		want  []int
	}{
		{hunt.BatchAll, []int{3}},
		{hunt.BatchDevice, []int{1, 2}},
		{hunt.BatchTask, []int{1, 1, 1}},
	} {
		var mu sync.Mutex
		var sizes []int
		a := hunt.NewAction(hunt.Spec{Name: "post", Scope: hunt.ScopeProcess, Evidence: hunt.Named, Batch: c.batch, InFlight: 2}, func(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
			mu.Lock()
			defer mu.Unlock()
			sizes = append(sizes, len(tasks))
			var outcomes []hunt.Outcome
			for _, task := range tasks {
				outcomes = append(outcomes, hunt.Outcome{Task: task, Status: hunt.Done})
			}
			return outcomes
		})
		store := &ledger{}
		r, err := newHunter(t, hunt.Config{
			Source: source(nil, indicator(1), indicator(2)), Ledger: store, Actions: []hunt.Action{a},
			Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(2, 7, hunt.Executed), sighting(1, 8, hunt.Executed)),
		}).Run(t.Context(), hunt.Window{})
		slices.Sort(sizes)
		if err != nil || r.Count(hunt.Done) != 3 || !slices.Equal(sizes, c.want) || len(store.done) != 3 {
			t.Errorf("Batch %d: batches of %v, %d done, error %v; want batches of %v and 3 done", c.batch, sizes, r.Count(hunt.Done), err, c.want)
		}
	}
}
