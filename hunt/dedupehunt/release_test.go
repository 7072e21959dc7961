package dedupehunt_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// A person releases what was held in one round, and another run has used that round up meanwhile. It is done in the next one, and the
// report knows of it.
func TestReleasedIntoALaterRound(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	work := new(action)
	h, err := hunt.New(hunt.Config{
		Source:   hunt.SourceFunc(func(context.Context, hunt.Ask) iter.Seq2[hunt.Indicator, error] { return nil }),
		Searcher: hunt.SearcherFunc(func(context.Context, []hunt.Indicator, time.Time) iter.Seq2[hunt.Sighting, error] { return nil }),
		Ledger:   l, Archive: l, Now: func() time.Time { return now }, Recheck: -1,
		Actions: []hunt.Action{hunt.NewAction(
			hunt.Spec{Name: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: hunt.Executed},
			func(ctx context.Context, tasks []hunt.Task) []hunt.Outcome { return work.do(ctx, tasks, nil) },
		)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ends(t, l, seen(7, 1, "a"), done())
	hold(t, l, "no", seen(7, 2, "b"))
	waiting := records(t, l)[1]
	ends(t, l, seen(7, 3, "c"), done())
	r, err := h.Release(t.Context(), "kim", false, waiting)
	if err != nil || len(r.Outcomes) != 1 || r.Outcomes[0].Status != hunt.Done || r.Outcomes[0].Task.Round != 3 || len(work.did) != 1 {
		t.Errorf("Release of %s = %+v, %v, having done %v; want it done in the third round", waiting.Task.Key(), r.Outcomes, err, work.did)
	}
}
