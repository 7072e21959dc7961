package dedupehunt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func openIndicator(n byte, mail string) hunt.Indicator {
	hash := hunt.SHA256{0: n}
	return hunt.Indicator{
		SHA256: hash, Threat: hunt.Threat{ID: hash.String(), Type: "attachment", Status: "active", Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
		Mails: []hunt.Mail{{ID: mail, Subject: "Rechnung ü", Recipients: []string{"kim@corp.example"}, Raw: []byte("left out")}},
	}
}

// clockwork is a ledger whose clock the test moves.
func clockwork(t *testing.T, store dedupe.Store, now *time.Time) *dedupehunt.Ledger {
	t.Helper()
	l, err := dedupehunt.New(dedupehunt.Config{Store: store, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestBacklogKeepsAndSettles(t *testing.T) {
	t.Parallel()
	ctx, store, now := t.Context(), new(dedupe.Memory), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, store, &now)
	one, two, oneAgain := openIndicator(1, "a"), openIndicator(2, "b"), openIndicator(1, "c")
	news := oneAgain.Mails
	oneAgain.Mails = append(news[:1:1], one.Mails...) // the second run met a mail of the first again
	for run, list := range map[string][]hunt.Indicator{"r1": {one, two}, "r2": {oneAgain}} {
		if err := l.Keep(ctx, run, list...); err != nil {
			t.Fatalf("Keep: %v", err)
		}
	}
	got, err := clockwork(t, store, &now).Open(ctx) // another process
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	want := []hunt.OpenIndicator{{Indicator: one, Since: now}, {Indicator: two, Since: now}}
	want[0].Mails = append(want[0].Mails, news...)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(hunt.Mail{}, "Raw")); diff != "" {
		t.Errorf("open indicators mismatch (-want +got):\n%s", diff)
	}
	if err := l.Settle(ctx, one.SHA256); err != nil {
		t.Fatalf("Settle: %v", err)
	}
	if got, err := l.Open(ctx); err != nil || len(got) != 1 || got[0].SHA256 != two.SHA256 {
		t.Errorf("after settling one, Open = %v, %v; want the other", got, err)
	}
	if err := l.Keep(ctx, "r3", one); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Open(ctx); err != nil || len(got) != 2 {
		t.Errorf("a later run found the file again, and Open = %v, %v; want both", got, err)
	}
}

func TestBacklogOfAProcessThatDied(t *testing.T) {
	t.Parallel()
	ctx, store, now := t.Context(), new(dedupe.Memory), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	ind := openIndicator(1, "a")
	key := dedupe.Key("indicator/" + ind.SHA256.String() + "/r1")
	if _, err := store.Claim(ctx, "somebody", now, time.Minute, key); err != nil {
		t.Fatal(err)
	}
	l := clockwork(t, store, &now)
	if got, err := l.Open(ctx); err != nil || len(got) != 0 {
		t.Errorf("while it is being written, Open = %v, %v; want nothing", got, err)
	}
	now = now.Add(2 * time.Minute)
	got, err := l.Open(ctx)
	if err != nil || len(got) != 1 || got[0].SHA256 != ind.SHA256 || got[0].Threat.ID != ind.SHA256.String() {
		t.Errorf("after its writer died, Open = %v, %v; want the file with its hash for a threat", got, err)
	}
}

func TestBacklogGivesUpOnce(t *testing.T) {
	t.Parallel()
	ctx, store, now := t.Context(), new(dedupe.Memory), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, store, &now)
	if err := l.Keep(ctx, "r1", openIndicator(1, "a")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(dedupehunt.Patience + time.Second)
	if got, err := l.Open(ctx); err == nil || !strings.Contains(err.Error(), "gave up") || len(got) != 0 {
		t.Errorf("Open = %v, %v; want nothing, and to be told", got, err)
	}
	if got, err := l.Open(ctx); err != nil || len(got) != 0 {
		t.Errorf("Open again = %v, %v; want nothing", got, err)
	}
}
