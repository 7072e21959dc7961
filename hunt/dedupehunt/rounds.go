package dedupehunt

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// rounded tells whether a task can come again for a new finding: a machine's can. That of a file, or of a file in a process, is the
// same finding always.
func rounded(t hunt.Task) bool { return t.Scope == hunt.ScopeDevice && !t.Undo }

// past is what is known of one round of a task. The zero past is nothing.
type past struct {
	round  int
	record dedupe.Record
	entry  entry
	// key is where the store has it, if that is not the task's own key.
	key dedupe.Key
}

func newPast(round int, r dedupe.Record) past {
	return past{round: round, record: r, entry: readEntry(r)}
}

// firstKey is the key of a task's first round.
func firstKey(t hunt.Task) dedupe.Key {
	if rounded(t) {
		t.Round = 0
	}
	return dedupe.Key(t.Key())
}

// pasts reads all rounds of tasks, by first key. Rounds can be missing: the store forgets the oldest first.
func (l *Ledger) pasts(ctx context.Context, tasks []hunt.Task) (map[dedupe.Key][]past, error) {
	keys := make([]dedupe.Key, len(tasks))
	for i, t := range tasks {
		keys[i] = firstKey(t)
	}
	records, err := l.cfg.Store.Lookup(ctx, keys...)
	if err != nil {
		return nil, err
	}
	all := make(map[dedupe.Key][]past, len(tasks))
	for _, r := range records {
		all[r.Key] = append(all[r.Key], newPast(1, r))
	}
	for i, t := range tasks {
		if !rounded(t) {
			continue
		}
		for r, err := range l.cfg.Store.Scan(ctx, keys[i]+"/") {
			if err != nil {
				return nil, err
			}
			if round, ok := roundOf(strings.TrimPrefix(string(r.Key), string(keys[i])+"/")); ok {
				all[keys[i]] = append(all[keys[i]], newPast(round, r))
			}
		}
	}
	return all, l.takenBackAnew(ctx, tasks, all)
}

// mostRounds is more than any machine sees. A number beyond is somebody's invention.
const mostRounds = 1_000_000

// roundOf reads the last part of the key of a later round.
func roundOf(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 1 && n < mostRounds && strconv.Itoa(n) == text
}

// verdict is what is to become of a task.
type verdict struct {
	// task has its round, and in a later one no more than what is new.
	task hunt.Task
	// past is what stands in this round.
	past past
	// before is the done round before it, zero in the first.
	before past
	// end is why nothing is to be done now. It counts if ended.
	end   hunt.Outcome
	ended bool
}

// key is what is claimed in the store.
func (v verdict) key() dedupe.Key {
	if v.past.key != "" {
		return v.past.key
	}
	return dedupe.Key(v.task.Key())
}

// judge says what is to become of a task with this past. What is done covers the findings that it was done for, and everything
// where an older version did not say. Anything else on a machine is a new task, for its next round.
func (l *Ledger) judge(t hunt.Task, pasts []past) verdict {
	v := verdict{task: t}
	covered := make(map[string]bool)
	all, top := false, 0
	for _, p := range pasts {
		top = max(top, p.round)
		if p.record.State != dedupe.Done {
			v.past = p // the others are done: none is begun before
			continue
		}
		all = all || len(p.entry.Findings) == 0
		for _, f := range p.entry.Findings {
			covered[f] = true
		}
		if v.before.round == 0 || v.before.record.Updated.Before(p.record.Updated) {
			v.before = p
		}
	}
	if v.before.round > 0 {
		news := news(t, covered)
		if !rounded(t) || all || len(news) == 0 {
			v.end, v.ended = already(t, newest(t, pasts)), true
			return v
		}
		v.task = narrowed(t, news)
	}
	if rounded(t) {
		if v.past.round == 0 {
			v.past.round = top + 1
		}
		v.task.Round = numbered(v.past.round)
	}
	v.end, v.ended = l.rests(v.task, v.past)
	return v
}

// numbered is a round as tasks have it: the first has no number.
func numbered(round int) int {
	if round < 2 {
		return 0
	}
	return round
}

// news are the sightings that nothing was done for.
func news(t hunt.Task, covered map[string]bool) []hunt.Sighting {
	var fresh []hunt.Sighting
	for _, s := range t.Sightings {
		if !covered[finding(s)] {
			fresh = append(fresh, s)
		}
	}
	return fresh
}

// narrowed is a task that rests on some of its sightings alone. What was handled before must not be the reason to do it again, should
// what is new turn out to be harmless.
func narrowed(t hunt.Task, sightings []hunt.Sighting) hunt.Task {
	t.Sightings = sightings
	t.Indicators = slices.DeleteFunc(slices.Clone(t.Indicators), func(ind hunt.Indicator) bool {
		return !slices.ContainsFunc(sightings, func(s hunt.Sighting) bool { return s.SHA256 == ind.SHA256 })
	})
	return t
}

// newest is the newest done round that has to do with the task's findings.
func newest(t hunt.Task, pasts []past) past {
	mine := make(map[string]bool)
	for _, f := range findings(t) {
		mine[f] = true
	}
	var best past
	shares := false
	for _, p := range pasts {
		if p.record.State != dedupe.Done {
			continue
		}
		s := slices.ContainsFunc(p.entry.Findings, func(f string) bool { return mine[f] })
		if best.round == 0 || s && !shares || s == shares && best.record.Updated.Before(p.record.Updated) {
			best, shares = p, s
		}
	}
	return best
}

// already is the outcome of a task that the store has as done.
func already(t hunt.Task, p past) hunt.Outcome {
	word := "done before, on "
	if t.Undo {
		word = "taken back before, on "
	}
	if rounded(t) {
		t.Round = numbered(p.round)
	}
	o := hunt.Outcome{Task: t, Status: hunt.Already, Detail: word + clock(p.record.Updated), Earlier: p.record.Updated.UTC()}
	if p.record.Detail != "" {
		o.Detail += ": " + p.record.Detail
	}
	return o
}
