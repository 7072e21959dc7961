package dedupehunt

import (
	"context"
	"fmt"

	"github.com/pphunt/pphunt/hunt"
)

// Look implements [hunt.Ledger]. It changes nothing.
func (l *Ledger) Look(ctx context.Context, tasks []hunt.Task) ([]hunt.Outcome, error) {
	open := newBatch("", tasks).open()
	pasts, err := l.pasts(ctx, open)
	if err != nil {
		return nil, fmt.Errorf("dedupehunt: look: %w", err)
	}
	var outcomes []hunt.Outcome
	for _, t := range open {
		v := l.judge(t, pasts[firstKey(t)])
		switch e := v.past.entry; {
		case v.ended:
			outcomes = append(outcomes, v.end)
		case e.Status == hunt.Held && l.atRest(v.past.record):
			outcomes = append(outcomes, hunt.Outcome{Task: v.task, Status: hunt.Held, Detail: e.Detail, Acknowledged: e.acknowledges(v.task)})
		}
	}
	return outcomes, nil
}
