package dedupe_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func TestCheckKeysSortsByBytes(t *testing.T) {
	t.Parallel()
	got, err := dedupe.CheckKeys([]dedupe.Key{"b", "a", "b", "B", "é", "z"})
	if diff := cmp.Diff([]dedupe.Key{"B", "a", "b", "z", "é"}, got); diff != "" || err != nil {
		t.Errorf("CheckKeys mismatch (-want +got), error %v:\n%s", err, diff)
	}
}

func TestCheckClaimRefusesTimesThatNoStoreKeeps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now   time.Time
		lease time.Duration
	}{
		"no time":                    {time.Time{}, time.Minute},
		"before 1971":                {time.Date(1970, 12, 31, 23, 59, 59, 0, time.UTC), time.Minute},
		"after 2200":                 {time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC), time.Minute},
		"a lease that ends too late": {noon(), math.MaxInt64},
		"a negative lease":           {noon(), -time.Second},
		"no lease":                   {noon(), 0},
	} {
		if _, err := dedupe.CheckClaim("owner", c.now, c.lease, []dedupe.Key{"k"}); !errors.Is(err, dedupe.ErrInvalid) {
			t.Errorf("CheckClaim with %s: error %v, want ErrInvalid", name, err)
		}
	}
	if _, err := dedupe.CheckClaim(strings.Repeat("o", dedupe.MaxOwner+1), noon(), time.Minute, nil); !errors.Is(err, dedupe.ErrInvalid) {
		t.Errorf("CheckClaim with a long owner: error %v, want ErrInvalid", err)
	}
}

func TestCheckFinishLeavesTheCallersResultsAlone(t *testing.T) {
	t.Parallel()
	results := []dedupe.Result{
		{Claim: dedupe.Claim{Key: "b"}, State: dedupe.Done, Detail: "\xff"},
		{Claim: dedupe.Claim{Key: "a"}, State: dedupe.Done},
	}
	sorted, err := dedupe.CheckFinish(noon(), results)
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Claim.Key != "b" || results[0].Detail != "\xff" {
		t.Errorf("CheckFinish changed its argument: %+v", results)
	}
	if sorted[0].Claim.Key != "a" || sorted[1].Detail != "\uFFFD" {
		t.Errorf("CheckFinish = %+v, want a before b and a note that is UTF-8", sorted)
	}
}

func FuzzFinishedNotes(f *testing.F) {
	for _, s := range []string{"", "plain", "\xff\x00", strings.Repeat("é", dedupe.MaxDetail), strings.Repeat("\xff", dedupe.MaxDetail)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, detail string) {
		sorted, err := dedupe.CheckFinish(noon(), []dedupe.Result{{Claim: dedupe.Claim{Key: "k"}, State: dedupe.Failed, Detail: detail}})
		if err != nil {
			t.Fatal(err)
		}
		got := sorted[0].Detail
		if len(got) > dedupe.MaxDetail || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Errorf("the note %q became %q", detail, got)
		}
		if utf8.ValidString(detail) && !strings.Contains(detail, "\x00") && len(detail) <= dedupe.MaxDetail && got != detail {
			t.Errorf("the note %q was kept as %q", detail, got)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"", "isolate/device/7", "\xff", "a\x00", strings.Repeat("k", dedupe.MaxKey+1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := dedupe.Key(s).Check()
		ok := s != "" && len(s) <= dedupe.MaxKey && utf8.ValidString(s) && !strings.Contains(s, "\x00")
		if (err == nil) != ok || err != nil && !errors.Is(err, dedupe.ErrInvalid) {
			t.Errorf("Key(%q).Check() = %v", s, err)
		}
	})
}
