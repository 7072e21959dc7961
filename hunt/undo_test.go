package hunt_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

func TestUndo(t *testing.T) {
	t.Parallel()
	seen := func(file byte, device int64) hunt.Sighting { return sighting(file, device, hunt.Executed) }
	for _, c := range []struct {
		name string
		undo func(run string) hunt.Undo
		want map[string]hunt.Status
		lit  []string
	}{
		{
			"a run", func(run string) hunt.Undo { return hunt.Undo{Run: run} },
			map[string]hunt.Status{"undo/isolate/device/7": hunt.Undone, "undo/isolate/device/8": hunt.Undone},
			[]string{"9"},
		},
		{
			"a device", func(string) hunt.Undo { return hunt.Undo{Device: 8} },
			map[string]hunt.Status{"undo/isolate/device/8": hunt.Undone},
			[]string{"7", "9"},
		},
		{
			"a file that is not alone", func(string) hunt.Undo { return hunt.Undo{SHA256: hash(1)} },
			map[string]hunt.Status{"undo/isolate/device/7": hunt.Undone, "undo/isolate/device/8": hunt.Held},
			[]string{"8", "9"},
		},
		{
			"a file, dry", func(string) hunt.Undo { return hunt.Undo{SHA256: hash(1), DryRun: true} },
			map[string]hunt.Status{"undo/isolate/device/7": hunt.Planned, "undo/isolate/device/8": hunt.Held},
			[]string{"7", "8", "9"},
		},
		{"a run that is unknown", func(string) hunt.Undo { return hunt.Undo{Run: "x"} }, map[string]hunt.Status{}, []string{"7", "8", "9"}},
		{"the device that was so before", func(string) hunt.Undo { return hunt.Undo{Device: 9} }, map[string]hunt.Status{}, []string{"7", "8", "9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ledger, iso := new(memory), &lamps{name: "isolate", on: map[string]bool{"9": true}}
			cfg := response(ledger, nil, iso)
			cfg.Searcher = searcher(seen(1, 7), seen(1, 8), seen(2, 8), seen(2, 9))
			first := run(t, cfg)
			h := newHunter(t, cfg)
			r, err := h.Undo(t.Context(), c.undo(first.Run))
			if err != nil {
				t.Errorf("Undo: %v", err)
			}
			if diff := cmp.Diff(c.want, statuses(r)); diff != "" {
				t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.lit, iso.lit()); diff != "" {
				t.Errorf("still on (-want +got):\n%s", diff)
			}
			if r, err = h.Undo(t.Context(), c.undo(first.Run)); err != nil || r.Count(hunt.Undone) > 0 {
				t.Errorf("a second Undo took back %d more, error %v", r.Count(hunt.Undone), err)
			}
			if !r.DryRun {
				again := run(t, cfg)
				for _, o := range again.Outcomes {
					if back := c.want["undo/"+o.Task.Key()] == hunt.Undone; back != strings.Contains(o.Detail, "taken back since") || back == o.Undone.IsZero() {
						t.Errorf("the next run says of %s: %s", o.Task.Key(), o.Detail)
					}
				}
				if got := again.Count(hunt.Done); got > 0 {
					t.Errorf("the next run did %d tasks again", got)
				}
			}
		})
	}
}

func TestUndoLeavesWhatAnotherRunHasReasonFor(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, iso)
	cfg.Source, cfg.Searcher = source(nil, indicator(1)), searcher(sighting(1, 7, hunt.Executed))
	first := run(t, cfg)
	// Another file ran on the same machine later, when it was isolated already.
	later := ledger.records["isolate/device/7"]
	later.Run, later.Status, later.Task.Round, later.Task.Before = "later", hunt.Already, 2, nil
	later.Task.Indicators = []hunt.Indicator{indicator(2)}
	ledger.records["isolate/device/7/2"] = later
	h := newHunter(t, cfg)
	for _, u := range []hunt.Undo{{Run: first.Run}, {SHA256: hash(1)}} {
		r, err := h.Undo(t.Context(), u)
		if err != nil || r.Count(hunt.Held) != 1 {
			t.Errorf("Undo(%v): %v, error %v; want it held", u, statuses(r), err)
		}
	}
	r, err := h.Undo(t.Context(), hunt.Undo{Device: 7})
	if err != nil || r.Count(hunt.Undone) != 1 || len(iso.lit()) > 0 {
		t.Errorf("Undo of the device: %v, error %v, still on %v", statuses(r), err, iso.lit())
	}
}

func TestUndoTakesBackWhatFailedAndCameThrough(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, iso)
	run(t, cfg)
	for _, key := range []string{"isolate/device/7", "isolate/device/8"} {
		rec := ledger.records[key]
		rec.Status = hunt.Failed // the answer was lost
		if key == "isolate/device/8" {
			rec.Task.Before = nil // it was refused, so that nothing was changed
		}
		ledger.records[key] = rec
	}
	for _, device := range []int64{7, 8} {
		if _, err := newHunter(t, cfg).Undo(t.Context(), hunt.Undo{Device: device}); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"8", "9"}, iso.lit()); diff != "" {
		t.Errorf("still on (-want +got):\n%s", diff)
	}
}

func TestUndoWantsOneThing(t *testing.T) {
	t.Parallel()
	h := newHunter(t, response(new(memory), nil, &lamps{name: "isolate"}))
	for _, u := range []hunt.Undo{{}, {Run: "x", Device: 7}, {Device: 7, SHA256: hash(1)}} {
		if _, err := h.Undo(t.Context(), u); err == nil {
			t.Errorf("Undo(%+v) gave no error", u)
		}
	}
}

func TestATurnedVerdictIsReportedAndUndone(t *testing.T) {
	t.Parallel()
	for _, auto := range []bool{false, true} {
		ledger, iso, verdicts := new(memory), &lamps{name: "isolate"}, new(court)
		ban := &recorder{spec: hunt.Spec{Name: "denylist", Scope: hunt.ScopeHash, Evidence: hunt.Executed}}
		cfg := response(ledger, verdicts, iso, ban)
		cfg.AutoUndo = auto
		run(t, cfg)
		verdicts.clear(hash(1))
		cfg.Source = source(nil) // its window is over
		r := run(t, cfg)
		if len(r.Turned) != 1 || r.Turned[0].SHA256 != hash(1) || len(r.Turned[0].Records) != 3 {
			t.Fatalf("auto %t: turned %+v, want file 1 with its isolations and its ban", auto, r.Turned)
		}
		want, lit := map[string]hunt.Status{}, []string{"7", "8", "9"}
		if auto {
			want = map[string]hunt.Status{
				"undo/denylist/hash/" + hash(1).String(): hunt.Held, // the action cannot
				"undo/isolate/device/7":                  hunt.Undone,
				"undo/isolate/device/8":                  hunt.Held, // the other file ran there too
			}
			lit = []string{"8", "9"}
		}
		if diff := cmp.Diff(want, statuses(r)); diff != "" {
			t.Errorf("auto %t: outcomes mismatch (-want +got):\n%s", auto, diff)
		}
		if diff := cmp.Diff(lit, iso.lit()); diff != "" {
			t.Errorf("auto %t: still on (-want +got):\n%s", auto, diff)
		}
	}
}

func TestUndoIsAudited(t *testing.T) {
	t.Parallel()
	ledger, iso := new(memory), &lamps{name: "isolate"}
	cfg := response(ledger, nil, iso)
	run(t, cfg)
	var by []string
	cfg.Auditor = hunt.AuditorFunc(func(_ context.Context, all ...hunt.Decision) error {
		for _, d := range all {
			by = append(by, string(d.Outcome.Status)+" by "+d.By)
		}
		return nil
	})
	if _, err := newHunter(t, cfg).Undo(t.Context(), hunt.Undo{Device: 7, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(by, []string{"undone by ada"}) {
		t.Errorf("decisions %q", by)
	}
	if _, err := newHunter(t, cfg).Undo(t.Context(), hunt.Undo{SHA256: hash(1), By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(by[1:], []string{"held by ada"}) { // machine 8 stays for file 2
		t.Errorf("decisions of the second undo %q", by[1:])
	}
}

// Two rounds on one machine: the later one is taken back first, and where it stays, so does what it covers.
func TestUndoBeginsWithTheLastRound(t *testing.T) {
	t.Parallel()
	for name, stays := range map[string]bool{"both": false, "not the later one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger, iso := new(memory), &lamps{name: "isolate"}
			cfg := response(ledger, nil, iso)
			cfg.Source, cfg.Searcher = source(nil, indicator(1)), searcher(sighting(1, 7, hunt.Executed))
			run(t, cfg)
			for round, begun := range map[int]time.Duration{2: time.Hour, 10: 2 * time.Hour} {
				later := ledger.records["isolate/device/7"]
				later.Task.Round, later.Last, later.Status = round, now().Add(begun), hunt.Done
				ledger.records[later.Task.Key()] = later
			}
			iso.log = nil
			if stays {
				cfg.Actions = []hunt.Action{refusesToGoBack{iso}}
			}
			if _, err := newHunter(t, cfg).Undo(t.Context(), hunt.Undo{Device: 7}); err != nil {
				t.Error(err)
			}
			var order []string
			for _, line := range iso.log {
				if key, ok := strings.CutPrefix(line, "look "); ok {
					order = append(order, key)
				}
			}
			want := []string{"undo/isolate/device/7/10", "undo/isolate/device/7/2", "undo/isolate/device/7"}
			if stays {
				want = want[:1]
			}
			if diff := cmp.Diff(want, order); diff != "" {
				t.Errorf("order mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

type refusesToGoBack struct{ *lamps }

func (refusesToGoBack) Undo(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	return []hunt.Outcome{{Task: tasks[0], Status: hunt.Held, Detail: "somebody else has changed it"}}
}

// Of two tasks on a machine, both about a file that turned out to be harmless, one was about another file too.
func TestAMachineStaysForTheFileThatIsStillCondemned(t *testing.T) {
	t.Parallel()
	ledger, iso, verdicts := new(memory), &lamps{name: "isolate"}, new(court)
	cfg := response(ledger, verdicts, iso)
	cfg.Source, cfg.Searcher = source(nil, indicator(1)), searcher(sighting(1, 7, hunt.Executed))
	run(t, cfg)
	later := ledger.records["isolate/device/7"]
	later.Run, later.Status, later.Task.Round, later.Task.Before = "later", hunt.Already, 2, nil
	later.Task.Indicators = []hunt.Indicator{indicator(1), indicator(2)}
	ledger.records["isolate/device/7/2"] = later
	verdicts.clear(hash(1))
	cfg.Source, cfg.AutoUndo = source(nil), true
	if r := run(t, cfg); r.Count(hunt.Held) != 1 || len(iso.lit()) != 1 {
		t.Errorf("outcomes %v, still on %v; want it held", statuses(r), iso.lit())
	}
	if r, err := newHunter(t, cfg).Undo(t.Context(), hunt.Undo{SHA256: hash(1)}); err != nil || r.Count(hunt.Held) != 1 || len(iso.lit()) != 1 {
		t.Errorf("Undo: %v, %v, still on %v; want it held", statuses(r), err, iso.lit())
	}
}

// torn is an archive that breaks off.
type torn struct{ *memory }

func (a torn) Records(ctx context.Context, since time.Time) iter.Seq2[hunt.Record, error] {
	return func(yield func(hunt.Record, error) bool) {
		for rec := range a.memory.Records(ctx, since) {
			_ = yield(rec, nil) && yield(hunt.Record{}, context.DeadlineExceeded)
			return
		}
	}
}

// Nothing is taken back while it is not known what else gives reason for it, nor what is being done at this moment.
func TestNothingIsTakenBackOnHalfOfWhatIsKnown(t *testing.T) {
	t.Parallel()
	ledger, iso, verdicts := new(memory), &lamps{name: "isolate"}, new(court)
	cfg := response(ledger, verdicts, iso)
	run(t, cfg)
	verdicts.clear(hash(1), hash(2))
	cfg.Source, cfg.AutoUndo, cfg.Archive = source(nil), true, torn{ledger}
	h := newHunter(t, cfg)
	if r, err := h.Run(t.Context(), hunt.Window{}); err == nil || len(r.Outcomes) > 0 || len(r.Turned) == 0 {
		t.Errorf("Run: %v, outcomes %v, turned %v; want an error and nothing taken back", err, statuses(r), r.Turned)
	}
	if r, err := h.Undo(t.Context(), hunt.Undo{Device: 7}); err == nil || len(r.Outcomes) > 0 || len(iso.lit()) != 3 {
		t.Errorf("Undo: %v, outcomes %v, still on %v; want an error and nothing taken back", err, statuses(r), iso.lit())
	}
	cfg.Archive, cfg.AutoUndo = ledger, false
	rec := ledger.records["isolate/device/7"]
	rec.Status = ""
	ledger.records["isolate/device/7"] = rec
	h = newHunter(t, cfg)
	if r, err := h.Undo(t.Context(), hunt.Undo{Device: 7}); err != nil || r.Held() != 1 || len(iso.lit()) != 3 {
		t.Errorf("Undo of what is being done: %v, %v, still on %v; want it held", statuses(r), err, iso.lit())
	}
	if r := run(t, cfg); len(r.Turned) != 2 || len(r.Turned[0].Records) != 2 {
		t.Errorf("turned %+v, want what may have been done among it", r.Turned)
	}
}
