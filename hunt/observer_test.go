package hunt_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/pphunt/pphunt/hunt"
)

// steps are the events of a run.
type steps struct {
	mu  sync.Mutex
	all []hunt.Event
}

func (s *steps) Observe(e hunt.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, e)
}

func (s *steps) of(step hunt.Step) []hunt.Event {
	var some []hunt.Event
	for _, e := range s.all {
		if e.Step == step {
			some = append(some, e)
		}
	}
	return some
}

func TestEveryStepIsObserved(t *testing.T) {
	t.Parallel()
	seen := new(steps)
	cfg := response(new(memory), new(court), &lamps{name: "isolate"})
	cfg.Guards, cfg.Observer = []hunt.Guard{holdFile(9)}, seen
	cfg.FreshVerdict = -1
	h := newHunter(t, cfg)
	r, err := h.Run(t.Context(), hunt.Window{})
	if err != nil {
		t.Fatal(err)
	}
	if first, last := seen.all[0], seen.all[len(seen.all)-1]; first.Step != hunt.StepBegin || last.Step != hunt.StepEnd || last.Count != len(r.Outcomes) {
		t.Errorf("the first event is %+v, and the last %+v", first, last)
	}
	for _, step := range []hunt.Step{
		hunt.StepBegin, hunt.StepIntake, hunt.StepIndicator, hunt.StepSearch, hunt.StepPlan, hunt.StepGuard, hunt.StepVerdict, hunt.StepAction, hunt.StepEnd,
	} {
		if len(seen.of(step)) == 0 {
			t.Errorf("nothing is told of %s", step)
		}
	}
	for _, e := range seen.all {
		if e.Run != r.Run || e.Time.IsZero() || e.Err != nil {
			t.Errorf("the event %+v is not one of the run %s, or has no time, or an error", e, r.Run)
		}
	}
	// Taking back is a run too, and what fails says so.
	seen.all = nil
	back, err := h.Undo(t.Context(), hunt.Undo{Run: r.Run})
	if err != nil || len(seen.of(hunt.StepBegin)) != 1 || len(seen.of(hunt.StepEnd)) != 1 || seen.all[0].Run != back.Run {
		t.Errorf("taking back was told as %+v (%v)", seen.all, err)
	}
	seen.all = nil
	if _, err := h.Release(t.Context(), "ann", false); err != nil || len(seen.of(hunt.StepBegin)) != 1 || len(seen.of(hunt.StepEnd)) != 1 {
		t.Errorf("a release was told as %+v (%v)", seen.all, err)
	}
	seen.all = nil
	cfg.Source = source(errUnreachable)
	if _, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{}); err == nil {
		t.Fatal("a run without a source has no error")
	}
	if end := seen.of(hunt.StepEnd); len(end) != 1 || !errors.Is(end[0].Err, errUnreachable) {
		t.Errorf("the end is told as %+v", end)
	}
}
