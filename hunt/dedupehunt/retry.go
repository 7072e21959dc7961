package dedupehunt

import (
	"fmt"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// Patience is the default of [Config.GiveUp].
const Patience = 7 * 24 * time.Hour

// Backoff is the default of [Config.Retry]. The first failure waits for nothing but the next run; then it is five minutes, doubled
// up to an hour, so that a machine that comes back is contained soon. A refusal waits six hours, doubled up to a day.
func Backoff(failures int, refused bool) time.Duration {
	pause, most := 5*time.Minute, time.Hour
	if refused {
		pause, most = 6*time.Hour, 24*time.Hour
	} else if failures--; failures < 1 {
		return 0
	}
	for range failures - 1 {
		if pause *= 2; pause >= most {
			return most
		}
	}
	return pause
}

// givenUp tells whether a task has failed for so long that no run tries it again. What is being done is not given up.
func (l *Ledger) givenUp(p past) bool {
	return p.entry.Status == hunt.Failed && l.atRest(p.record) &&
		!p.entry.Failing.IsZero() && l.cfg.Now().Sub(p.entry.Failing) >= l.cfg.GiveUp
}

// rests says why a task that has failed is not tried now, or nothing. A person's word, and taking back, wait for nothing, and to have
// given up is to have given up on what it was tried for, not on what is found later.
func (l *Ledger) rests(t hunt.Task, p past) (hunt.Outcome, bool) {
	e := p.entry
	if t.Undo || t.Released || e.Status != hunt.Failed || p.record.State == dedupe.Claimed {
		return hunt.Outcome{}, false
	}
	o := hunt.Outcome{Task: t, Status: hunt.Failed, Refused: e.Refused}
	switch {
	case l.givenUp(p) && !e.untried(t):
		o.Detail = fmt.Sprintf("given up after %d attempts since %s: %s", e.Attempts, clock(e.Failing), e.Detail)
		o.Err = fmt.Errorf("%w after %d attempts since %s: %s", hunt.ErrGivenUp, e.Attempts, clock(e.Failing), e.Detail)
		o.Acknowledged = e.Acknowledged
	case l.cfg.Now().Before(e.Next):
		o.Detail = fmt.Sprintf("tried %d times, last on %s, and not again before %s: %s", e.Attempts, clock(e.Last), clock(e.Next), e.Detail)
		o.Err = fmt.Errorf("%w, not before %s: %s", hunt.ErrNotDue, clock(e.Next), e.Detail)
	default:
		return hunt.Outcome{}, false
	}
	return o, true
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
