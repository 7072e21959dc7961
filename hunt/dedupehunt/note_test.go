package dedupehunt_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// noting does one task: it notes a state before it, unless that is empty, and ends with an outcome.
func noting(t *testing.T, l *dedupehunt.Ledger, before string, o hunt.Outcome) hunt.Outcome {
	t.Helper()
	outcomes, err := l.Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
		if before != "" {
			tasks[0].Before = []byte(before)
			if err := note(ctx, tasks[0]); err != nil {
				t.Errorf("note: %v", err)
			}
		}
		if o.Status == "" {
			return nil
		}
		o.Task = tasks[0]
		return []hunt.Outcome{o}
	})
	if err != nil || len(outcomes) != 1 {
		t.Fatalf("Once = %+v, %v", outcomes, err)
	}
	return outcomes[0]
}

func TestStateBefore(t *testing.T) {
	t.Parallel()
	type step struct {
		noted   string
		outcome hunt.Outcome
	}
	failed := hunt.Outcome{Status: hunt.Failed, Err: errors.New("500")}
	refused := hunt.Outcome{Status: hunt.Failed, Err: errors.New("403"), Refused: true}
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"of the outcome":                         {[]step{{"", hunt.Outcome{Status: hunt.Done, Before: []byte("1")}}}, "1"},
		"of the outcome, more exact than noted":  {[]step{{"1", hunt.Outcome{Status: hunt.Done, Before: []byte("2")}}}, "2"},
		"noted, and the call may have got there": {[]step{{"1", failed}}, "1"},
		"noted, and so when it came to be tried again": {
			[]step{{"1", failed}, {"", hunt.Outcome{Status: hunt.Already}}}, "1",
		},
		"noted anew":                           {[]step{{"1", failed}, {"2", failed}}, "2"},
		"noted, and not begun":                 {[]step{{"1", hunt.Outcome{}}}, ""},
		"noted, and somebody else was quicker": {[]step{{"1", hunt.Outcome{Status: hunt.Already}}}, ""},
		"noted, and held":                      {[]step{{"1", hunt.Outcome{Status: hunt.Held}}}, ""},
		"noted, and held half way":             {[]step{{"1", hunt.Outcome{Status: hunt.Held, Before: []byte("2")}}}, "2"},
		"of an attempt that failed half way, then failed": {
			[]step{{"1", hunt.Outcome{Status: hunt.Failed, Err: errors.New("503"), Before: []byte("2")}}, {"1", failed}}, "2",
		},
		"of an attempt held half way, then failed, then half way again": {
			[]step{
				{"1", hunt.Outcome{Status: hunt.Held, Before: []byte("2")}},
				{"1", failed},
				{"1", hunt.Outcome{Status: hunt.Held, Before: []byte("3")}},
				{"1", failed},
			}, "3",
		},
		"of an attempt held half way, then held": {
			[]step{{"1", hunt.Outcome{Status: hunt.Held, Before: []byte("2")}}, {"1", hunt.Outcome{Status: hunt.Held}}}, "2",
		},
		"noted, and refused":                    {[]step{{"1", refused}}, ""},
		"noted, refused, and somebody else's":   {[]step{{"1", refused}, {"", hunt.Outcome{Status: hunt.Already}}}, ""},
		"of an earlier attempt, then refused":   {[]step{{"1", failed}, {"2", refused}}, "1"},
		"the same as before, then refused":      {[]step{{"1", failed}, {"1", refused}}, ""},
		"the same as before, then not begun":    {[]step{{"1", failed}, {"1", hunt.Outcome{}}}, ""},
		"of an earlier attempt, then not begun": {[]step{{"1", failed}, {"2", hunt.Outcome{}}}, "1"},
		"of an earlier attempt, then held":      {[]step{{"1", failed}, {"2", hunt.Outcome{Status: hunt.Held}}}, "1"},
		"none":                                  {[]step{{"", hunt.Outcome{Status: hunt.Done}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, now := new(dedupe.Memory), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
			l := clockwork(t, store, &now)
			for _, s := range c.steps {
				now = now.Add(24 * time.Hour)
				noting(t, l, s.noted, s.outcome)
			}
			if got := string(records(t, l)[0].Task.Before); got != c.want {
				t.Errorf("the state before is %s, want %s", got, c.want)
			}
			if kept := string(state(t, store, 7).Before); strings.Count(kept, `"before"`) > 1 {
				t.Errorf("the store has %s, want the state before in one place", kept)
			}
		})
	}
}

// The process dies between its call and the record. What it was about to change is known, and its attempt counts.
func TestNotedStateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dying := &faulty{finish: func() error { return errStore }}
		store := &dying.Memory
		l := ledger(t, dying, "dead")
		noting(t, ledger(t, store, "earlier"), "", hunt.Outcome{Status: hunt.Failed, Err: errors.New("503")})
		_, err := l.Once(t.Context(), "last", []hunt.Task{seen(7, 1, "g")}, func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
			tasks[0].Before = []byte(`{"on":false}`)
			if err := note(ctx, tasks...); err != nil {
				t.Error(err)
			}
			return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
		})
		if !errors.Is(err, dedupehunt.ErrNotRecorded) {
			t.Errorf("Once = %v, want ErrNotRecorded", err)
		}
		r := records(t, ledger(t, store, "heir"))[0]
		if string(r.Task.Before) != `{"on":false}` || r.Status != "" || r.Run != "last" || r.Attempts != 2 {
			t.Errorf("the record is %+v, want the state before, no status, and two attempts", r)
		}
		time.Sleep(time.Minute)
		noting(t, ledger(t, store, "heir"), "", hunt.Outcome{Status: hunt.Already})
		r = records(t, ledger(t, store, "heir"))[0]
		if string(r.Task.Before) != `{"on":false}` || r.Status != hunt.Already || r.Attempts != 3 {
			t.Errorf("the record is %+v, want the state that the dead process noted, and three attempts", r)
		}
	})
}

func TestNothingIsNotedOnALostClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(dedupe.Memory)
		calls := 0
		outcomes, err := ledger(t, store, "o").Once(t.Context(), "run", []hunt.Task{seen(7, 1, "g")}, func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
			if calls++; calls > 1 {
				return []hunt.Outcome{{Task: tasks[0], Status: hunt.Done}}
			}
			c := steal(t, store, 7)
			tasks[0].Before = []byte("1")
			err := note(ctx, tasks...)
			if !errors.Is(err, dedupehunt.ErrClaimLost) {
				t.Errorf("note on a claim that was taken over: %v, want ErrClaimLost", err)
			}
			time.AfterFunc(time.Second, func() {
				if _, err := store.Finish(t.Context(), time.Now(), dedupe.Result{Claim: c, State: dedupe.Failed}); err != nil {
					t.Error(err)
				}
			})
			return []hunt.Outcome{{Task: tasks[0], Status: hunt.Failed, Err: errors.Join(hunt.ErrNotBegun, err)}}
		})
		if err != nil || outcomes[0].Status != hunt.Done || calls != 2 {
			t.Errorf("Once = %+v, %v after %d calls; want done when the thief had given up", outcomes, err, calls)
		}
		if got := records(t, ledger(t, store, "o"))[0].Task.Before; len(got) > 0 {
			t.Errorf("the state before is %s, want none", got)
		}
	})
}

func TestNoteOfATaskThatNobodyClaimed(t *testing.T) {
	t.Parallel()
	if _, err := ledger(t, new(dedupe.Memory), "o").Once(t.Context(), "run", tasks(7), func(ctx context.Context, tasks []hunt.Task, note hunt.NoteFunc) []hunt.Outcome {
		stranger := task(8)
		stranger.Before = []byte("1")
		if note(ctx, stranger) == nil {
			t.Error("note of a task that was not claimed succeeded")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
