package dedupehunt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

var errDead = errors.New("the process is dead")

// mortal is the store of a process that dies at one of its calls, before or after the call takes effect.
type mortal struct {
	dedupe.Store
	mu    sync.Mutex
	steps int
	late  bool
	kill  context.CancelFunc
}

func (m *mortal) step(call func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.steps <= 0 {
		return errDead
	}
	if m.steps--; m.steps > 0 {
		return call()
	}
	defer m.kill()
	if m.late {
		_ = call()
	}
	return errDead
}

func (m *mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.steps <= 0
}

func (m *mortal) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) (g []dedupe.Grant, err error) {
	err = m.step(func() (err error) { g, err = m.Store.Claim(ctx, owner, now, lease, keys...); return err })
	return g, err
}

func (m *mortal) Note(ctx context.Context, now time.Time, notes ...dedupe.Note) (lost []dedupe.Key, err error) {
	err = m.step(func() (err error) { lost, err = m.Store.Note(ctx, now, notes...); return err })
	return lost, err
}

func (m *mortal) Finish(ctx context.Context, now time.Time, results ...dedupe.Result) (lost []dedupe.Key, err error) {
	err = m.step(func() (err error) { lost, err = m.Store.Finish(ctx, now, results...); return err })
	return lost, err
}

func (m *mortal) Lookup(ctx context.Context, keys ...dedupe.Key) (r []dedupe.Record, err error) {
	err = m.step(func() (err error) { r, err = m.Store.Lookup(ctx, keys...); return err })
	return r, err
}

func (m *mortal) Scan(ctx context.Context, prefix dedupe.Key) iter.Seq2[dedupe.Record, error] {
	if err := m.step(func() error { return nil }); err != nil {
		return func(yield func(dedupe.Record, error) bool) { yield(dedupe.Record{}, err) }
	}
	return m.Store.Scan(ctx, prefix)
}

// site is what the hunts of a test work on: machines that are isolated, and how often each call was made.
type site struct {
	isolated map[string]bool
	calls    map[string]int
}

// look finds an isolated machine as it is to be; otherwise the state before is noted, and the machine isolated or let go.
func (s *site) do(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		if s.isolated[t.Target] == !t.Undo {
			outcomes = append(outcomes, hunt.Outcome{Task: t, Status: hunt.Already})
			continue
		}
		t.Before = fmt.Appendf(nil, `{"isolated":%t}`, s.isolated[t.Target])
		if !t.Undo && note(ctx, t) != nil {
			continue // not begun
		}
		s.calls[t.Key()]++
		s.isolated[t.Target] = !t.Undo
		o := hunt.Outcome{Task: t, Status: hunt.Done, Before: t.Before}
		if t.Undo {
			o.Status, o.Before = hunt.Undone, nil
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// script is the life of a process: everything that a ledger is for, one after the other.
func (s *site) script(ctx context.Context, l *dedupehunt.Ledger, dead func() bool) {
	back := seen(7, 2, "b")
	back.Round, back.Undo = 2, true
	once := func(do hunt.DoFunc, tasks ...hunt.Task) { _, _ = l.Once(ctx, "run", tasks, do) }
	for _, step := range []func(){
		func() { once(s.do, seen(7, 1, "a"), seen(8, 1, "a")) },
		func() { s.isolated["7"] = s.isolated["7"] && s.calls["isolate/device/7/2"] > 0 }, // an analyst lets it go, once
		func() {
			_ = l.Hold(ctx, "run", hunt.Outcome{Task: seen(7, 1, "a", 2, "b"), Status: hunt.Held, Detail: "no"})
		},
		func() { _ = l.Acknowledge(ctx, "isolate/device/7/2") },
		func() { once(s.do, seen(7, 1, "a", 2, "b")) },
		func() {
			once(func(_ context.Context, tasks []hunt.Task, _ hunt.NoteFunc) []hunt.Outcome {
				return []hunt.Outcome{{Task: tasks[0], Status: hunt.Failed, Err: errors.New("503")}}
			}, seen(9, 1, "a"))
		},
		func() { time.Sleep(2 * time.Hour) },
		func() { once(s.do, seen(9, 1, "a")) },
		func() { once(s.do, back) },
	} {
		if dead() {
			return
		}
		step()
	}
}

// summary is what must be the same whether or not a process died.
func summary(t *testing.T, l *dedupehunt.Ledger) []string {
	t.Helper()
	var all []string
	for _, r := range records(t, l) {
		all = append(all, fmt.Sprintf("%s before %s undone %t findings %q", r.Task.Key(), r.Task.Before, !r.Undone.IsZero(), reasons(r.Task)))
		if r.Status != hunt.Done && r.Status != hunt.Already && r.Status != hunt.Undone {
			t.Errorf("%s is %q in the end: %s", r.Task.Key(), r.Status, r.Detail)
		}
	}
	return all
}

func newSite() *site { return &site{isolated: make(map[string]bool), calls: make(map[string]int)} }

func alive() bool { return false }

func TestNothingIsLostWhateverCallAProcessDiesAt(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("after the call took effect %t", late), func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				through := false
				synctest.Test(t, func(t *testing.T) { through = diesAt(t, n, late) })
				if through || t.Failed() {
					t.Logf("died at %d calls", n-1)
					if n < 30 {
						t.Errorf("died at %d calls only", n-1)
					}
					return
				}
			}
		})
	}
}

func diesAt(t *testing.T, n int, late bool) (through bool) {
	sound, reference := newSite(), ledger(t, new(dedupe.Memory), "reference")
	sound.script(t.Context(), reference, alive)
	want := summary(t, reference)

	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	store := new(dedupe.Memory)
	dying := &mortal{Store: store, steps: n, late: late, kill: kill}
	s := newSite()
	s.script(ctx, ledger(t, dying, "dead"), dying.dead)
	if !dying.dead() {
		return true
	}
	time.Sleep(61 * time.Second)
	heir := ledger(t, store, "heir")
	s.script(t.Context(), heir, alive)
	if diff := cmp.Diff(want, summary(t, heir)); diff != "" {
		t.Errorf("died at call %d: records mismatch (-want +got):\n%s", n, diff)
	}
	if diff := cmp.Diff(sound.isolated, s.isolated); diff != "" {
		t.Errorf("died at call %d: machines mismatch (-want +got):\n%s", n, diff)
	}
	for key, calls := range s.calls {
		if calls > 1 {
			t.Errorf("died at call %d: %s was called %d times", n, key, calls)
		}
	}
	return false
}

// Two processes on one file, both with everything to do.
func TestTwoProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.sql")
	var mu sync.Mutex
	handled := make(map[string]int)
	var all sync.WaitGroup
	for i := range 2 {
		l := ledger(t, openSQLite(t, path), fmt.Sprintf("process %d", i))
		all.Go(func() {
			todo := []hunt.Task{seen(1, 1, "a"), seen(2, 1, "a"), seen(3, 1, "a", 1, fmt.Sprint("p", i)), seen(4, 1, fmt.Sprint("p", i))}
			slices.Reverse(todo[i:])
			outcomes, err := l.Once(t.Context(), "run", todo, func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
				var outcomes []hunt.Outcome
				for _, task := range tasks {
					task.Before = []byte("{}")
					if err := note(ctx, task); err != nil {
						t.Errorf("note: %v", err)
					}
					mu.Lock()
					for _, r := range reasons(task) {
						handled[task.Target+": "+r]++
					}
					mu.Unlock()
					outcomes = append(outcomes, hunt.Outcome{Task: task, Status: hunt.Done})
				}
				return outcomes
			})
			if err != nil {
				t.Errorf("Once = %+v, %v", outcomes, err)
			}
		})
	}
	all.Wait()
	want := map[string]int{"1: 01 in a": 1, "2: 01 in a": 1, "3: 01 in a": 1, "3: 01 in p0": 1, "3: 01 in p1": 1, "4: 01 in p0": 1, "4: 01 in p1": 1}
	if diff := cmp.Diff(want, handled); diff != "" {
		t.Errorf("how often each finding was handled mismatch (-want +got):\n%s", diff)
	}
}
