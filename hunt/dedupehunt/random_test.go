package dedupehunt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// world is a few files that ran on a few machines, and what may go wrong with them.
type world struct {
	mu    sync.Mutex
	t     *testing.T
	dice  *rand.Rand
	store *faulty
	l     *dedupehunt.Ledger
	found map[byte][]hunt.Sighting
	// ever are the files that were cleared at any time.
	ever map[byte]bool
	// named, held, cleared and failing are files, and machines that fail, in the run at hand.
	named, held, cleared map[byte]bool
	failing              map[int64]bool
	// blind are the findings that the search does not bring yet: those that are in brought it has brought.
	blind, brought map[string]bool
	// known are the findings that a search has brought, by process, as long as their file is not cleared.
	known map[string]byte
	// auto takes back what was done about files that are cleared. It is true while a hunt runs that may.
	auto bool
	on   map[int64]bool
	done map[string]int
	// forgetful means that outcomes could not be recorded in this run.
	forgetful bool
	last      string
}

const (
	randomFiles    = 4
	randomMachines = 3
)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, dice: rand.New(rand.NewPCG(seed, 1)), store: new(faulty),
		found: make(map[byte][]hunt.Sighting), known: make(map[string]byte), on: make(map[int64]bool), ever: make(map[byte]bool), brought: make(map[string]bool), done: make(map[string]int),
	}
	w.store.finish = func() error {
		if w.forgetful {
			return errStore
		}
		return nil
	}
	var err error
	w.l, err = dedupehunt.New(dedupehunt.Config{Store: w.store})
	if err != nil {
		t.Fatal(err)
	}
	for file := byte(1); file <= randomFiles; file++ {
		for device := range randomMachines {
			if w.dice.IntN(3) > 0 {
				w.found[file] = append(w.found[file], seen(device+1, file, fmt.Sprintf("p%d%d", device+1, file)).Sightings...)
			}
		}
	}
	return w
}

func (w *world) some(odds int) map[byte]bool {
	files := make(map[byte]bool)
	for file := byte(1); file <= randomFiles; file++ {
		files[file] = w.dice.IntN(odds) == 0
	}
	return files
}

func (w *world) hunter() *hunt.Hunter {
	h, err := hunt.New(hunt.Config{
		Source: hunt.SourceFunc(func(context.Context, hunt.Ask) iter.Seq2[hunt.Indicator, error] {
			var list []hunt.Indicator
			for file := byte(1); file <= randomFiles; file++ {
				if w.named[file] {
					list = append(list, openIndicator(file, "m"))
				}
			}
			return all(list...)
		}),
		Searcher: hunt.SearcherFunc(func(_ context.Context, batch []hunt.Indicator, _ time.Time) iter.Seq2[hunt.Sighting, error] {
			var list []hunt.Sighting
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, ind := range batch {
				for _, s := range w.found[ind.SHA256[0]] {
					if w.blind[s.Process.GUID] {
						continue
					}
					list = append(list, s)
					w.brought[s.Process.GUID] = true
					if !w.cleared[s.SHA256[0]] {
						w.known[s.Process.GUID] = s.SHA256[0]
					}
				}
			}
			return all(list...)
		}),
		Ledger: w.l, Archive: w.l, Backlog: w.l, BatchDelay: time.Nanosecond, AutoUndo: w.auto,
		Verifier: hunt.VerifierFunc(func(_ context.Context, ind hunt.Indicator) (bool, error) { return !w.cleared[ind.SHA256[0]], nil }),
		Guards: []hunt.Guard{hunt.GuardFunc(func(context.Context, hunt.Review) ([]hunt.Hold, error) {
			var holds []hunt.Hold
			for file, held := range w.held {
				if held {
					holds = append(holds, hunt.Hold{SHA256: hunt.SHA256{0: file}, Reason: "protected"})
				}
			}
			return holds, nil
		})},
		Actions: []hunt.Action{&switches{w}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// switches sets a state of machines, and finds faults with being asked to.
type switches struct{ w *world }

func (s *switches) Spec() hunt.Spec {
	return hunt.Spec{Name: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: hunt.Executed}
}

func (s *switches) Look(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		d, _ := t.Device()
		o := hunt.Outcome{Task: t, Status: hunt.Planned, Before: []byte(`{"on":false}`)}
		if s.w.on[d.ID] != t.Undo {
			o = hunt.Outcome{Task: t, Status: hunt.Already, Detail: "it is so already"}
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

func (s *switches) Do(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	time.Sleep(time.Second)
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		d, _ := t.Device()
		if s.w.failing[d.ID] {
			outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Failed, Err: errors.New("offline"), Refused: s.w.dice.IntN(3) == 0})
			continue
		}
		s.w.on[d.ID] = true
		for _, sg := range t.Sightings {
			file := sg.SHA256[0]
			if s.w.cleared[file] || s.w.held[file] && !t.Released {
				s.w.t.Errorf("%s was done for file %d, which is held %t, cleared %t", t.Key(), file, s.w.held[file], s.w.cleared[file])
			}
			if s.w.done[sg.Process.GUID]++; s.w.done[sg.Process.GUID] > 1 && !s.w.forgetful {
				s.w.t.Errorf("%s was done twice for file %d", t.Key(), file)
			}
			if s.w.forgetful {
				s.w.done[sg.Process.GUID] = 0
			}
		}
		outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Done})
	}
	return outcomes
}

func (s *switches) Undo(_ context.Context, tasks []hunt.Task) []hunt.Outcome {
	time.Sleep(time.Second)
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		d, _ := t.Device()
		if s.w.auto && !s.w.forgetful {
			s.w.mustBeCleared(t)
		}
		s.w.on[d.ID] = false
		outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Undone})
	}
	return outcomes
}

// mustBeCleared finds fault with a machine being let go for which a file gives reason that is condemned still.
func (w *world) mustBeCleared(t hunt.Task) {
	for r, err := range w.l.Records(context.WithoutCancel(w.t.Context()), time.Time{}) {
		if err != nil {
			w.t.Error(err)
		}
		if r.Task.Target != t.Target || r.Task.Undo || !r.Undone.IsZero() || r.Status != hunt.Done && r.Status != hunt.Already {
			continue
		}
		for _, ind := range r.Task.Indicators {
			if !w.cleared[ind.SHA256[0]] {
				w.t.Errorf("%s although %s was about file %d", t.Key(), r.Task.Key(), ind.SHA256[0])
			}
		}
	}
}

// mustBeOn finds fault with a machine that is free although it was handled for a file that was never cleared.
func (w *world) mustBeOn(story []string) {
	for file, cleared := range w.cleared {
		w.ever[file] = w.ever[file] || cleared
	}
	for r, err := range w.l.Records(w.t.Context(), time.Time{}) {
		if err != nil {
			w.t.Error(err)
		}
		if r.Task.Undo || !r.Undone.IsZero() || r.Status != hunt.Done && r.Status != hunt.Already || w.on[int64(r.Task.Target[0]-'0')] {
			continue
		}
		for _, ind := range r.Task.Indicators {
			if !w.ever[ind.SHA256[0]] {
				w.t.Fatalf("the machine is free, although %s was about file %d; after\n%s", r.Task.Key(), ind.SHA256[0], strings.Join(story, "\n"))
			}
		}
	}
}

// release does some of what is held.
func (w *world) release() string {
	var held []hunt.Record
	for r, err := range w.l.Records(w.t.Context(), time.Time{}) {
		if err != nil {
			w.t.Error(err)
		}
		if r.Status == hunt.Held && w.dice.IntN(2) == 0 {
			held = append(held, r)
		}
	}
	r, _ := w.hunter().Release(w.t.Context(), "kim", false, held...)
	return fmt.Sprint("released: ", told(r), r.Problems, r.Err())
}

func (w *world) run() {
	time.Sleep(2 * time.Hour)
	ends := make([]string, 1+w.dice.IntN(2)) // one program, or two at once
	var wg sync.WaitGroup
	for i := range ends {
		h := w.hunter()
		wg.Go(func() {
			r, _ := h.Run(w.t.Context(), hunt.Window{})
			ends[i] = fmt.Sprint(told(r), r.Problems, r.Err())
		})
	}
	wg.Wait()
	w.last = strings.Join(ends, " AND ")
	maps.DeleteFunc(w.known, func(_ string, file byte) bool { return w.cleared[file] }) // no later run need come back to it
}

// lost lists the findings of which nobody knows any more: not done, not held, and their files not open.
func (w *world) lost() []string {
	open := make(map[byte]bool)
	list, err := w.l.Open(w.t.Context())
	if err != nil {
		w.t.Error(err)
	}
	for _, ind := range list {
		open[ind.SHA256[0]] = true
	}
	waiting := make(map[string]bool)
	for r, err := range w.l.Records(w.t.Context(), time.Time{}) {
		if err != nil {
			w.t.Error(err)
		}
		for _, s := range r.Task.Sightings {
			waiting[s.Process.GUID] = waiting[s.Process.GUID] || r.Status == hunt.Held
		}
	}
	var lost []string
	for guid, file := range w.known {
		o := looked(w.t, w.l, seen(int(guid[1]-'0'), file, guid))
		if o.Status != hunt.Already && !open[file] && !waiting[guid] {
			lost = append(lost, guid)
		}
	}
	slices.Sort(lost)
	return lost
}

// Whatever is held, cleared, fails or is not recorded, and in whatever order: no finding is lost, none is acted on twice, and nothing is
// done for a file that is held or cleared.
func TestNothingIsLostAndNothingDoneTwice(t *testing.T) {
	t.Parallel()
	for seed := range uint64(80) {
		synctest.Test(t, func(t *testing.T) { play(t, seed) })
	}
}

func play(t *testing.T, seed uint64) {
	t.Helper()
	w := newWorld(t, seed)
	var story []string
	for range 12 {
		w.named, w.held, w.cleared, w.failing = w.some(2), w.some(3), w.some(8), make(map[int64]bool)
		for device := range int64(randomMachines) {
			w.failing[device+1] = w.dice.IntN(4) == 0
		}
		w.forgetful, w.auto, w.blind = w.dice.IntN(8) == 0, w.dice.IntN(2) == 0, make(map[string]bool)
		for _, list := range w.found {
			for _, s := range list {
				w.blind[s.Process.GUID] = w.dice.IntN(2) == 0 && !w.brought[s.Process.GUID]
			}
		}
		w.run()
		story = append(story, fmt.Sprintf("named %v held %v cleared %v failing %v forgetful %t: %s", w.named, w.held, w.cleared, w.failing, w.forgetful, w.last))
		w.forgetful, w.auto = false, false
		time.Sleep(2 * time.Minute)
		if lost := w.lost(); len(lost) > 0 {
			t.Fatalf("seed %d: lost %v after\n%s", seed, lost, strings.Join(story, "\n"))
		}
		if w.dice.IntN(4) == 0 {
			story = append(story, w.release())
			if lost := w.lost(); len(lost) > 0 {
				t.Fatalf("seed %d: lost %v after\n%s", seed, lost, strings.Join(story, "\n"))
			}
		}
		if seed%2 == 0 { // nobody takes anything back by hand
			w.mustBeOn(story)
		} else if w.dice.IntN(6) == 0 {
			device := int64(w.dice.IntN(randomMachines) + 1)
			if _, err := w.hunter().Undo(t.Context(), hunt.Undo{Device: device}); err != nil {
				t.Errorf("seed %d: Undo: %v", seed, err)
			}
			story = append(story, fmt.Sprintf("undo %d", device))
		}
	}
	w.named, w.held, w.cleared, w.failing, w.blind = w.some(1), nil, nil, nil, nil
	for range 2 {
		time.Sleep(24 * time.Hour) // a refusal waits so long
		w.run()
	}
	for file, list := range w.found {
		for _, s := range list {
			if o := looked(t, w.l, seen(int(s.Device.ID), file, s.Process.GUID)); o.Status != hunt.Already {
				t.Errorf("seed %d: in the end %s is %+v: %s", seed, s.Process.GUID, o, w.last)
			}
		}
	}
	if t.Failed() {
		t.Fatalf("seed %d:\n%s", seed, strings.Join(story, "\n"))
	}
}
