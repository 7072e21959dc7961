package dedupehunt_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// hunting is a hunt of findings on one machine, with a guard that holds files.
type hunting struct {
	l    *dedupehunt.Ledger
	now  time.Time
	held []byte
	fail error
	did  []string
	// audited are the decisions, in order.
	audited []string
}

func newHunting(t *testing.T) *hunting {
	t.Helper()
	h := &hunting{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	h.l = clockwork(t, new(dedupe.Memory), &h.now)
	return h
}

func (h *hunting) hunter(t *testing.T, found hunt.Task) *hunt.Hunter {
	t.Helper()
	hunter, err := hunt.New(hunt.Config{
		Source: hunt.SourceFunc(func(context.Context, hunt.Ask) iter.Seq2[hunt.Indicator, error] {
			return all(found.Indicators...)
		}),
		Searcher: hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
			return all(slices.DeleteFunc(slices.Clone(found.Sightings), func(s hunt.Sighting) bool {
				return !slices.ContainsFunc(batch, func(i hunt.Indicator) bool { return i.SHA256 == s.SHA256 })
			})...)
		}),
		Auditor: hunt.AuditorFunc(func(_ context.Context, decisions ...hunt.Decision) error {
			for _, d := range decisions {
				h.audited = append(h.audited, d.Outcome.Task.Key()+" "+string(d.Outcome.Status))
			}
			return nil
		}),
		Ledger: h.l, Archive: h.l, Backlog: h.l, Rehunt: -1, Now: func() time.Time { return h.now }, BatchDelay: time.Nanosecond,
		Verifier: hunt.VerifierFunc(func(context.Context, hunt.Indicator) (bool, error) { return true, nil }),
		Guards: []hunt.Guard{hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) {
			var holds []hunt.Hold
			for _, file := range h.held {
				holds = append(holds, hunt.Hold{SHA256: hunt.SHA256{0: file}, Reason: "protected"})
			}
			return holds, nil
		})},
		Actions: []hunt.Action{hunt.NewAction(
			hunt.Spec{Name: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: hunt.Executed},
			func(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
				h.did = append(h.did, tasks[0].Key())
				if h.fail != nil {
					return []hunt.Outcome{{Task: tasks[0], Status: hunt.Failed, Err: h.fail}}
				}
				return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
			},
		)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return hunter
}

// run hunts and returns what became of the tasks, with the first bytes of their files.
func (h *hunting) run(t *testing.T, found hunt.Task) map[string]string {
	t.Helper()
	h.now = h.now.Add(time.Hour)
	r, _ := h.hunter(t, found).Run(t.Context(), hunt.Window{})
	return told(r)
}

func told(r *hunt.Report) map[string]string {
	ends := make(map[string]string)
	add := func(t hunt.Task, what string) {
		for _, ind := range t.Indicators {
			what += " " + string('0'+rune(ind.SHA256[0]))
		}
		ends[t.Key()] = what
	}
	for _, o := range r.Outcomes {
		add(o.Task, string(o.Status))
	}
	for _, rec := range r.Open {
		add(rec.Task, "open "+string(rec.Status))
	}
	return ends
}

func (h *hunting) want(t *testing.T, step string, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: mismatch (-want +got):\n%s", step, diff)
	}
}

// A guard holds one of two files that ran on a machine. The machine is handled for the other one, and the first waits for a person.
func TestWhatIsLeftOutWaitsForAPerson(t *testing.T) {
	t.Parallel()
	h := newHunting(t)
	h.held = []byte{1}
	both := map[string]string{"isolate/device/7": "done 2", "isolate/device/7/2": "held 1"}
	h.want(t, "the first run", h.run(t, seen(7, 1, "a", 2, "b")), both)
	both["isolate/device/7"] = "already 2"
	h.want(t, "the same again", h.run(t, seen(7, 1, "a", 2, "b")), both)
	h.want(t, "another window", h.run(t, hunt.Task{}), map[string]string{"isolate/device/7/2": "open held 1"})
	r, err := h.hunter(t, hunt.Task{}).Release(t.Context(), "kim", false, records(t, h.l)[1])
	if err != nil {
		t.Error(err)
	}
	h.want(t, "released", told(r), map[string]string{"isolate/device/7/2": "done 1"})
	want := []string{"isolate/device/7 done", "isolate/device/7/2 held", "isolate/device/7/2 done"}
	if diff := cmp.Diff(want, h.audited); diff != "" {
		t.Errorf("decisions mismatch (-want +got):\n%s", diff)
	}
}

// While the machine cannot be handled for the other file, the ledger has no place for the first: it stays open.
func TestWhatIsLeftOutOfAFailureStaysOpen(t *testing.T) {
	t.Parallel()
	h := newHunting(t)
	h.held, h.fail = []byte{1}, errors.New("offline")
	h.want(t, "a failure", h.run(t, seen(7, 1, "a", 2, "b")), map[string]string{"isolate/device/7": "failed 2", "isolate/device/7/2": "held 1"})
	open, err := h.l.Open(t.Context())
	if err != nil || len(open) != 2 {
		t.Errorf("Open = %v, %v; want both files", open, err)
	}
}

// A file is held, and what is found on the same machine later has the same key until one of them is done.
func TestWhatIsHeldIsNotDisplaced(t *testing.T) {
	t.Parallel()
	h := newHunting(t)
	h.held = []byte{1, 2}
	h.want(t, "one file", h.run(t, seen(7, 1, "a")), map[string]string{"isolate/device/7": "held 1"})
	h.want(t, "another file", h.run(t, seen(7, 2, "b")), map[string]string{"isolate/device/7": "held 2"})
	h.want(t, "none", h.run(t, hunt.Task{}), map[string]string{"isolate/device/7": "open held 2 1"})
	h.fail = errors.New("offline")
	h.run(t, seen(7, 3, "c"))
	if open, err := h.l.Open(t.Context()); err != nil || len(open) != 3 {
		t.Errorf("Open = %v, %v; want the held files too, while the third fails", open, err)
	}
	h.fail = nil
	h.want(t, "a third file", h.run(t, seen(7, 1, "a", 2, "b", 3, "c")), map[string]string{"isolate/device/7": "done 3", "isolate/device/7/2": "held 1 2"})
	h.want(t, "a fourth file", h.run(t, seen(7, 4, "d")), map[string]string{"isolate/device/7/2": "done 4", "isolate/device/7/3": "held 1 2"})
	h.want(t, "none again", h.run(t, hunt.Task{}), map[string]string{"isolate/device/7/3": "open held 1 2"})
}

// A task failed, and the next search does not bring what it rests on: an index lags, say. It is not forgotten because of that.
func TestWhatFailedIsNotForgottenWithTheSearch(t *testing.T) {
	t.Parallel()
	h := newHunting(t)
	h.fail = errors.New("offline")
	h.want(t, "a failure", h.run(t, seen(7, 1, "a")), map[string]string{"isolate/device/7": "failed 1"})
	h.fail = nil
	h.want(t, "nothing is found", h.run(t, hunt.Task{}), map[string]string{})
	h.want(t, "something else is found", h.run(t, seen(7, 2, "b")), map[string]string{"isolate/device/7": "done 2"})
	found := seen(7, 1, "a")
	found.Indicators = nil // the backlog has it
	h.want(t, "it is found again", h.run(t, found), map[string]string{"isolate/device/7/2": "done 1"})
	h.want(t, "it is finished with", h.run(t, found), map[string]string{})
}

// What is new on a machine that was handled before is held under the key by which a person releases it, and counts once.
func TestWhatIsHeldHasTheKeyOfItsRound(t *testing.T) {
	t.Parallel()
	h := newHunting(t)
	h.run(t, seen(7, 1, "a"))
	h.held = []byte{2}
	for _, step := range []string{"the first time", "again"} {
		h.want(t, step, h.run(t, seen(7, 2, "b")), map[string]string{"isolate/device/7/2": "held 2"})
	}
	want := []string{"isolate/device/7 done", "isolate/device/7/2 held"}
	if diff := cmp.Diff(want, h.audited); diff != "" {
		t.Errorf("decisions mismatch (-want +got):\n%s", diff)
	}
}
