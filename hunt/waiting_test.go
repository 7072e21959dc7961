package hunt_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

func TestGuardsSeeWhatIsToBeDoneAndWhatIsDone(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	hook := &recorder{spec: hunt.Spec{Name: "webhook", Scope: hunt.ScopeProcess, Evidence: hunt.Named, Impact: hunt.Tells}}
	cfg := response(ledger, nil, hook, iso)
	cfg.Searcher = searcher(sighting(1, 7, hunt.Executed))
	run(t, cfg)
	cfg.Searcher = searcher(sighting(1, 7, hunt.Executed), sighting(2, 9, hunt.Executed))
	var seen []string
	cfg.Guards = []hunt.Guard{hunt.GuardFunc(func(_ context.Context, r hunt.Review) ([]hunt.Hold, error) {
		for _, task := range r.Tasks {
			seen = append(seen, "open "+task.Key())
		}
		for _, task := range r.Done {
			seen = append(seen, "done "+task.Key())
		}
		return []hunt.Hold{{Key: "isolate/device/7", Reason: "too late"}, {Key: "webhook/process/" + r.Tasks[0].Target, Reason: "not its affair"}}, nil
	})}
	r := run(t, cfg)
	if diff := cmp.Diff([]string{"open isolate/device/9", "done isolate/device/7"}, seen); diff != "" {
		t.Errorf("the guard saw (-want +got):\n%s", diff)
	}
	if r.Count(hunt.Held) > 0 || len(hook.did) != 2 {
		t.Errorf("%d tasks held, %d of 2 findings told", r.Count(hunt.Held), len(hook.did))
	}
}

func TestADryRunLeavesNothingForAPerson(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, iso)
	cfg.Guards = []hunt.Guard{holdFile(1)}
	cfg.Auditor = hunt.AuditorFunc(func(context.Context, ...hunt.Decision) error {
		t.Error("a dry run decided something")
		return nil
	})
	h := newHunter(t, cfg)
	r, err := h.Preview(t.Context(), h.Plan(t.Context(), hunt.Window{}))
	if err != nil || r.Count(hunt.Held) != 2 || len(ledger.records) > 0 {
		t.Errorf("%d tasks held, error %v, in the ledger %v", r.Count(hunt.Held), err, ledger.records)
	}
}

func TestWhatAPersonHasAcknowledgedCountsNoMore(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, iso)
	cfg.Guards = []hunt.Guard{holdFile(1)}
	if r := run(t, cfg); r.Held() != 1 {
		t.Fatalf("%d tasks held, want 1", r.Held())
	}
	acknowledge := func(key string, givenUp bool) {
		rec := ledger.records[key]
		rec.Acknowledged, rec.GivenUp = true, givenUp
		if givenUp {
			rec.Status = hunt.Failed
		}
		ledger.records[key] = rec
	}
	acknowledge("isolate/device/7", false)
	if r := run(t, cfg); r.Held() != 0 || statuses(r)["isolate/device/7"] != hunt.Held {
		t.Errorf("%d tasks count as held, outcomes %v", r.Held(), statuses(r))
	}
	cfg.Source = source(nil)
	if r := run(t, cfg); len(r.Open) > 0 {
		t.Errorf("still open: %v", r.Open)
	}
	cfg.Source, cfg.Guards = source(nil, indicator(1)), nil
	acknowledge("isolate/device/7", true)
	if r := run(t, cfg); r.Count(hunt.Failed) > 0 || statuses(r)["isolate/device/7"] != hunt.Failed {
		t.Errorf("outcomes %v, of which %d count as failed", statuses(r), r.Count(hunt.Failed))
	}
}

func TestWhatWasTakenBackTurnsNoMore(t *testing.T) {
	t.Parallel()
	ledger, iso, verdicts := new(memory), &lamps{name: "isolate"}, new(court)
	cfg := response(ledger, verdicts, iso)
	run(t, cfg)
	verdicts.clear(hash(1), hash(2))
	cfg.Source, cfg.AutoUndo = source(nil), true
	if r := run(t, cfg); len(r.Turned) != 2 || r.Count(hunt.Undone) != 3 {
		t.Errorf("%d files turned, %d tasks taken back; want 2 and 3", len(r.Turned), r.Count(hunt.Undone))
	}
	if r := run(t, cfg); len(r.Turned) > 0 || len(r.Outcomes) > 0 {
		t.Errorf("the next run has %d files turned, outcomes %v", len(r.Turned), statuses(r))
	}
}

func TestWhatAPlanHoldsIsNotLostWithIt(t *testing.T) {
	t.Parallel()
	p, kept, verdicts := newPlanned(), new(backlog), new(court)
	p.cfg.Backlog, p.cfg.Verifier = kept, verdicts
	verdicts.err, p.troubled = errors.New("out of order"), true
	file := p.save(t)
	verdicts.err = nil
	r, err := p.apply(t, file)
	want := map[string]hunt.Status{"isolate/device/7": hunt.Failed, "isolate/device/8": hunt.Held, "isolate/device/9": hunt.Failed}
	got := statuses(r)
	for key, status := range want {
		if got[key] != status {
			t.Errorf("%s is %s, want %s", key, got[key], status)
		}
	}
	if err == nil || r.Held() != 1 || !kept.has(1) || !kept.has(2) {
		t.Errorf("error %v, %d tasks held, %d files open; want an error, 1 and both", err, r.Held(), len(kept.open))
	}
	if rec := p.ledger.records["isolate/device/8"]; rec.Status != hunt.Held || rec.Detail != "protected" {
		t.Errorf("the ledger has %q as %q, want it held", rec.Detail, rec.Status)
	}
	if len(p.iso.lit()) != 1 {
		t.Errorf("switched on %v, want what was on before", p.iso.lit())
	}
}

func TestAPlanThatFailsHalfWayIsTakenUp(t *testing.T) {
	t.Parallel()
	p, kept := newPlanned(), new(backlog)
	p.cfg.Guards, p.cfg.Backlog, p.cfg.Verifier, p.cfg.Rehunt = nil, kept, new(court), -1
	file := p.save(t)
	if len(kept.open) > 0 {
		t.Errorf("saving a plan kept %d files", len(kept.open))
	}
	p.hook.fail = map[string]error{sighting(2, 8, hunt.Executed).Process.GUID + "/" + hash(2).String(): context.DeadlineExceeded}
	if _, err := p.apply(t, file); err == nil {
		t.Error("a task failed, and the error is nil")
	}
	if kept.has(1) || !kept.has(2) {
		t.Errorf("open files: %v, want file 2 alone", slices.Collect(maps.Keys(kept.open)))
	}
	// A person who releases one task has not finished with the file.
	good := slices.DeleteFunc(slices.Collect(recordsOf(t, p.ledger)), func(r hunt.Record) bool { return r.Status == hunt.Failed })
	if _, err := newHunter(t, p.cfg).Release(t.Context(), "ada", false, good...); err != nil {
		t.Error(err)
	}
	if len(kept.open) != 1 {
		t.Errorf("%d open files after a release, want 1", len(kept.open))
	}
}

// A plan is what is to be done. What a verdict that turned around would take back is not in it, and applying it takes nothing back.
func TestAPlanTakesNothingBack(t *testing.T) {
	t.Parallel()
	p, verdicts := newPlanned(), new(court)
	p.cfg.Verifier, p.cfg.AutoUndo = verdicts, true
	run(t, p.cfg)
	verdicts.clear(hash(1))
	p.cfg.Source, p.cfg.Searcher = source(nil, indicator(3)), searcher(sighting(3, 6, hunt.Executed))
	file := p.save(t)
	r, err := p.apply(t, file)
	want := map[string]hunt.Status{"isolate/device/6": hunt.Done, "webhook/process/ORG-d-6/" + hash(3).String(): hunt.Done}
	if diff := cmp.Diff(want, statuses(r)); diff != "" || err != nil {
		t.Errorf("error %v, outcomes mismatch (-want +got):\n%s", err, diff)
	}
	if len(r.Turned) != 1 || !slices.Contains(p.iso.lit(), "7") {
		t.Errorf("turned %v, still on %v; want file 1 reported and its machine as it was", r.Turned, p.iso.lit())
	}
}

// A task that a person releases and that fails is tried again by the next run, which would not have asked about its file.
func TestAReleasedTaskThatFailsIsTakenUp(t *testing.T) {
	t.Parallel()
	ledger, kept, iso := new(memory), new(backlog), isolate()
	cfg := response(ledger, new(court), iso)
	cfg.Backlog, cfg.Rehunt, cfg.Guards = kept, -1, []hunt.Guard{holdFile(1)}
	run(t, cfg)
	var held []hunt.Record
	for rec := range recordsOf(t, ledger) {
		if rec.Status == hunt.Held {
			held = append(held, rec)
		}
	}
	if len(held) != 1 || len(kept.open) > 0 {
		t.Fatalf("%d tasks held, open files %v", len(held), kept.open)
	}
	iso.fail = map[string]error{"7": context.DeadlineExceeded}
	h := newHunter(t, cfg)
	if _, err := h.Release(t.Context(), "ada", true, held...); err != nil || len(kept.open) > 0 {
		t.Errorf("a dry Release: %v, open files %v", err, kept.open)
	}
	if _, err := h.Release(t.Context(), "ada", false, held...); err == nil || !kept.has(1) {
		t.Errorf("Release: %v, open files %v; want a failure, and file 1 open", err, kept.open)
	}
	back := held[0]
	back.Task.Undo = true
	if r, err := h.Release(t.Context(), "ada", false, back); err != nil || r.Held() != 1 {
		t.Errorf("Release of what takes something back: %v, %v; want it held", statuses(r), err)
	}
}
