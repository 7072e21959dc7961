package hunt_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// now is a clock that stands still.
func now() time.Time { return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) }

func TestStateIsLookedAtAndRecordedBeforeItIsChanged(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate", on: map[string]bool{"9": true}}
	r := run(t, response(ledger, nil, iso))
	want := map[string]hunt.Status{"isolate/device/7": hunt.Done, "isolate/device/8": hunt.Done, "isolate/device/9": hunt.Already}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`isolate/device/7 {"on":false}`, `isolate/device/8 {"on":false}`}, ledger.notes); diff != "" {
		t.Errorf("notes mismatch (-want +got):\n%s", diff)
	}
	if got := string(ledger.records["isolate/device/7"].Task.Before); got != `{"on":false}` {
		t.Errorf("the ledger has the state before as %s", got)
	}
	if want := `set isolate/device/7 true from {"on":false}`; !slices.Contains(iso.log, want) {
		t.Errorf("the action was called as %q, want %q", iso.log, want)
	}
}

func TestNothingIsChangedWhoseStateCannotBeRecorded(t *testing.T) {
	t.Parallel()
	iso := &lamps{name: "isolate"}
	_, err := newHunter(t, response(&memory{deaf: true}, nil, iso)).Run(t.Context(), hunt.Window{})
	if !errors.Is(err, hunt.ErrNotBegun) || len(iso.lit()) > 0 {
		t.Errorf("Run with a ledger that takes no notes: error %v, switched on %v", err, iso.lit())
	}
}

func TestADryRunLooksAtTheTargets(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate", on: map[string]bool{"9": true}}
	h := newHunter(t, response(ledger, nil, iso))
	r, err := h.Preview(t.Context(), h.Plan(t.Context(), hunt.Window{}))
	if err != nil {
		t.Errorf("Preview: %v", err)
	}
	want := map[string]hunt.Status{"isolate/device/7": hunt.Planned, "isolate/device/8": hunt.Planned, "isolate/device/9": hunt.Already}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"9"}, iso.lit()); diff != "" || len(ledger.records)+len(ledger.notes) > 0 {
		t.Errorf("the dry run left %v in the ledger and switched (-want +got):\n%s", ledger.records, diff)
	}
}

func TestTheVerdictIsAskedAgainBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	for _, dry := range []bool{false, true} {
		ledger, iso, verdicts := new(memory), &lamps{name: "isolate"}, new(court)
		hook := &recorder{spec: hunt.Spec{Name: "webhook", Scope: hunt.ScopeProcess, Evidence: hunt.Named, Impact: hunt.Tells}}
		verdicts.clear(hash(1))
		h := newHunter(t, response(ledger, verdicts, hook, iso))
		var r *hunt.Report
		var err error
		end := hunt.Done
		if dry {
			end = hunt.Planned
			r, err = h.Preview(t.Context(), h.Plan(t.Context(), hunt.Window{}))
		} else {
			r, err = h.Run(t.Context(), hunt.Window{})
		}
		if err != nil {
			t.Errorf("dry %t: %v", dry, err)
		}
		got := statuses(r)
		want := map[string]hunt.Status{"isolate/device/7": hunt.Held, "isolate/device/8": end, "isolate/device/9": end}
		for key, status := range want {
			if got[key] != status {
				t.Errorf("dry %t: %s is %s, want %s", dry, key, got[key], status)
			}
		}
		if n := len(hook.did); !dry && n != 4 {
			t.Errorf("the webhook told of %d of 4 findings", n)
		}
		if verdicts.asked > 2 {
			t.Errorf("dry %t: %d questions for the verdicts on 2 files", dry, verdicts.asked)
		}
		for _, o := range r.Outcomes {
			if o.Task.Key() == "isolate/device/8" && (len(o.Task.Indicators) != 1 || o.Task.Indicators[0].SHA256 != hash(2) || len(o.Task.Sightings) != 1) {
				t.Errorf("dry %t: the task on device 8 still rests on %d files", dry, len(o.Task.Indicators))
			}
		}
	}
}

func TestWithoutAVerdictNothingIsDone(t *testing.T) {
	t.Parallel()
	iso, verdicts := &lamps{name: "isolate"}, &court{err: errors.New("out of order")}
	r, err := newHunter(t, response(new(memory), verdicts, iso)).Run(t.Context(), hunt.Window{})
	if err == nil || r.Count(hunt.Failed) != 3 || len(iso.lit()) > 0 {
		t.Errorf("Run without verdicts: %d of 3 failed, switched on %v, error %v", r.Count(hunt.Failed), iso.lit(), err)
	}
}

// holdFile holds every task of a file.
func holdFile(n byte) hunt.Guard {
	return hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) {
		return []hunt.Hold{{SHA256: hash(n), Reason: "too many"}}, nil
	})
}

func TestAFileIsHeldWhole(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	ban := &recorder{spec: hunt.Spec{Name: "denylist", Scope: hunt.ScopeHash, Evidence: hunt.Executed}}
	tell := &recorder{spec: hunt.Spec{Name: "tell", Scope: hunt.ScopeHold, Impact: hunt.Tells}}
	cfg := response(ledger, nil, iso, ban, tell)
	cfg.Guards = []hunt.Guard{holdFile(1)}
	for range 2 {
		r := run(t, cfg)
		for _, o := range r.Outcomes {
			if o.Task.Key() == "isolate/device/8" && o.Status == hunt.Done && len(o.Task.Indicators)+len(o.Task.Sightings) != 2 {
				t.Errorf("the task on device 8 rests on %d files and %d sightings, want the one that is not held", len(o.Task.Indicators), len(o.Task.Sightings))
			}
		}
		if got := r.Held(); got != 2 {
			t.Errorf("%d tasks are held, want the isolation of device 7 and the ban", got)
		}
	}
	if diff := cmp.Diff([]string{"8", "9"}, iso.lit()); diff != "" {
		t.Errorf("switched on (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{hash(2).String()}, ban.did); diff != "" {
		t.Errorf("banned (-want +got):\n%s", diff)
	}
	if len(tell.did) != 1 || !strings.HasPrefix(tell.did[0], hash(1).String()+"/") {
		t.Errorf("told of %q, want the file and its reason once", tell.did)
	}
	cfg.Source = source(nil)
	r := run(t, cfg)
	if len(r.Open) != 2 || r.Held() != 2 {
		t.Errorf("a run that does not see the file has %d held tasks, want the 2 of earlier runs", len(r.Open))
	}
}

func TestWhatIsHeldCanBeReleased(t *testing.T) {
	t.Parallel()
	ledger, iso, verdicts := new(memory), &lamps{name: "isolate"}, new(court)
	cfg := response(ledger, verdicts, iso)
	cfg.Guards = []hunt.Guard{holdFile(1), holdFile(2)}
	run(t, cfg)
	if len(iso.lit()) > 0 {
		t.Fatalf("switched on %v although all was held", iso.lit())
	}
	verdicts.clear(hash(2))
	r, err := newHunter(t, cfg).Release(t.Context(), "ada", false, slices.Collect(recordsOf(t, ledger))...)
	if err != nil {
		t.Errorf("Release: %v", err)
	}
	want := map[string]hunt.Status{"isolate/device/7": hunt.Done, "isolate/device/8": hunt.Done, "isolate/device/9": hunt.Held}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
}

func recordsOf(t *testing.T, ledger *memory) func(func(hunt.Record) bool) {
	t.Helper()
	return func(yield func(hunt.Record) bool) {
		for rec, err := range ledger.Records(t.Context(), time.Time{}) {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(rec) {
				return
			}
		}
	}
}

func TestAGuardThatFailsLeavesNothingForAPerson(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, iso)
	cfg.Guards = []hunt.Guard{hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) { return nil, errors.New("no answer") })}
	r, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
	if err == nil || r.Count(hunt.Held) != 3 || len(ledger.records) > 0 {
		t.Errorf("%d tasks held, error %v, records %v", r.Count(hunt.Held), err, ledger.records)
	}
}

func TestWhatAGuardCannotTellIsAskedAgain(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, iso)
	kept := new(backlog)
	cfg.Backlog, cfg.Verifier = kept, new(court)
	cfg.Guards = []hunt.Guard{hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) {
		return []hunt.Hold{
			{SHA256: hash(1), Reason: "no answer", Unsure: true},
			{Key: "isolate/device/9", Reason: "no answer", Unsure: true},
			{Key: "isolate/device/9", Reason: "protected"},
		}, nil
	})}
	r, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
	want := map[string]hunt.Status{"isolate/device/7": hunt.Failed, "isolate/device/8": hunt.Done, "isolate/device/9": hunt.Held}
	if diff := cmp.Diff(want, statuses(r)); diff != "" || !errors.Is(err, hunt.ErrUndecided) {
		t.Errorf("error %v, outcomes mismatch (-want +got):\n%s", err, diff)
	}
	if !kept.has(1) || kept.has(2) {
		t.Errorf("%d files stay open, want file 1 alone", len(kept.open))
	}
	cfg.Guards, cfg.Source = nil, source(nil)
	if r = run(t, cfg); statuses(r)["isolate/device/7"] != hunt.Done {
		t.Errorf("outcomes of the next run: %v", statuses(r))
	}
}

func TestDecisionsAreAudited(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate", on: map[string]bool{"9": true}}
	cfg := response(ledger, nil, iso)
	cfg.Guards = []hunt.Guard{holdFile(1)}
	var decided []string
	cfg.Auditor = hunt.AuditorFunc(func(_ context.Context, all ...hunt.Decision) error {
		for _, d := range all {
			decided = append(decided, d.Outcome.Task.Key()+" "+string(d.Outcome.Status)+d.By)
		}
		return nil
	})
	for range 3 {
		run(t, cfg)
	}
	want := []string{"isolate/device/7 held", "isolate/device/8 done", "isolate/device/9 already"}
	slices.Sort(decided)
	if diff := cmp.Diff(want, decided); diff != "" {
		t.Errorf("decisions of three runs mismatch (-want +got):\n%s", diff)
	}
}

func TestNothingMoreIsBegunWhenDecisionsCannotBeKept(t *testing.T) {
	t.Parallel()
	one, two := &lamps{name: "one"}, &lamps{name: "two"}
	cfg := response(new(memory), nil, one, two)
	cfg.Auditor = hunt.AuditorFunc(func(context.Context, ...hunt.Decision) error { return errors.New("the disk is full") })
	_, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{})
	if err == nil || len(two.lit()) > 0 {
		t.Errorf("Run: error %v, the second action switched on %v", err, two.lit())
	}
}

func TestTheEmptyFileIsNotHunted(t *testing.T) {
	t.Parallel()
	empty, err := hunt.ParseSHA256("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	if err != nil {
		t.Fatal(err)
	}
	iso := isolate()
	r := run(t, hunt.Config{
		Source: source(nil, hunt.Indicator{SHA256: empty}), Ledger: new(ledger), Actions: []hunt.Action{iso},
		Searcher: searcher(hunt.Sighting{SHA256: empty, Evidence: hunt.Executed, Device: hunt.Device{ID: 7}, Process: hunt.Process{GUID: "g"}}),
	})
	if len(iso.did) > 0 || len(r.Indicators) > 0 || len(r.LeftAlone) != 1 {
		t.Errorf("acted on %v, %d files, left alone %v", iso.did, len(r.Indicators), r.LeftAlone)
	}
}

// Two files on a protected machine are two things to tell of, also when one of them was told of before.
func TestEachHeldFileIsToldOf(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	tell := &recorder{spec: hunt.Spec{Name: "tell", Scope: hunt.ScopeHold, Impact: hunt.Tells}}
	cfg := response(ledger, nil, iso, tell)
	cfg.Guards = []hunt.Guard{hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) {
		return []hunt.Hold{{Key: "isolate/device/8", Reason: "protected"}}, nil
	})}
	for _, found := range [][]hunt.Sighting{{sighting(1, 8, hunt.Executed)}, {sighting(1, 8, hunt.Executed), sighting(2, 8, hunt.Executed)}} {
		cfg.Searcher = searcher(found...)
		run(t, cfg)
		if len(tell.did) != len(found) || !strings.HasPrefix(tell.did[len(found)-1], found[len(found)-1].SHA256.String()) {
			t.Errorf("told of %q, want each of %d files once", tell.did, len(found))
		}
	}
}
