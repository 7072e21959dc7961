package hunt_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// inHands is a guard that keeps what it is asked about and answers with holds.
type inHands struct {
	asked []hunt.Review
	holds []hunt.Hold
	err   error
}

func (g *inHands) Review(_ context.Context, r hunt.Review) ([]hunt.Hold, error) {
	g.asked = append(g.asked, r)
	return g.holds, g.err
}

func TestRestrictedGuards(t *testing.T) {
	t.Parallel()
	moving := func(task hunt.Task) hunt.Task {
		task.Action = "policy"
		return task
	}
	review := hunt.Review{
		Run:   "r1",
		Tasks: []hunt.Task{on(1, 1, 2), moving(on(1, 1, 2)), on(2, 1), ban(1, 1, 2)},
		Done:  []hunt.Task{on(3, 1), ban(2, 1)},
	}
	holds := []hunt.Hold{
		{SHA256: hash(1), Reason: "file", Unsure: true},
		{Key: "isolate/device/1", Reason: "task"},
		{Key: "policy/device/1", Reason: "task"},
		{Key: "isolate/device/1", SHA256: hash(2), Reason: "file in task"},
		{Key: "policy/device/1", SHA256: hash(2), Reason: "file in task"},
		{Reason: "all"},
	}
	for _, tt := range []struct {
		name  string
		of    func(hunt.Guard) hunt.Guard
		asked *hunt.Review
		want  []hunt.Hold
	}{
		{"to nothing", func(g hunt.Guard) hunt.Guard { return hunt.ForActions(g) }, &review, holds},
		{"to no impact", func(g hunt.Guard) hunt.Guard { return hunt.ForImpact(g) }, &review, holds},
		{
			"to an action", func(g hunt.Guard) hunt.Guard { return hunt.ForActions(g, "isolate", "script") },
			&hunt.Review{Run: "r1", Tasks: []hunt.Task{on(1, 1, 2), on(2, 1)}, Done: []hunt.Task{on(3, 1)}},
			[]hunt.Hold{
				{Key: "isolate/device/1", SHA256: hash(1), Reason: "file", Unsure: true},
				{Key: "isolate/device/2", SHA256: hash(1), Reason: "file", Unsure: true},
				{Key: "isolate/device/1", Reason: "task"},
				{Key: "isolate/device/1", SHA256: hash(2), Reason: "file in task"},
				{Key: "isolate/device/1", Reason: "all"},
				{Key: "isolate/device/2", Reason: "all"},
			},
		},
		{
			"to an impact", func(g hunt.Guard) hunt.Guard { return hunt.ForImpact(g, hunt.Destroys) },
			&hunt.Review{Run: "r1", Tasks: []hunt.Task{ban(1, 1, 2)}, Done: []hunt.Task{ban(2, 1)}},
			[]hunt.Hold{{Key: ban(1).Key(), SHA256: hash(1), Reason: "file", Unsure: true}, {Key: ban(1).Key(), Reason: "all"}},
		},
		{"to an action without tasks", func(g hunt.Guard) hunt.Guard { return hunt.ForActions(g, "script") }, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inner := &inHands{holds: holds}
			got, err := tt.of(inner).Review(t.Context(), review)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("holds mismatch (-want +got):\n%s", diff)
			}
			var asked []hunt.Review
			if tt.asked != nil {
				asked = append(asked, *tt.asked)
			}
			if diff := cmp.Diff(asked, inner.asked); diff != "" {
				t.Errorf("the guard was asked about other tasks (-want +got):\n%s", diff)
			}
			inner.err = errors.New("no answer")
			if _, err := tt.of(inner).Review(t.Context(), review); tt.asked != nil && !errors.Is(err, inner.err) {
				t.Errorf("Review of a guard that fails = %v", err)
			}
		})
	}
	if len(review.Tasks) != 4 || review.Tasks[1].Action != "policy" || len(review.Done) != 2 {
		t.Errorf("the review was changed: %+v", review)
	}
}

// does is an action that does everything that it is given.
func does(name string, scope hunt.Scope, impact hunt.Impact) *recorder {
	return &recorder{spec: hunt.Spec{Name: name, Scope: scope, Impact: impact, Evidence: hunt.Executed}}
}

// crowd are sightings of a file on devices.
func crowd(file byte, from, until int64) []hunt.Sighting {
	var all []hunt.Sighting
	for id := from; id <= until; id++ {
		all = append(all, sighting(file, id, hunt.Executed))
	}
	return all
}

func TestHoldsReachWhatTheyName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		hold hunt.Hold
		held map[string]string
		free map[string]int // files that are left
	}{
		{
			"a task",
			hunt.Hold{Key: "isolate/device/7", Reason: "no"},
			map[string]string{"isolate/device/7": "no"},
			map[string]int{"move/device/7": 2, "denylist/hash/" + hash(1).String(): 1, "denylist/hash/" + hash(2).String(): 1},
		},
		{
			"a file",
			hunt.Hold{SHA256: hash(1), Reason: "no"},
			map[string]string{"denylist/hash/" + hash(1).String(): "no"},
			map[string]int{"isolate/device/7": 1, "move/device/7": 1, "denylist/hash/" + hash(2).String(): 1},
		},
		{
			"a file in a task",
			hunt.Hold{Key: "isolate/device/7", SHA256: hash(1), Reason: "no"},
			map[string]string{},
			map[string]int{"isolate/device/7": 1, "move/device/7": 2, "denylist/hash/" + hash(1).String(): 1, "denylist/hash/" + hash(2).String(): 1},
		},
		{
			"the only file of a task, for no reason",
			hunt.Hold{Key: "denylist/hash/" + hash(1).String(), SHA256: hash(1)},
			map[string]string{"denylist/hash/" + hash(1).String(): "a guard gave no reason"},
			map[string]int{"isolate/device/7": 2, "move/device/7": 2, "denylist/hash/" + hash(2).String(): 1},
		},
		{
			"everything, as it names nothing",
			hunt.Hold{Reason: "no"},
			map[string]string{
				"isolate/device/7": "no", "move/device/7": "no",
				"denylist/hash/" + hash(1).String(): "no", "denylist/hash/" + hash(2).String(): "no",
			},
			map[string]int{},
		},
		{
			"a task that there is not",
			hunt.Hold{Key: "isolate/device/8", Reason: "no"},
			map[string]string{},
			map[string]int{"isolate/device/7": 2, "move/device/7": 2, "denylist/hash/" + hash(1).String(): 1, "denylist/hash/" + hash(2).String(): 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHunter(t, hunt.Config{
				Source: source(nil, indicator(1), indicator(2)), Ledger: &ledger{}, Guards: []hunt.Guard{&inHands{holds: []hunt.Hold{tt.hold}}},
				Searcher: searcher(sighting(1, 7, hunt.Executed), sighting(2, 7, hunt.Executed)),
				Actions: []hunt.Action{
					does("isolate", hunt.ScopeDevice, hunt.Contains), does("move", hunt.ScopeDevice, hunt.Contains),
					does("denylist", hunt.ScopeHash, hunt.Destroys),
				},
			})
			r, err := h.Run(t.Context(), hunt.Window{})
			if err != nil {
				t.Fatal(err)
			}
			held, free := make(map[string]string), make(map[string]int)
			for _, o := range r.Outcomes {
				if o.Status == hunt.Held {
					held[o.Task.Key()] = o.Detail
					continue
				}
				free[o.Task.Key()] = len(o.Task.Indicators)
				if o.Status != hunt.Done || len(o.Task.Sightings) != len(o.Task.Indicators) {
					t.Errorf("%s is %s with %d files and %d sightings", o.Task.Key(), o.Status, len(o.Task.Indicators), len(o.Task.Sightings))
				}
			}
			if diff := cmp.Diff(tt.held, held); diff != "" {
				t.Errorf("held mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.free, free); diff != "" {
				t.Errorf("done mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// A guard sees what was thought of a process last, in whatever order its rows come.
func TestTheNewestRowOfAProcessCounts(t *testing.T) {
	t.Parallel()
	row := func(reputation string, e hunt.Evidence, minute int) hunt.Sighting {
		s := sighting(1, 7, e)
		s.Process.Reputation, s.Time = reputation, time.Date(2026, time.March, 5, 12, minute, 0, 0, time.UTC)
		return s
	}
	rows := []hunt.Sighting{row("RESOLVING", hunt.Executed, 1), row("TRUSTED", hunt.Executed, 2), row("LATER", hunt.Touched, 3)}
	for range rows {
		rows = append(rows[1:], rows[0])
		plan := newHunter(t, hunt.Config{Source: source(nil, indicator(1)), Searcher: searcher(rows...)}).Plan(t.Context(), hunt.Window{})
		if len(plan.Sightings) != 1 || plan.Sightings[0].Process.Reputation != "TRUSTED" {
			t.Errorf("of %v the plan has %v", rows, plan.Sightings)
		}
	}
}
