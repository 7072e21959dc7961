package hunt

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// ended brings a run to its end.
func (h *Hunter) ended(ctx context.Context, r *Report) (*Report, error) {
	h.journal(ctx, r)
	err := r.Err()
	h.observe(r.Run, Event{Step: StepEnd, Count: len(r.Outcomes), Took: r.Ended.Sub(r.Begun), Err: err})
	return r, err
}

// journal keeps the report of a run that has ended.
func (h *Hunter) journal(ctx context.Context, r *Report) {
	if h.cfg.Journal == nil || r.DryRun {
		return
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	if err := h.cfg.Journal.KeepReport(ctx, r); err != nil {
		h.problem(r, Problem{Stage: "ledger", Err: err})
	}
}

// News is the report without what the reports of earlier runs tell: tasks that these brought to their end, the sightings of such tasks, and
// files of earlier runs about which nothing happened. Together the news of all runs tell everything once, see [Merge].
func (r *Report) News() *Report {
	n := *r
	old := func(o Outcome) bool {
		return o.Status == Already && !o.Earlier.IsZero() && o.Undone.IsZero() || isNotDue(o)
	}
	n.Outcomes = slices.DeleteFunc(slices.Clone(r.Outcomes), old)
	again := make(map[SHA256]bool, len(r.Rehunted))
	for _, hash := range r.Rehunted {
		again[hash] = true
	}
	told := make(map[sightingKey]bool)  // of a task that is old
	fresh := make(map[sightingKey]bool) // of one that is not
	for _, o := range r.Outcomes {
		into := fresh
		if old(o) {
			into = told
		}
		for _, s := range o.Task.Sightings {
			into[sightingKey{s.SHA256, s.Process.GUID}] = true
		}
	}
	n.Sightings = slices.DeleteFunc(slices.Clone(r.Sightings), func(s Sighting) bool {
		key := sightingKey{s.SHA256, s.Process.GUID}
		return again[s.SHA256] && told[key] && !fresh[key]
	})
	matters := make(map[SHA256]bool)
	for _, s := range n.Sightings {
		matters[s.SHA256] = true
	}
	for _, hash := range filesOfOutcomes(n.Outcomes) {
		matters[hash] = true
	}
	for _, p := range r.Problems {
		for _, hash := range p.Hashes {
			matters[hash] = true
		}
	}
	goes := func(hash SHA256) bool { return again[hash] && !matters[hash] }
	n.Indicators = slices.DeleteFunc(slices.Clone(r.Indicators), func(i Indicator) bool { return goes(i.SHA256) })
	n.Rehunted = slices.DeleteFunc(slices.Clone(r.Rehunted), goes)
	n.HuntedUntil = maps.Clone(r.HuntedUntil)
	maps.DeleteFunc(n.HuntedUntil, func(hash SHA256, _ time.Time) bool { return goes(hash) })
	return &n
}

// isNotDue tells whether an earlier run has told of it, and nothing was tried.
func isNotDue(o Outcome) bool { return o.Status == Failed && causeOf(o.Err) == "not_due" }

func filesOfOutcomes(outcomes []Outcome) []SHA256 {
	tasks := make([]Task, len(outcomes))
	for i, o := range outcomes {
		tasks[i] = o.Task
	}
	return filesOf(tasks)
}

// Merge is one report of several runs, the oldest first: what they found, and of each task and file how it stood at the end. A problem that
// a later run made up for is left out. Its Run names the first and the last. It is nil for no reports.
func Merge(reports ...*Report) *Report {
	reports = slices.Clone(reports)
	slices.SortStableFunc(reports, func(a, b *Report) int {
		return cmp.Or(a.Begun.Compare(b.Begun), cmp.Compare(a.Run, b.Run), a.Ended.Compare(b.Ended))
	})
	switch len(reports) {
	case 0:
		return nil
	case 1:
		return reports[0]
	}
	first, last := reports[0], reports[len(reports)-1]
	name := first.Run
	if last.Run != name {
		name += ".." + last.Run
	}
	m := &merger{
		r: &Report{
			Run: name, Begun: first.Begun, Undo: true, Open: last.Open, Resting: last.Resting, Interrupted: last.Interrupted,
			Indicators: []Indicator{}, Sightings: []Sighting{}, Outcomes: []Outcome{},
		},
		files: make(map[SHA256]int), seen: make(map[sightingKey]int), ends: make(map[string]int), turned: make(map[SHA256]int), fresh: make(map[SHA256]bool),
	}
	for i, r := range reports {
		m.add(r, reports[i+1:])
	}
	return m.end()
}

// merger makes one report of several.
type merger struct {
	r      *Report
	files  map[SHA256]int
	seen   map[sightingKey]int
	ends   map[string]int
	turned map[SHA256]int
	// fresh are the files that one of the runs brought.
	fresh map[SHA256]bool
	left  leftAlone
}

func (m *merger) add(r *Report, later []*Report) {
	out := m.r
	out.Window = out.Window.with(r.Window)
	out.DryRun = out.DryRun || r.DryRun
	out.Undo = out.Undo && r.Undo
	out.BadRecords += r.BadRecords
	out.Holes = append(out.Holes, r.Holes...)
	if r.Ended.After(out.Ended) {
		out.Ended = r.Ended
	}
	for _, ind := range r.Indicators {
		m.fresh[ind.SHA256] = m.fresh[ind.SHA256] || !slices.Contains(r.Rehunted, ind.SHA256)
		if i, ok := m.files[ind.SHA256]; ok {
			out.Indicators[i].add(ind)
			continue
		}
		m.files[ind.SHA256] = len(out.Indicators)
		ind.Mails = slices.Clone(ind.Mails)
		out.Indicators = append(out.Indicators, ind)
	}
	for _, s := range r.Sightings {
		put(&out.Sightings, m.seen, sightingKey{s.SHA256, s.Process.GUID}, s, func(have Sighting) bool { return s.Evidence >= have.Evidence })
	}
	for _, o := range r.Outcomes {
		// That there was nothing to do any more is no end of its own.
		put(&out.Outcomes, m.ends, o.Task.Key(), o, func(have Outcome) bool { return o.Status != Already || have.Status != Done && have.Status != Undone })
	}
	for _, t := range r.Turned {
		put(&out.Turned, m.turned, t.SHA256, t, func(Turned) bool { return true })
	}
	for hash, until := range r.HuntedUntil {
		if out.HuntedUntil == nil {
			out.HuntedUntil = maps.Clone(r.HuntedUntil)
		}
		out.HuntedUntil[hash] = until
	}
	for _, p := range r.Problems {
		if p = leftOpen(p, later); p.Err != nil && !slices.ContainsFunc(out.Problems, p.same) {
			out.Problems = append(out.Problems, p)
		}
	}
	for _, l := range r.LeftAlone {
		m.left.add(l)
	}
	for reason, n := range r.LeftAloneTotal {
		if out.LeftAloneTotal == nil {
			out.LeftAloneTotal = make(map[string]int)
		}
		out.LeftAloneTotal[reason] += n
	}
}

// put adds to a list, or takes the place of what is there under the same key, if it may.
func put[K comparable, V any](list *[]V, index map[K]int, key K, v V, may func(have V) bool) {
	i, ok := index[key]
	switch {
	case !ok:
		index[key] = len(*list)
		*list = append(*list, v)
	case may((*list)[i]):
		(*list)[i] = v
	}
}

// leftOpen is what no later run has made up for of a problem, without an error if nothing is.
func leftOpen(p Problem, later []*Report) Problem {
	for _, r := range later {
		has := func(hash *SHA256) bool {
			return slices.ContainsFunc(r.Problems, func(q Problem) bool {
				return q.Stage == p.Stage && (len(q.Hashes) == 0 || hash != nil && slices.Contains(q.Hashes, *hash))
			})
		}
		if r.Undo || r.Interrupted {
			continue // it has not asked about everything
		}
		if len(p.Hashes) == 0 {
			if !has(nil) {
				return Problem{}
			}
			continue
		}
		p.Hashes = slices.DeleteFunc(slices.Clone(p.Hashes), func(hash SHA256) bool {
			asked := slices.ContainsFunc(r.Indicators, func(i Indicator) bool { return i.SHA256 == hash })
			return asked && !has(&hash)
		})
		if len(p.Hashes) == 0 {
			return Problem{}
		}
	}
	return p
}

func (p Problem) same(other Problem) bool {
	return p.Stage == other.Stage && p.Err.Error() == other.Err.Error() && slices.Equal(p.Hashes, other.Hashes)
}

func (m *merger) end() *Report {
	r := m.r
	for _, ind := range r.Indicators {
		if !m.fresh[ind.SHA256] {
			r.Rehunted = append(r.Rehunted, ind.SHA256)
		}
	}
	r.LeftAlone = m.left.entries
	for hash, until := range r.HuntedUntil {
		if !until.After(r.Ended) {
			delete(r.HuntedUntil, hash)
		}
	}
	slices.SortFunc(r.Indicators, func(a, b Indicator) int { return strings.Compare(a.SHA256.String(), b.SHA256.String()) })
	slices.SortFunc(r.Sightings, compareSightings)
	return r
}
