package dedupehunt_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refused bool
		want    []time.Duration
	}{
		{false, []time.Duration{0, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, time.Hour}},
		{true, []time.Duration{6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour}},
	} {
		var got []time.Duration
		for i := range c.want {
			got = append(got, dedupehunt.Backoff(i+1, c.refused))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("pauses, refused %t, mismatch (-want +got):\n%s", c.refused, diff)
		}
		if got, want := dedupehunt.Backoff(1_000_000, c.refused), c.want[len(c.want)-1]; got != want {
			t.Errorf("Backoff(1000000, %t) = %v, want %v", c.refused, got, want)
		}
	}
}

func failure(refused bool) hunt.Outcome {
	return hunt.Outcome{Status: hunt.Failed, Err: errors.New("no route to host"), Refused: refused}
}

// The next run tries at once, the ones after it with growing pauses, and a later success is the end.
func TestFailedIsTriedAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	for i, pause := range []time.Duration{0, 5 * time.Minute, 10 * time.Minute} {
		if o := ends(t, l, seen(7, 1, "g"), failure(false)); o.Status != hunt.Failed || errors.Is(o.Err, hunt.ErrNotDue) {
			t.Errorf("attempt %d ended %+v, want the action's own failure", i+1, o)
		}
		if pause > 0 {
			now = now.Add(pause - time.Nanosecond)
			o := rests(t, l, seen(7, 1, "g"))
			if !errors.Is(o.Err, hunt.ErrNotDue) || o.Acknowledged || !strings.Contains(o.Detail, "no route to host") {
				t.Errorf("within the pause after attempt %d, Once = %+v, want ErrNotDue with the last error", i+1, o)
			}
			if next := now.Add(time.Nanosecond).Format("2006-01-02 15:04:05 UTC"); !strings.Contains(o.Detail, next) || !strings.Contains(o.Err.Error(), next) {
				t.Errorf("the outcome is %q, %v, want both to tell the next time, %s", o.Detail, o.Err, next)
			}
			if r := records(t, l)[0]; !r.Next.Equal(now.Add(time.Nanosecond)) || r.Attempts != i+1 {
				t.Errorf("the record is %+v, want it due in a nanosecond after %d attempts", r, i+1)
			}
			now = now.Add(time.Nanosecond)
		}
	}
	if o := ends(t, l, seen(7, 1, "g"), hunt.Outcome{Status: hunt.Done}); o.Status != hunt.Done {
		t.Errorf("Once = %+v, want done", o)
	}
	if r := records(t, l)[0]; r.Attempts != 4 || r.Status != hunt.Done || !r.Next.IsZero() || r.First.Equal(r.Last) {
		t.Errorf("the record is %+v, want done at the fourth attempt", r)
	}
}

func TestRefusalsWaitLonger(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	for _, c := range []struct {
		refused bool
		pause   time.Duration
	}{{false, 0}, {true, 6 * time.Hour}, {true, 12 * time.Hour}, {false, 0}, {false, 5 * time.Minute}} {
		ends(t, l, seen(7, 1, "g"), failure(c.refused))
		if c.pause == 0 {
			continue
		}
		now = now.Add(c.pause - time.Second)
		if o := rests(t, l, seen(7, 1, "g")); !errors.Is(o.Err, hunt.ErrNotDue) || o.Refused != c.refused {
			t.Errorf("a second before %v are over, Once = %+v, want ErrNotDue and Refused %t", c.pause, o, c.refused)
		}
		now = now.Add(time.Second)
	}
	ends(t, l, seen(7, 1, "g"), failure(true))
	now = now.Add(6 * time.Hour)
	ends(t, l, seen(7, 1, "g"), hunt.Outcome{Status: hunt.Already, Again: true})
	if r := records(t, l)[0]; r.Refused || r.Status != hunt.Already {
		t.Errorf("the record is %+v, want nothing left of the refusals", r)
	}
	ends(t, l, seen(7, 1, "g"), failure(true))
	if r := records(t, l)[0]; !r.Next.Equal(now.Add(6 * time.Hour)) {
		t.Errorf("the record is %+v, want a first refusal", r)
	}
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	task, key := seen(7, 1, "g"), seen(7, 1, "g").Key()
	ends(t, l, task, failure(false))
	now = now.Add(7*24*time.Hour - time.Second)
	ends(t, l, task, failure(false))
	if err := l.Acknowledge(ctx, key); !errors.Is(err, dedupehunt.ErrNothingToAcknowledge) {
		t.Errorf("Acknowledge of what is tried again: %v, want ErrNothingToAcknowledge", err)
	}
	now = now.Add(time.Second)
	for _, acknowledged := range []bool{false, true} {
		o := rests(t, l, task)
		if !errors.Is(o.Err, hunt.ErrGivenUp) || o.Acknowledged != acknowledged || !strings.Contains(o.Err.Error(), "no route to host") {
			t.Errorf("after a week Once = %+v, want ErrGivenUp, acknowledged %t", o, acknowledged)
		}
		if r := records(t, l)[0]; !r.GivenUp || r.Acknowledged != acknowledged || !r.Next.IsZero() {
			t.Errorf("the record is %+v, want given up, acknowledged %t", r, acknowledged)
		}
		if err := l.Acknowledge(ctx, key); err != nil {
			t.Errorf("Acknowledge: %v", err)
		}
		now = now.Add(24 * time.Hour)
	}
	// A person can have it tried all the same. If it fails again, it is not acknowledged any more.
	task.Released = true
	if o := ends(t, l, task, failure(false)); errors.Is(o.Err, hunt.ErrGivenUp) {
		t.Errorf("what a person released ended %+v, want it tried", o)
	}
	task.Released = false
	if o := rests(t, l, task); !errors.Is(o.Err, hunt.ErrGivenUp) || o.Acknowledged {
		t.Errorf("after it failed again, Once = %+v, want ErrGivenUp, not acknowledged", o)
	}
	if r := records(t, l)[0]; r.Task.Released {
		t.Error("the ledger keeps the word of a person beyond the attempt that it was for")
	}
}

func TestConfiguredPatience(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l, err := dedupehunt.New(dedupehunt.Config{
		Store: new(dedupe.Memory), Now: func() time.Time { return now }, GiveUp: time.Hour,
		Retry: func(failures int, refused bool) time.Duration {
			if failures != 1 || !refused {
				t.Errorf("Retry(%d, %t), want the first refusal", failures, refused)
			}
			return 30 * time.Minute
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ends(t, l, seen(7, 1, "g"), failure(true))
	if err := l.Keep(t.Context(), "run", openIndicator(1, "a")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(29 * time.Minute)
	if o := rests(t, l, seen(7, 1, "g")); !errors.Is(o.Err, hunt.ErrNotDue) {
		t.Errorf("Once = %+v, want ErrNotDue", o)
	}
	now = now.Add(31 * time.Minute)
	if o := rests(t, l, seen(7, 1, "g")); !errors.Is(o.Err, hunt.ErrGivenUp) {
		t.Errorf("Once = %+v, want ErrGivenUp", o)
	}
	now = now.Add(time.Second)
	if open, err := l.Open(t.Context()); err == nil || len(open) > 0 {
		t.Errorf("Open = %v, %v; want the indicator given up as well", open, err)
	}
}

// A task that was not begun, or whose process died, has not failed: it is due at once, and what is known of it stays.
func TestInterruptedIsNoFailure(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	store := new(dedupe.Memory)
	l := clockwork(t, store, &now)
	task := seen(7, 1, "g")
	ends(t, l, task, failure(false))
	for range 5 {
		if _, err := l.Once(t.Context(), "stopped", []hunt.Task{task}, func(context.Context, []hunt.Task, hunt.NoteFunc) []hunt.Outcome { return nil }); err != nil {
			t.Fatal(err)
		}
		if grants, err := store.Claim(t.Context(), "dead", now, time.Minute, dedupe.Key(task.Key())); err != nil || !grants[0].Won {
			t.Fatalf("Claim = %+v, %v", grants, err)
		}
		if r := records(t, l)[0]; r.Status != "" || r.Attempts != 1 || r.Run != "run" {
			t.Errorf("while somebody has it the record is %+v, want no status and one attempt, of the run that made it", r)
		}
		now = now.Add(time.Minute)
	}
	now = now.Add(30 * 24 * time.Hour) // it is no failure of a month either
	if grants, err := store.Claim(t.Context(), "dead", now.Add(-time.Minute), time.Minute, dedupe.Key(task.Key())); err != nil || !grants[0].Won {
		t.Fatalf("Claim = %+v, %v", grants, err)
	}
	if r := records(t, l)[0]; r.GivenUp {
		t.Errorf("the record is %+v, want nothing given up that is being done", r)
	}
	ends(t, l, task, hunt.Outcome{Status: hunt.Done})
	if r := records(t, l)[0]; r.Attempts != 2 || r.Status != hunt.Done {
		t.Errorf("the record is %+v, want done at the second attempt", r)
	}
}

// A process dies over a task that a person had tried before its time. Nobody knows how far it came, so the next run does not wait.
func TestInterruptedIsDueAtOnce(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	ends(t, l, seen(7, 1, "g"), failure(true))
	put(t, store, now, task(7).Key(), dedupe.Claimed, "")
	now = now.Add(time.Minute)
	if o := ends(t, l, seen(7, 1, "g"), done()); o.Status != hunt.Done {
		t.Errorf("Once = %+v, want done", o)
	}
}

// The process died after it had noted the state before. Until that has come to an end nothing is given up.
func TestNotedIsNotGivenUp(t *testing.T) {
	t.Parallel()
	now, dying := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), &faulty{finish: func() error { return errStore }}
	l := clockwork(t, &dying.Memory, &now)
	ends(t, l, seen(7, 1, "g"), failure(false))
	now = now.Add(24 * time.Hour)
	short, err := dedupehunt.New(dedupehunt.Config{Store: dying, Now: func() time.Time { return now }, Record: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := short.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
		tasks[0].Before = []byte("1")
		if err := note(ctx, tasks...); err != nil {
			t.Error(err)
		}
		return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
	}); !errors.Is(err, dedupehunt.ErrNotRecorded) {
		t.Errorf("Once = %v, want ErrNotRecorded", err)
	}
	now = now.Add(7 * 24 * time.Hour)
	if _, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, func(context.Context, []hunt.Task, hunt.NoteFunc) []hunt.Outcome { return nil }); err != nil {
		t.Fatal(err)
	}
	if o := ends(t, l, seen(7, 1, "g"), done()); o.Status != hunt.Done {
		t.Errorf("Once = %+v, want done", o)
	}
}

// Between looking and claiming another hunter has tried it. It is given back as that one left it.
func TestWhatAnotherTriedMeanwhileIsLeftAlone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	store := new(dedupe.Memory)
	other := clockwork(t, store, &now)
	first := true
	l := clockwork(t, &meanwhileBefore{Store: store, claim: func() {
		if first {
			first = false
			ends(t, other, seen(7, 1, "g"), failure(true))
		}
	}}, &now)
	outcomes, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, never(t))
	if err != nil || !errors.Is(outcomes[0].Err, hunt.ErrNotDue) {
		t.Errorf("Once = %+v, %v; want ErrNotDue", outcomes, err)
	}
	if r := state(t, store, 7); r.State != dedupe.Failed || r.Detail != "no route to host" {
		t.Errorf("the store has %+v, want the failure of the other hunter", r)
	}
	if r := records(t, l)[0]; r.Attempts != 1 || !r.Next.Equal(now.Add(6*time.Hour)) {
		t.Errorf("the record is %+v, want what the other hunter left", r)
	}
}

// meanwhileBefore does something right before a claim.
type meanwhileBefore struct {
	dedupe.Store
	claim func()
}

func (m *meanwhileBefore) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) ([]dedupe.Grant, error) {
	m.claim()
	return m.Store.Claim(ctx, owner, now, lease, keys...)
}

// A person has taken note that a machine could not be reached for a week. What is found on it later is another matter.
func TestWhatIsNewIsNotGivenUp(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	ends(t, l, seen(7, 1, "g"), failure(false))
	now = now.Add(dedupehunt.Patience)
	if o := rests(t, l, seen(7, 1, "g")); !errors.Is(o.Err, hunt.ErrGivenUp) {
		t.Fatalf("Once = %+v, want it given up", o)
	}
	if err := l.Acknowledge(t.Context(), task(7).Key()); err != nil {
		t.Fatal(err)
	}
	if o := ends(t, l, seen(7, 1, "g", 2, "h"), failure(false)); errors.Is(o.Err, hunt.ErrGivenUp) || o.Acknowledged {
		t.Errorf("Once = %+v, want it tried", o)
	}
	if r := records(t, l)[0]; r.GivenUp || r.Acknowledged {
		t.Errorf("the record is %+v, want a week from now", r)
	}
	if o := ends(t, l, seen(7, 2, "h"), done()); o.Status != hunt.Done {
		t.Errorf("Once = %+v, want it tried again", o)
	}
}
