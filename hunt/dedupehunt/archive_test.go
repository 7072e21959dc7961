package dedupehunt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// put leaves a record in a store as an older version or another program would.
func put(t *testing.T, store dedupe.Store, now time.Time, key string, state dedupe.State, before string) {
	t.Helper()
	grants, err := store.Claim(t.Context(), "other", now, time.Minute, dedupe.Key(key))
	if err != nil || !grants[0].Won {
		t.Fatalf("Claim(%s) = %+v, %v", key, grants, err)
	}
	if state == dedupe.Claimed {
		return
	}
	result := dedupe.Result{Claim: grants[0].Claim, State: state, Detail: "note", Before: []byte(before)}
	if _, err := store.Finish(t.Context(), now, result); err != nil {
		t.Fatal(err)
	}
}

func TestRecordsOfOlderVersionsAndStrangers(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	hash := hunt.SHA256{1}.String()
	for key, before := range map[string]string{
		"isolate/device/7": `{"quarantined":false}`, "denylist/hash/" + hash: "", "webhook/process/GUID/" + hash: "",
		"nsx_tag/device/8": "no JSON", "isolate/device/7/3": `{"pphunt":1,"status":"done","task":{"action":"isolate"}}`,
		// Nothing of this is a task.
		"indicator/" + hash + "/run": `{}`, "legacy/process/GUID/" + hash: "", "cursor/tap": "x", "audit/device/7": "", "isolate/device/7/x": "",
		"isolate/device/7/1": "", "isolate/device/7/02": "", "isolate/device/7/9223372036854775807": "", "isolate/device/": "", "isolate": "", "isolate/planet/7": "", "/device/7": "",
	} {
		put(t, store, now, key, dedupe.Done, before)
	}
	put(t, store, now, "policy/device/7", dedupe.Failed, "")
	put(t, store, now, "policy/device/8", dedupe.Claimed, "")
	put(t, store, now, "policy/device/9", dedupe.Released, "")
	var got []string
	for _, r := range records(t, l) {
		got = append(got, fmt.Sprintf("%s %s %q before %s", r.Task.Key(), r.Status, r.Detail, r.Task.Before))
	}
	want := []string{
		`denylist/hash/` + hash + ` done "note" before `,
		`isolate/device/7 done "note" before {"quarantined":false}`,
		`isolate/device/7/3 done "" before `,
		`nsx_tag/device/8 done "note" before "no JSON"`,
		`policy/device/7 failed "note" before `,
		`policy/device/8  "" before `,
		`policy/device/9  "note" before `,
		`webhook/process/GUID/` + hash + ` done "note" before `,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
	// What an older version failed at is due.
	if o := ends(t, l, hunt.Task{Action: "policy", Scope: hunt.ScopeDevice, Target: "7"}, done()); o.Status != hunt.Done {
		t.Errorf("Once = %+v, want done", o)
	}
}

// An entry under the key of another task is not believed: what it says would be done to the wrong machine.
func TestRecordsBelieveTheKey(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	ends(t, l, seen(7, 1, "g"), done())
	put(t, store, now, "isolate/device/8", dedupe.Done, string(state(t, store, 7).Before))
	put(t, store, now, "isolate/device/7/2", dedupe.Done, string(state(t, store, 7).Before))
	put(t, store, now, "undo/isolate/device/7", dedupe.Done, string(state(t, store, 7).Before))
	var got []string
	for _, r := range records(t, l) {
		got = append(got, fmt.Sprintf("%s with %d sightings", r.Task.Key(), len(r.Task.Sightings)))
	}
	want := []string{
		"isolate/device/7 with 1 sightings", "isolate/device/7/2 with 1 sightings", "isolate/device/8 with 0 sightings",
		"undo/isolate/device/7 with 0 sightings",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
}

func TestRecordsOfManyTasks(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	var all []hunt.Task
	var want []string
	for i := range 450 {
		all = append(all, seen(10_000+i, 1, "g"))
		want = append(want, all[i].Key())
	}
	if _, err := l.Once(t.Context(), "run", all, new(action).do); err != nil {
		t.Fatal(err)
	}
	for i := range 450 {
		all[i].Undo = true
		want = append(want, all[i].Key())
	}
	if _, err := l.Once(t.Context(), "run", all, undone(new(int))); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records(t, l) {
		got = append(got, r.Task.Key())
		if !r.Task.Undo && r.Undone.IsZero() {
			t.Errorf("%s is not marked as undone", r.Task.Key())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
	n := 0
	for range l.Records(t.Context(), time.Time{}) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("a loop that stops at the third record saw %d", n)
	}
}

func TestRecordsTellTheirErrorOnce(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	put(t, store, time.Now(), "isolate/device/7", dedupe.Done, "")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, l := range map[string]*dedupehunt.Ledger{"of the scan": ledger(t, store, "o"), "of the marks": ledger(t, blind{store}, "o")} {
		ctx := t.Context()
		if name == "of the scan" {
			ctx = over
		}
		var problems []error
		l.Records(ctx, time.Time{})(func(_ hunt.Record, err error) bool {
			problems = append(problems, err)
			return true
		})
		if len(problems) != 1 || problems[0] == nil {
			t.Errorf("an error %s: yielded %v, want it alone", name, problems)
		}
	}
}

// blind is a store that cannot list marks.
type blind struct{ dedupe.Store }

func (b blind) Scan(ctx context.Context, prefix dedupe.Key) iter.Seq2[dedupe.Record, error] {
	if prefix == "" {
		return b.Store.Scan(ctx, prefix)
	}
	return func(yield func(dedupe.Record, error) bool) { yield(dedupe.Record{}, errStore) }
}

// A run has no use for what was done long ago. What waits for somebody is told of however old it is.
func TestRecordsSince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, new(dedupe.Memory), &now)
	ends(t, l, seen(1, 1, "g"), done())
	ends(t, l, seen(2, 1, "g"), failure(false))
	hold(t, l, "no", seen(3, 1, "g"))
	now = now.Add(time.Hour)
	ends(t, l, seen(4, 1, "g"), done())
	var got []string
	for r, err := range l.Records(t.Context(), now) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Task.Target)
	}
	if diff := cmp.Diff([]string{"2", "3", "4"}, got); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	ends(t, l, seen(1, 1, "g"), done())
	ends(t, l, seen(2, 1, "g"), failure(false))
	hold(t, l, "no", seen(3, 1, "g"))
	put(t, store, now, task(4).Key(), dedupe.Claimed, "")
	put(t, store, now, "indicator/x/run", dedupe.Released, "")
	ends(t, l, seen(3, 1, "g", 9, "h"), hunt.Outcome{Status: hunt.Held, Detail: "no"})
	err := l.Acknowledge(t.Context(), task(1).Key(), task(2).Key(), task(3).Key(), task(4).Key(), task(5).Key(), "indicator/x/run", "")
	if !errors.Is(err, dedupehunt.ErrNothingToAcknowledge) {
		t.Errorf("Acknowledge = %v, want ErrNothingToAcknowledge", err)
	}
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok || len(joined.Unwrap()) != 5 {
		t.Errorf("Acknowledge = %v, want five errors", err)
	}
	var acknowledged []string
	for _, r := range records(t, l) {
		if r.Acknowledged {
			acknowledged = append(acknowledged, r.Task.Target)
		}
	}
	if !slices.Equal(acknowledged, []string{"1", "3"}) {
		t.Errorf("acknowledged are %q, want what is done and what is held", acknowledged)
	}
	if err := l.Acknowledge(t.Context(), task(1).Key(), task(3).Key()); err != nil {
		t.Errorf("Acknowledge again = %v", err)
	}
	hold(t, l, "no", seen(6, 1, "g"))
	late := clockwork(t, &meanwhileBefore{Store: store, claim: func() { ends(t, l, seen(6, 1, "g"), failure(false)) }}, &now)
	if err := late.Acknowledge(t.Context(), task(6).Key()); !errors.Is(err, dedupehunt.ErrNothingToAcknowledge) {
		t.Errorf("Acknowledge of what failed at that moment = %v", err)
	}
	now = now.Add(8 * 24 * time.Hour)
	if o := looked(t, l, seen(6, 1, "g")); !errors.Is(o.Err, hunt.ErrGivenUp) || o.Acknowledged {
		t.Errorf("Look = %+v, want given up and not acknowledged", o)
	}
	if a, b := state(t, store, 2), state(t, store, 3); a.State != dedupe.Failed || b.State != dedupe.Released {
		t.Errorf("the states are %s and %s, want failed and released as before", a.State, b.State)
	}
}

// The store forgot what a person had taken note of, and it was done again.
func TestAcknowledgedIsWhatWasDoneThen(t *testing.T) {
	t.Parallel()
	now, store := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), new(dedupe.Memory)
	l := clockwork(t, store, &now)
	for i := range 2 {
		ends(t, l, seen(7, 1, "g"), done())
		if r := records(t, l)[0]; r.Acknowledged {
			t.Errorf("life %d: the record is %+v, want it not acknowledged", i+1, r)
		}
		done := now
		now = now.Add(time.Hour)
		if err := l.Acknowledge(t.Context(), task(7).Key()); err != nil {
			t.Fatal(err)
		}
		if r := records(t, l)[0]; !r.Acknowledged {
			t.Errorf("life %d: the record is %+v, want it acknowledged", i+1, r)
		}
		if _, err := store.Forget(t.Context(), done.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
}

// taken is a store in which somebody else claims a task between the look at it and our claim.
type taken struct{ dedupe.Store }

func (s taken) Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...dedupe.Key) ([]dedupe.Grant, error) {
	if _, err := s.Store.Claim(ctx, "quicker", now, lease, keys...); err != nil {
		return nil, err
	}
	return s.Store.Claim(ctx, owner, now, lease, keys...)
}

func TestAcknowledgeTellsOfWhatIsTaken(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	hold(t, ledger(t, store, "o"), "no", seen(7, 1, "g"))
	err := ledger(t, taken{store}, "o").Acknowledge(t.Context(), task(7).Key())
	if !errors.Is(err, dedupehunt.ErrNothingToAcknowledge) {
		t.Errorf("Acknowledge = %v, want ErrNothingToAcknowledge", err)
	}
}
