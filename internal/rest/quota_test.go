package rest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/rest"
)

// purse is a quota of a few calls that notes what it is told.
type purse struct {
	left     int
	patience time.Duration
	told     []string
}

var errSpent = errors.New("spent")

func (p *purse) Take(pool string) error {
	if p.left--; p.left < 0 {
		return fmt.Errorf("%s is %w", pool, errSpent)
	}
	p.told = append(p.told, "take "+pool)
	return nil
}

func (p *purse) Check(pool string, wait time.Duration) error {
	if wait > p.patience {
		return fmt.Errorf("%s is %w for longer than %v", pool, errSpent, wait)
	}
	return nil
}

func (p *purse) Answered(pool string, status int, retryAfter time.Duration) {
	p.told = append(p.told, fmt.Sprint(pool, " ", status, " ", retryAfter))
}

func TestEachAttemptIsTakenFromTheQuota(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(503, ""), answer(429, "", "Retry-After", "7"), answer(200, "{}"))
		p := &purse{left: 3, patience: time.Minute}
		c := core(t, s, func(c *rest.Config) { c.Quota = p })
		pooled := get()
		pooled.Pool = "things"
		if _, err := call(t.Context(), c, pooled); err != nil {
			t.Errorf("Do() = %v", err)
		}
		want := []string{"take things", "things 503 0s", "take things", "things 429 7s", "take things", "things 200 0s"}
		if diff := cmp.Diff(want, p.told); diff != "" {
			t.Errorf("the quota was told (-want +got):\n%s", diff)
		}

		_, err := call(t.Context(), c, pooled)
		if !errors.Is(err, errSpent) || err.Error() != "svc: things.list: things is spent" || len(s.requests()) != 3 {
			t.Errorf("Do() = %v after %d requests, want %v after 3", err, len(s.requests()), errSpent)
		}
		if _, err := call(t.Context(), c, get()); err != nil || len(p.told) != len(want) {
			t.Errorf("Do() = %v without a pool, and the quota was told %q", err, p.told)
		}
	})
}

func TestAQuotaThatIsSpentEndsTheRepetitions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(503, "down"), answer(200, "{}"))
		c := core(t, s, func(c *rest.Config) { c.Quota = &purse{left: 1} })
		pooled := get()
		pooled.Pool = "things"
		_, err := call(t.Context(), c, pooled)
		e, ok := errors.AsType[*apiError](err)
		if !errors.Is(err, errSpent) || !ok || e.Status != 503 || !strings.HasSuffix(err.Error(), "; last attempt: 503 down") || len(s.requests()) != 1 {
			t.Errorf("Do() = %v after %d requests", err, len(s.requests()))
		}
	})
}

func TestNobodyWaitsForATurnThatTheQuotaWillRefuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(429, "", "Retry-After", "60"), answer(200, "{}"))
		c := core(t, s, func(c *rest.Config) { c.Quota = &purse{left: 5, patience: 30 * time.Second} })
		pooled := get()
		pooled.Pool = "things"
		took, err := call(t.Context(), c, pooled)
		if e, ok := errors.AsType[*apiError](err); !ok || e.Status != 429 || took > 0 || len(s.requests()) != 1 {
			t.Errorf("Do() = %v after %v and %d requests", err, took, len(s.requests()))
		}
		// The gate is closed for a minute now.
		took, err = call(t.Context(), c, pooled)
		if !errors.Is(err, errSpent) || took > 0 || len(s.requests()) != 1 {
			t.Errorf("Do() = %v after %v and %d requests", err, took, len(s.requests()))
		}
		if took, err := call(t.Context(), c, get()); err != nil || took != time.Minute {
			t.Errorf("Do() = %v without a pool, after %v", err, took)
		}
	})
}

func TestACallThatTheQuotaRefusesGivesItsPlaceBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := core(t, play(answer(200, "{}")), func(c *rest.Config) { c.Quota, c.MaxInFlight = &purse{}, 1 })
		pooled := get()
		pooled.Pool = "things"
		for range 3 {
			if _, err := call(t.Context(), c, pooled); !errors.Is(err, errSpent) {
				t.Errorf("Do() = %v", err)
			}
		}
		if _, err := call(t.Context(), c, get()); err != nil {
			t.Errorf("Do() = %v", err)
		}
	})
}
