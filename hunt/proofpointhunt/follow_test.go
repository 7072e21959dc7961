package proofpointhunt_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestRunsBringEverythingOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		every time.Duration
		lag   time.Duration
		calls int // of each run but the first
	}{
		{5 * time.Minute, 29 * time.Minute, 1},
		{15*time.Minute + 2*time.Second, 29 * time.Minute, 1},
		{30 * time.Minute, 0, 1},
		{time.Hour, 29 * time.Minute, 2},
		{7 * time.Hour, 29 * time.Minute, 8},
	} {
		t.Run(c.every.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(30 * time.Minute)
				all, want := mails(time.Now().Add(-20*time.Minute), 8)
				srv := proofpointtest.New(proofpointtest.World{Messages: all, Lag: c.lag, Switches: proofpointtest.Switches{InclusiveEnd: true}})
				f := follow(srv)
				var got []string
				for range int(10*time.Hour/c.every) + 3 {
					before := len(srv.Requests())
					names, err := f.run(t)
					if err != nil {
						t.Fatal(err)
					}
					if calls := len(srv.Requests()) - before; calls > c.calls {
						t.Fatalf("a run made %d calls, want at most %d", calls, c.calls)
					}
					got = append(got, names...)
					time.Sleep(c.every)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("indicators mismatch (-want +got):\n%s", diff)
				}
				if len(f.holes) > 0 {
					t.Errorf("holes %v, want none", f.holes)
				}
			})
		})
	}
}

func TestFirstRunGoesAsFarBackAsItIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ first, want time.Duration }{{0, time.Hour}, {24 * time.Hour, 24 * time.Hour}, {proofpointhunt.MaxSpan, proofpointhunt.MaxSpan - 15*time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			f := follow(proofpointtest.New(proofpointtest.World{}))
			f.options.FirstRun = c.first
			if _, err := f.run(t); err != nil {
				t.Fatal(err)
			}
			end := f.end
			if newest := f.read[0]; !newest.End.Equal(end) || newest.End.Sub(newest.Start) != time.Hour {
				t.Errorf("%s: the first window is %v, want the newest hour", c.first, newest)
			}
			oldest := end
			for _, w := range f.read {
				if w.Start.Before(oldest) {
					oldest = w.Start
				}
			}
			if back := end.Sub(oldest); back != c.want {
				t.Errorf("%s: the run went back %s, want %s", c.first, back, c.want)
			}
		})
	}
}

// What was not kept beyond the process comes again.
func TestWhatIsLostComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Hour)
		all, _ := mails(time.Now().Add(-50*time.Minute), 1)
		f := follow(proofpointtest.New(proofpointtest.World{Messages: all}))
		f.lose = true
		first, err := f.run(t)
		if err != nil || len(first) == 0 {
			t.Fatalf("the first run brought %q, %v", first, err)
		}
		f.lose = false
		if again, err := f.run(t); err != nil || !slices.Equal(first, again) {
			t.Errorf("the second run brought %q, %v, want the same again", again, err)
		}
		if more, err := f.run(t); err != nil || len(more) > 0 {
			t.Errorf("the third run brought %q, %v, want nothing", more, err)
		}
	})
}

func TestLongDowntimeIsAHole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(proofpointtest.New(proofpointtest.World{}))
		if _, err := f.run(t); err != nil {
			t.Fatal(err)
		}
		read := f.end
		time.Sleep(9 * 24 * time.Hour)
		f.read = nil
		all, want := mails(time.Now().Add(-time.Hour), 1)
		f.srv.Add(all[:4]...)
		got, err := f.run(t)
		if err != nil || !slices.Equal(got, want[:8]) {
			t.Errorf("the run brought %q, %v; want %q", got, err, want[:8])
		}
		oldest := f.end.Add(15*time.Minute - proofpointhunt.MaxSpan)
		if diff := cmp.Diff([]hunt.Window{{Start: read, End: oldest}}, f.holes); diff != "" {
			t.Errorf("holes mismatch (-want +got):\n%s", diff)
		}
		if calls := len(f.read); calls != 168 {
			t.Errorf("%d windows were read, want 168", calls)
		}
		if _, err := f.run(t); err != nil || len(f.holes) != 1 {
			t.Errorf("the next run: %v, holes %v; want the hole to be told once", err, f.holes)
		}
	})
}

// Making up for a day must not use up the calls that the present needs.
func TestThePresentComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(proofpointtest.New(proofpointtest.World{}))
		f.quota[proofpoint.BucketSIEM], f.options.Reserve = 100, 55 // the present needs 48 a day
		if _, err := f.run(t); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * 24 * time.Hour)
		all, want := mails(time.Now().Add(-4*24*time.Hour), 4*24)
		f.srv.Add(all...)
		var got []string
		debts := 0
		for range 10 * 24 {
			f.read = nil
			names, err := f.run(t)
			var debt *proofpointhunt.DebtError
			switch {
			case errors.As(err, &debt):
				debts++
			case err != nil:
				t.Fatal(err)
			}
			if len(f.read) == 0 || !f.read[0].End.Equal(f.end) {
				t.Fatalf("at %s the run read %v, want the present first", time.Now(), f.read)
			}
			got = append(got, names...)
			time.Sleep(time.Hour)
		}
		if debts == 0 {
			t.Error("no run said that it left something for later")
		}
		if len(f.holes) > 0 {
			t.Errorf("holes %v, want none", f.holes)
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("indicators mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestBodyThatBreaksOffIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		faults int
		once   bool
	}{{"once", 1, true}, {"for the whole run", 100, false}} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(2 * time.Hour)
			all, want := mails(time.Now().Add(-time.Hour), 1)
			want = want[:10] // the others are not old enough
			f := follow(proofpointtest.New(proofpointtest.World{Messages: all}))
			f.srv.Inject(nil, c.faults, cut(0.7))
			got, err := f.run(t)
			if c.once != (err == nil) || len(got) == 0 || c.once && len(got) != len(want) {
				t.Errorf("%s: the run brought %q, %v", c.name, got, err)
			}
			f.srv = proofpointtest.New(proofpointtest.World{Messages: all})
			more, err := f.run(t)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, more...)
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("%s: with the next run came %q, want %q", c.name, got, want)
			}
		})
	}
}

func TestGivenWindowsMoveNoCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(7 * 24 * time.Hour)
		all, want := mails(time.Now().Add(-6*24*time.Hour), 6*24-1)
		f := follow(proofpointtest.New(proofpointtest.World{Messages: all, Switches: proofpointtest.Switches{InclusiveEnd: true}}))
		store := f.options.Cursors.(*cursors)
		got, err := f.ask(t, hunt.Window{Start: time.Now().Add(-7*24*time.Hour + time.Hour), End: time.Now().Add(-10 * time.Minute)})
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the window brought %d of %d, %v", len(got), len(want), err)
		}
		if len(store.text) > 0 {
			t.Errorf("it left %d cursors", len(store.text))
		}
	})
}

// Two runs at once read the same, and the cursor ends where the further of them was.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(proofpointtest.New(proofpointtest.World{}))
		if _, err := f.run(t); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		all, want := mails(time.Now().Add(-5*time.Hour), 4)
		f.srv.Add(all...)
		var got []string
		var mu sync.Mutex
		var runs sync.WaitGroup
		for range 3 {
			other := *f
			runs.Go(func() {
				names, err := other.run(t)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				got = append(got, names...)
				mu.Unlock()
			})
		}
		runs.Wait()
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("three runs at once brought %q, want %q", got, want)
		}
		f.read = nil
		if names, err := f.run(t); err != nil || len(names) > 0 || len(f.read) > 0 {
			t.Errorf("the next run brought %q from %v, %v; want nothing", names, f.read, err)
		}
	})
}

func TestBadRecordIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Hour)
		f := follow(proofpointtest.New(proofpointtest.World{Messages: []proofpointtest.Message{
			{Raw: proofpointtest.Undecodable()[0].Raw, Created: time.Now().Add(-20 * time.Minute)},
		}}))
		for range 4 {
			if _, err := f.run(t); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		if f.bad != 1 {
			t.Errorf("the record was told %d times, want once", f.bad)
		}
	})
}

func TestVerdictThatIsTakenBackIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Hour)
		m := mail(1, time.Now().Add(-30*time.Minute))
		f := follow(proofpointtest.New(proofpointtest.World{Messages: []proofpointtest.Message{m}}))
		if got, err := f.run(t); err != nil || len(got) != 2 {
			t.Fatalf("the first run brought %q, %v", got, err)
		}
		f.srv.Change(proofpointtest.Change{At: time.Now().Add(time.Minute), Threat: m.Threats[0].Artifact, Status: "cleared", Reissue: true})
		time.Sleep(20 * time.Minute)
		var cleared []hunt.SHA256
		for ind, err := range f.source(t).Indicators(t.Context(), hunt.Ask{OnCleared: func(h hunt.SHA256) { cleared = append(cleared, h) }}) {
			t.Errorf("the second run brought %v, %v", ind, err)
		}
		if len(cleared) == 0 || cleared[0].String() != m.Threats[0].Artifact {
			t.Errorf("cleared %v, want the file", cleared)
		}
	})
}

// A window that the service always fails at is owed, and keeps nobody from what is behind it.
func TestWindowThatAlwaysFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(proofpointtest.New(proofpointtest.World{}))
		if _, err := f.run(t); err != nil {
			t.Fatal(err)
		}
		bad := time.Now().UTC().Add(30 * time.Minute).Format("2006-01-02T15:04:05Z")
		time.Sleep(8 * time.Hour)
		all, want := mails(time.Now().Add(-6*time.Hour), 5)
		f.srv.Add(all...)
		f.srv.Inject(func(r *http.Request) bool {
			start, end, _ := strings.Cut(r.URL.Query().Get("interval"), "/")
			return start <= bad && bad < end
		}, -1, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		})
		got, err := f.run(t)
		if err == nil || !slices.Equal(got, want) {
			t.Errorf("the run brought %d of %d, %v; want all of them, and an error", len(got), len(want), err)
		}
	})
}
