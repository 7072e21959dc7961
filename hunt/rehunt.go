package hunt

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// trust is how long a verdict stands before it is asked for again although nothing is to be done about the file.
	trust = 24 * time.Hour
	// verdicts asked again by one run, so that a thousand open files cost no more than a daily question each.
	mostVerdicts = 25
)

// NextSearch is when an indicator that stays open is due again: with the next run as long as it is not finished with and on the first
// day, hourly on the second, and every six hours then. A few minutes early counts, so that a run that starts a second sooner than the
// one an hour ago does not put it off to the next.
func NextSearch(o OpenIndicator) time.Time {
	const day = 24 * time.Hour
	switch age := o.Searched.Sub(o.Since); {
	case o.Searched.IsZero():
		return o.Since
	case age < day:
		return o.Searched
	case age < 2*day:
		return o.Searched.Add(55 * time.Minute)
	default:
		return o.Searched.Add(5*time.Hour + 30*time.Minute)
	}
}

// huntedUntil is when a file is searched for the last time, zero if it is not searched for again.
func (h *Hunter) huntedUntil(o OpenIndicator) time.Time {
	if h.cfg.Backlog == nil || h.cfg.Rehunt < 0 {
		return time.Time{}
	}
	return o.Since.Add(h.cfg.Rehunt).UTC()
}

// earlier are the files of earlier runs. What was seen of them is known before the source names one again.
func (g *gatherer) earlier(ctx context.Context) []OpenIndicator {
	if g.h.cfg.Backlog == nil {
		return nil
	}
	open, err := g.h.cfg.Backlog.Open(ctx)
	if err != nil {
		g.problem(Problem{Stage: "ledger", Err: err})
	}
	for _, o := range open {
		g.known[o.SHA256] = o
	}
	return open
}

// takeUp hands on the files of earlier runs that are due. What the source has just named needs no second opinion, and tells the rest of
// its recipients.
func (g *gatherer) takeUp(ctx context.Context, open []OpenIndicator) {
	var due []OpenIndicator
	for _, o := range open {
		g.mu.Lock()
		_, named := g.indicators[o.SHA256]
		g.mu.Unlock()
		switch {
		case named:
			g.meet(o.Indicator, false)
		case NextSearch(o).After(g.begun) && !o.Searched.After(g.begun) && !g.suspect[o.SHA256]: // a clock that was ahead must not put off
			g.resting++
		default:
			due = append(due, o)
		}
	}
	for _, o := range g.stillCondemned(ctx, due) {
		g.mu.Lock()
		if _, named := g.open[o.SHA256]; !named { // the expander may have named it meanwhile
			g.open[o.SHA256] = o
			g.stale[o.SHA256] = !o.Verified.Equal(g.begun)
			g.rehunted[o.SHA256] = !o.Searched.IsZero()
		}
		g.mu.Unlock()
		if g.meet(o.Indicator, false) && g.toExpand(o) {
			g.expand(ctx, o.Indicator)
		}
	}
}

// toExpand tells whether the expander is to be asked about an open file: it has not answered yet, or that was on the first day.
func (g *gatherer) toExpand(o OpenIndicator) bool {
	return o.Expanded.IsZero() || o.Expanded.Sub(o.Since) < trust && g.begun.Sub(o.Since) >= trust
}

// stillCondemned asks for the verdicts that are oldest, and leaves out the files that are condemned no longer. The others are asked about
// before something is done, see reconsider.
func (g *gatherer) stillCondemned(ctx context.Context, due []OpenIndicator) []OpenIndicator {
	word := func(o OpenIndicator) time.Time {
		if g.suspect[o.SHA256] {
			return time.Time{}
		}
		if o.Verified.After(o.Since) {
			return o.Verified
		}
		return o.Since
	}
	slices.SortStableFunc(due, func(a, b OpenIndicator) int {
		return cmp.Or(word(a).Compare(word(b)), slices.Compare(a.SHA256[:], b.SHA256[:]))
	})
	old := 0
	for old < min(len(due), mostVerdicts) && g.begun.Sub(word(due[old])) >= trust {
		old++
	}
	verdicts := make([]error, old)
	condemned := make([]bool, old)
	each(old, func(i int) { condemned[i], verdicts[i] = g.fair.ask(ctx, due[i].Indicator) })
	var still []OpenIndicator
	for i, o := range due {
		switch {
		case i >= old:
		case verdicts[i] != nil:
			g.problem(Problem{Stage: "verdict", Hashes: []SHA256{o.SHA256}, Err: verdicts[i]})
		case !condemned[i]:
			g.withdraw(o.SHA256)
			continue
		default:
			o.Verified = g.begun
		}
		still = append(still, o)
	}
	return still
}

// each calls do for every number below n, several at once.
func each(n int, do func(int)) {
	var workers sync.WaitGroup
	slots := make(chan struct{}, questions)
	for i := range n {
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	workers.Wait()
}

func (g *gatherer) withdraw(hash SHA256) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.withdrawn = append(g.withdrawn, hash)
	g.left.add(LeftAlone{File: hash.String(), Reason: "condemned in an earlier run, and not any more"})
}

// reconsider asks for the verdict on each file of an earlier run that something is to be done about and that nobody was asked about in
// this one, and leaves out those that are condemned no longer, or that nobody can tell about.
func (g *gatherer) reconsider(ctx context.Context, p *Plan) {
	ask := g.toAsk(ctx, p)
	if len(ask) == 0 {
		return
	}
	out := make(map[SHA256]bool)
	condemned, verdicts := make([]bool, len(ask)), make([]error, len(ask))
	each(len(ask), func(i int) { condemned[i], verdicts[i] = g.fair.ask(ctx, ask[i]) })
	for i, ind := range ask {
		hash := ind.SHA256
		switch {
		case verdicts[i] != nil:
			out[hash] = true
			if !slices.ContainsFunc(g.problems, func(p Problem) bool { return p.Stage == "verdict" && slices.Contains(p.Hashes, hash) }) {
				g.problem(Problem{Stage: "verdict", Hashes: []SHA256{hash}, Err: verdicts[i]})
			}
		case !condemned[i]:
			out[hash] = true
			g.withdraw(hash)
		default:
			o := g.open[hash]
			o.Verified = g.begun
			g.open[hash] = o
		}
	}
	p.Indicators = slices.DeleteFunc(p.Indicators, func(i Indicator) bool { return out[i.SHA256] })
	p.Sightings = slices.DeleteFunc(p.Sightings, func(s Sighting) bool { return out[s.SHA256] })
}

// toAsk are the files of earlier runs that something is new about.
func (g *gatherer) toAsk(ctx context.Context, p *Plan) []Indicator {
	old := func(i Indicator) bool { return g.stale[i.SHA256] }
	var tasks []Task
	for _, t := range g.h.tasks(p, newWeakEvidence()) {
		if slices.ContainsFunc(t.Indicators, old) {
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 0 {
		return nil
	}
	outcomes, _ := g.h.cfg.Ledger.Look(ctx, tasks) // one that does not answer is a problem of what comes next
	known := match(tasks, outcomes)
	var ask []Indicator
	seen := make(map[SHA256]bool)
	for _, t := range tasks {
		if known[t.Key()].Status != "" {
			continue
		}
		for _, ind := range t.Indicators {
			if old(ind) && !seen[ind.SHA256] {
				seen[ind.SHA256] = true
				ask = append(ask, ind)
			}
		}
	}
	return ask
}
