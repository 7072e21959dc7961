package dedupehunt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

var _ hunt.Backlog = (*Ledger)(nil)

// openPrefix begins the keys of open indicators: indicator/<sha256>/<run>. No action can have the name, see [hunt.New] and the
// three parts of a task's key, whose second is a scope.
const openPrefix = "indicator/"

// Keep implements [hunt.Backlog]. The records of mails as they came are not kept.
func (l *Ledger) Keep(ctx context.Context, run string, indicators ...hunt.Indicator) error {
	notes := make(map[dedupe.Key][]byte, len(indicators))
	keys := make([]dedupe.Key, 0, len(indicators))
	for _, ind := range indicators {
		note, err := json.Marshal(ind)
		if err != nil {
			return fmt.Errorf("dedupehunt: keep: %w", err)
		}
		key := dedupe.Key(openPrefix + ind.SHA256.String() + "/" + run)
		notes[key] = note
		keys = append(keys, key)
	}
	if _, err := l.close(ctx, keys, func(g dedupe.Grant) dedupe.Result {
		return dedupe.Result{Claim: g.Claim, State: dedupe.Released, Before: notes[g.Claim.Key]}
	}); err != nil {
		return fmt.Errorf("dedupehunt: keep: %w", err)
	}
	return nil
}

// Settle implements [hunt.Backlog].
func (l *Ledger) Settle(ctx context.Context, hashes ...hunt.SHA256) error {
	var keys []dedupe.Key
	for _, hash := range hashes {
		records, err := l.cfg.Store.Unfinished(ctx, dedupe.Key(openPrefix+hash.String()+"/"))
		if err != nil {
			return fmt.Errorf("dedupehunt: settle: %w", err)
		}
		for _, r := range records {
			keys = append(keys, r.Key)
		}
	}
	if err := l.settle(ctx, keys, "settled"); err != nil {
		return fmt.Errorf("dedupehunt: settle: %w", err)
	}
	return nil
}

func (l *Ledger) settle(ctx context.Context, keys []dedupe.Key, detail string) error {
	_, err := l.close(ctx, keys, func(g dedupe.Grant) dedupe.Result {
		return dedupe.Result{Claim: g.Claim, State: dedupe.Done, Detail: detail}
	})
	return err
}

// close claims keys and ends the claims at once. Those that somebody else has, or has done, are missed: they are his to end.
func (l *Ledger) close(ctx context.Context, keys []dedupe.Key, end func(dedupe.Grant) dedupe.Result) (missed []dedupe.Grant, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	now := l.cfg.Now()
	grants, err := l.cfg.Store.Claim(ctx, l.cfg.Owner, now, l.cfg.Lease, keys...)
	if err != nil {
		return nil, err
	}
	var results []dedupe.Result
	for _, g := range grants {
		if g.Won {
			results = append(results, end(g))
		} else {
			missed = append(missed, g)
		}
	}
	if len(results) == 0 {
		return missed, nil
	}
	_, err = l.cfg.Store.Finish(ctx, now, results...)
	return missed, err
}

// Open implements [hunt.Backlog]. Indicators that have been open for longer than [Config.GiveUp], since they were kept last, are given
// up: the error names them, once.
func (l *Ledger) Open(ctx context.Context) ([]hunt.Indicator, error) {
	records, err := l.cfg.Store.Unfinished(ctx, openPrefix)
	if err != nil {
		return nil, fmt.Errorf("dedupehunt: open: %w", err)
	}
	now := l.cfg.Now()
	var open merger
	var tired []dedupe.Key
	var problems []error
	last := make(map[string]time.Time, len(records))
	for _, r := range records {
		if file := fileOf(r.Key); r.Created.After(last[file]) {
			last[file] = r.Created
		}
	}
	for _, r := range records {
		if r.State == dedupe.Claimed && r.Until.After(now) {
			continue // being written at this moment
		}
		ind, err := indicatorOf(r)
		switch {
		case err != nil:
			problems = append(problems, err)
			continue
		case now.Sub(last[fileOf(r.Key)]) > l.cfg.GiveUp:
			tired = append(tired, r.Key)
			if r.Created.Equal(last[fileOf(r.Key)]) {
				problems = append(problems, fmt.Errorf("gave up on %s: it could not be finished with since %s", ind.SHA256, r.Created.Format(time.RFC3339)))
			}
			continue
		}
		open.add(ind)
	}
	problems = append(problems, l.settle(ctx, tired, "given up"))
	if err := errors.Join(problems...); err != nil {
		return open.indicators, fmt.Errorf("dedupehunt: open: %w", err)
	}
	return open.indicators, nil
}

// merger puts together what several runs kept about the same files.
type merger struct {
	indicators []hunt.Indicator
	index      map[hunt.SHA256]int
	mails      map[mailOf]bool
}

type mailOf struct {
	hash hunt.SHA256
	mail string
}

// add takes a mail that is known already not twice, and the newest word about the threat.
func (m *merger) add(ind hunt.Indicator) {
	if m.index == nil {
		m.index, m.mails = make(map[hunt.SHA256]int), make(map[mailOf]bool)
	}
	i, known := m.index[ind.SHA256]
	if !known {
		i = len(m.indicators)
		m.index[ind.SHA256] = i
		m.indicators = append(m.indicators, hunt.Indicator{SHA256: ind.SHA256})
	}
	to := &m.indicators[i]
	if to.Threat.ID == "" || ind.Threat.Time.After(to.Threat.Time) {
		to.Threat = ind.Threat
	}
	for _, mail := range ind.Mails {
		if id := (mailOf{ind.SHA256, mail.ID}); !m.mails[id] {
			m.mails[id] = true
			to.Mails = append(to.Mails, mail)
		}
	}
}

// fileOf is the part of an open indicator's key that is its hash.
func fileOf(key dedupe.Key) string {
	text, _, _ := strings.Cut(strings.TrimPrefix(string(key), openPrefix), "/")
	return text
}

// indicatorOf reads the note on an open indicator. Where the process died before it had written one, the key alone tells the file,
// whose hash is the id of its threat as well.
func indicatorOf(r dedupe.Record) (hunt.Indicator, error) {
	text := fileOf(r.Key)
	hash, err := hunt.ParseSHA256(text)
	if err != nil {
		return hunt.Indicator{}, fmt.Errorf("record %s: %w", r.Key, err)
	}
	if len(r.Before) == 0 {
		return hunt.Indicator{SHA256: hash, Threat: hunt.Threat{ID: text, Type: "attachment", Status: "active"}}, nil
	}
	var ind hunt.Indicator
	if err := json.Unmarshal(r.Before, &ind); err != nil {
		return hunt.Indicator{}, fmt.Errorf("record %s: %w", r.Key, err)
	}
	if ind.SHA256 != hash {
		return hunt.Indicator{}, fmt.Errorf("record %s is about another file", r.Key)
	}
	return ind, nil
}
