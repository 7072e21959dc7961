package hunt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// gatherer collects indicators and sightings. Searching begins while the source still speaks.
type gatherer struct {
	h       *Hunter
	run     string
	since   time.Time
	keep    bool // the backlog learns of each file before it is searched for
	slots   chan struct{}
	workers sync.WaitGroup

	mu         sync.Mutex
	indicators map[SHA256]*Indicator
	sightings  map[sightingKey]Sighting
	problems   []Problem
	left       leftAlone
	withdrawn  []SHA256
	// open are the files that the backlog has already. Kept anew by each run, they would never grow old.
	open map[SHA256]bool
}

type sightingKey struct {
	hash SHA256
	guid string
}

func (h *Hunter) gather(ctx context.Context, run string, w Window, keep bool) *gatherer {
	g := &gatherer{
		h:          h,
		run:        run,
		keep:       keep,
		since:      h.cfg.Now().Add(-h.cfg.LookBack),
		slots:      make(chan struct{}, h.cfg.Searches),
		indicators: make(map[SHA256]*Indicator),
		sightings:  make(map[sightingKey]Sighting),
		open:       make(map[SHA256]bool),
	}
	fresh := make(chan Indicator)
	g.workers.Go(func() { g.batch(ctx, fresh) })
	g.intake(ctx, w, fresh)
	g.takeUp(ctx, fresh)
	close(fresh)
	g.workers.Wait()
	return g
}

// intake reads the source and hands each file that is new in this run on.
func (g *gatherer) intake(ctx context.Context, w Window, fresh chan<- Indicator) {
	for ind, err := range g.source(ctx, w) {
		if err != nil {
			g.problem(Problem{Stage: "intake", Err: err})
			return
		}
		if ind.SHA256.IsZero() {
			g.problem(Problem{Stage: "intake", Err: errors.New("hunt: the source gave an indicator without a hash")})
			continue
		}
		g.meet(ind, fresh)
	}
}

// meet takes an indicator in, and hands it on if it is new in this run.
func (g *gatherer) meet(ind Indicator, fresh chan<- Indicator) {
	g.mu.Lock()
	if ind.SHA256 == sha256.Sum256(nil) {
		g.left.add(LeftAlone{File: ind.SHA256.String(), Reason: "the hash is that of every empty file"})
		g.mu.Unlock()
		return
	}
	known, ok := g.indicators[ind.SHA256]
	if ok {
		known.add(ind)
	} else {
		g.indicators[ind.SHA256] = &ind
	}
	g.mu.Unlock()
	if ok {
		return
	}
	g.h.observe(g.run, Event{Step: StepIndicator, Name: ind.SHA256.String(), Count: 1})
	fresh <- Indicator{SHA256: ind.SHA256, Threat: ind.Threat, Mails: slices.Clone(ind.Mails)}
}

// takeUp hands on the files that earlier runs did not finish with. What the source has just named needs no second opinion.
func (g *gatherer) takeUp(ctx context.Context, fresh chan<- Indicator) {
	if g.h.cfg.Backlog == nil {
		return
	}
	open, err := g.h.cfg.Backlog.Open(ctx)
	if err != nil {
		g.problem(Problem{Stage: "ledger", Err: err})
	}
	for _, ind := range open {
		g.mu.Lock()
		_, known := g.indicators[ind.SHA256]
		g.mu.Unlock()
		if !known {
			condemned, err := g.h.cfg.Verifier.Verify(ctx, ind)
			if err != nil {
				g.problem(Problem{Stage: "verdict", Hashes: []SHA256{ind.SHA256}, Err: err})
				continue
			}
			if !condemned {
				g.mu.Lock()
				g.withdrawn = append(g.withdrawn, ind.SHA256)
				g.left.add(LeftAlone{File: ind.SHA256.String(), Reason: "condemned in an earlier run, and not any more"})
				g.mu.Unlock()
				continue
			}
			g.mu.Lock()
			g.open[ind.SHA256] = true
			g.mu.Unlock()
		}
		g.meet(ind, fresh)
	}
}

func (g *gatherer) source(ctx context.Context, w Window) iter.Seq2[Indicator, error] {
	return g.h.cfg.Source.Indicators(ctx, w, func(l LeftAlone) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.left.add(l)
	})
}

// batch forms batches: full, or as old as BatchDelay allows, or the last.
func (g *gatherer) batch(ctx context.Context, fresh <-chan Indicator) {
	var pending []Indicator
	var due <-chan time.Time
	flush := func() {
		if len(pending) > 0 {
			g.dispatch(ctx, pending)
		}
		pending, due = nil, nil
	}
	for {
		select {
		case ind, open := <-fresh:
			if !open {
				flush()
				return
			}
			if pending = append(pending, ind); len(pending) == g.h.cfg.BatchSize {
				flush()
			} else if due == nil {
				due = time.After(g.h.cfg.BatchDelay)
			}
		case <-due:
			flush()
		}
	}
}

// remember has the backlog keep what it does not have of a batch. A backlog that fails does not keep the run from searching.
func (g *gatherer) remember(ctx context.Context, batch []Indicator) {
	g.mu.Lock()
	batch = slices.DeleteFunc(slices.Clone(batch), func(ind Indicator) bool { return g.open[ind.SHA256] })
	g.mu.Unlock()
	if !g.keep || len(batch) == 0 {
		return
	}
	ctx, cancel := lasting(ctx) // also of a run that is being stopped
	defer cancel()
	if err := g.h.cfg.Backlog.Keep(ctx, g.run, batch...); err != nil {
		g.problem(Problem{Stage: "ledger", Err: err})
	}
}

// dispatch searches for a batch on a goroutine of its own as soon as a slot is free. Intake waits meanwhile: what is not
// searched yet must not pile up.
func (g *gatherer) dispatch(ctx context.Context, batch []Indicator) {
	g.remember(ctx, batch)
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		g.searchFailed(batch, ctx.Err())
		return
	}
	g.workers.Go(func() {
		defer func() { <-g.slots }()
		g.search(ctx, batch)
	})
}

func (g *gatherer) search(ctx context.Context, batch []Indicator) {
	begun := g.h.cfg.Now()
	asked := make(map[SHA256]bool, len(batch))
	for _, ind := range batch {
		asked[ind.SHA256] = true
	}
	found := 0
	for s, err := range g.h.cfg.Searcher.Search(ctx, batch, g.since) {
		if err != nil {
			g.searchFailed(batch, err)
			break
		}
		if !asked[s.SHA256] || s.Process.GUID == "" || s.Device.ID == 0 || s.Evidence == None {
			p := Problem{Stage: "search", Err: fmt.Errorf("hunt: a sighting of %s was dropped: it was not asked for, or lacks its process, device or evidence", s.SHA256)}
			if asked[s.SHA256] {
				p.Hashes = []SHA256{s.SHA256} // the others need not stay open because of it
			}
			g.problem(p)
			continue
		}
		found++
		g.sighted(s)
	}
	g.h.observe(g.run, Event{Step: StepSearch, Count: found, Took: g.h.cfg.Now().Sub(begun)})
}

// sighted keeps the strongest sighting of a file in a process, and the newest of equals: the same process may come in several rows, and
// what is thought of it can have changed.
func (g *gatherer) sighted(s Sighting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := sightingKey{s.SHA256, s.Process.GUID}
	have, ok := g.sightings[key]
	if !ok || s.Evidence > have.Evidence || s.Evidence == have.Evidence && s.Time.After(have.Time) {
		g.sightings[key] = s
	}
}

func (g *gatherer) searchFailed(batch []Indicator, err error) {
	hashes := make([]SHA256, len(batch))
	for i, ind := range batch {
		hashes[i] = ind.SHA256
	}
	g.problem(Problem{Stage: "search", Hashes: hashes, Err: err})
}

func (g *gatherer) problem(p Problem) {
	g.mu.Lock()
	g.problems = append(g.problems, p)
	g.mu.Unlock()
	g.h.observe(g.run, Event{Step: StepProblem, Name: p.Stage, Err: p.Err})
}

// result is everything gathered, in an order that does not depend on who answered first.
func (g *gatherer) result() ([]Indicator, []Sighting) {
	indicators := make([]Indicator, 0, len(g.indicators))
	for _, ind := range g.indicators {
		ind.order()
		indicators = append(indicators, *ind)
	}
	slices.SortFunc(indicators, func(a, b Indicator) int { return slices.Compare(a.SHA256[:], b.SHA256[:]) })
	return indicators, slices.SortedFunc(maps.Values(g.sightings), compareSightings)
}
