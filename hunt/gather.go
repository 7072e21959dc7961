package hunt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// gatherer collects indicators and sightings. Searching begins while the source still speaks.
type gatherer struct {
	h       *Hunter
	run     string
	begun   time.Time
	since   time.Time
	keep    bool // the backlog learns of each file before it is searched for
	fair    *fairness
	fresh   chan Indicator
	slots   chan struct{}
	workers sync.WaitGroup
	// asking bounds the questions to the expander, and asked waits for them.
	asking chan struct{}
	asked  sync.WaitGroup

	mu         sync.Mutex
	indicators map[SHA256]*Indicator
	sightings  map[sightingKey]Sighting
	nothing    map[sightingKey]Sighting // processes of which the searcher wants to remember that they have nothing to do with a file
	problems   []Problem
	left       leftAlone
	withdrawn  []SHA256
	// open is what the backlog has, or will have, of the indicators.
	open map[SHA256]OpenIndicator
	// stale are the files about whose verdict nobody was asked in this run.
	stale map[SHA256]bool
	// suspect are the files whose verdict the source says was taken back.
	suspect map[SHA256]bool
	// rehunted are the files of earlier runs that were finished with and are searched for again.
	rehunted map[SHA256]bool
	// known is what the backlog had before the source was asked.
	known   map[SHA256]OpenIndicator
	resting int
	covered Window
	holes   []Window
	bad     int
	// lost is why a bad record was not kept.
	lost error

	keeping sync.Mutex // held while the backlog is told
	// dirty are the files of which the backlog does not know everything. Those that it has, kept anew by each run, would never grow old.
	dirty map[SHA256]bool // under mu
}

type sightingKey struct {
	hash SHA256
	guid string
}

func (h *Hunter) gather(ctx context.Context, run string, w Window, keep bool) *gatherer {
	g := &gatherer{
		h: h, run: run, keep: keep, begun: h.cfg.Now().UTC(), fair: newFairness(h, run),
		since:      h.cfg.Now().Add(-h.cfg.LookBack),
		fresh:      make(chan Indicator),
		slots:      make(chan struct{}, h.cfg.Searches),
		asking:     make(chan struct{}, questions),
		indicators: make(map[SHA256]*Indicator),
		sightings:  make(map[sightingKey]Sighting),
		nothing:    make(map[sightingKey]Sighting),
		open:       make(map[SHA256]OpenIndicator),
		stale:      make(map[SHA256]bool),
		suspect:    make(map[SHA256]bool),
		rehunted:   make(map[SHA256]bool),
		known:      make(map[SHA256]OpenIndicator),
		dirty:      make(map[SHA256]bool),
	}
	g.workers.Go(func() { g.batch(ctx) })
	earlier := g.earlier(ctx)
	begun := h.cfg.Now()
	g.intake(ctx, w)
	h.observe(run, Event{Step: StepIntake, Count: g.count(), Took: h.cfg.Now().Sub(begun)})
	g.takeUp(ctx, earlier)
	g.asked.Wait()
	g.handDown()
	close(g.fresh)
	g.workers.Wait()
	_ = g.remember(ctx) // mails that came after their file was searched for
	if g.bad > 0 {
		g.problem(Problem{Stage: "intake", Err: &BadRecordsError{Count: g.bad}})
	}
	return g
}

// count is how many files are known so far.
func (g *gatherer) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.indicators)
}

// batch forms batches: full, or as old as BatchDelay allows, or the last.
func (g *gatherer) batch(ctx context.Context) {
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
		case ind, open := <-g.fresh:
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

// dispatch searches for a batch on a goroutine of its own as soon as a slot is free. Intake waits meanwhile: what is not
// searched yet must not pile up.
func (g *gatherer) dispatch(ctx context.Context, batch []Indicator) {
	_ = g.remember(ctx) // it is among the problems
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
	var failure error
	for s, err := range g.h.cfg.Searcher.Search(ctx, batch, g.since) {
		if err != nil {
			g.searchFailed(batch, err)
			failure = err
			break
		}
		if asked[s.SHA256] && s.Evidence == None && s.Keep {
			g.foundNothing(s)
			continue
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
	g.h.observe(g.run, Event{Step: StepSearch, Count: found, Took: g.h.cfg.Now().Sub(begun), Err: failure})
}

// sighted keeps the strongest sighting of a file in a process, of equals one that is to be kept, and the newest of those: the same process
// may come in several rows, and what is thought of it can have changed.
func (g *gatherer) sighted(s Sighting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := sightingKey{s.SHA256, s.Process.GUID}
	have, ok := g.sightings[key]
	if !ok || s.Evidence > have.Evidence || s.Evidence == have.Evidence && (s.Keep && !have.Keep || s.Keep == have.Keep && s.Time.After(have.Time)) {
		g.sightings[key] = s
	}
}

// tellAgain takes in what earlier runs have seen of a file, as far back as is searched.
func (g *gatherer) tellAgain(some []Sighting) {
	for _, s := range some {
		switch {
		case s.Time.Before(g.since):
		case s.Evidence == None:
			g.foundNothing(s)
		default:
			g.sighted(s)
		}
	}
}

// foundNothing notes that a process has nothing to do with a file, as the searcher wants to be told again.
func (g *gatherer) foundNothing(s Sighting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if key := (sightingKey{s.SHA256, s.Process.GUID}); s.Time.After(g.nothing[key].Time) {
		g.nothing[key] = s
	}
}

// mostSeen is the most sightings that are kept of a file, the newest. What is on more machines than this is searched for anew.
const mostSeen = 300

// kept are the sightings that are to be kept, of each file. Those that are none come last.
func (g *gatherer) kept(all []Sighting) map[SHA256][]Sighting {
	kept := make(map[SHA256][]Sighting)
	for _, s := range all {
		if s.Keep {
			kept[s.SHA256] = append(kept[s.SHA256], s)
		}
	}
	for key, s := range g.nothing {
		if _, found := g.sightings[key]; !found {
			kept[s.SHA256] = append(kept[s.SHA256], s)
		}
	}
	for hash, some := range kept {
		slices.SortFunc(some, func(a, b Sighting) int {
			return cmp.Or(cmp.Compare(min(b.Evidence, Named), min(a.Evidence, Named)), b.Time.Compare(a.Time), cmp.Compare(a.Process.GUID, b.Process.GUID))
		})
		kept[hash] = some[:min(len(some), mostSeen)]
	}
	return kept
}

func (g *gatherer) searchFailed(batch []Indicator, err error) {
	var part *SearchError
	if errors.As(err, &part) && len(part.Hashes) > 0 {
		g.problem(Problem{Stage: "search", Hashes: slices.Clone(part.Hashes), Err: err})
		return
	}
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
	sortIndicators(indicators)
	sightings := slices.SortedFunc(maps.Values(g.sightings), compareSightings)
	for i, s := range sightings {
		if s.Recipient == "" {
			sightings[i].Recipient = recipientOf(s.Process.User, *g.indicators[s.SHA256])
		}
	}
	return indicators, sightings
}

func sortIndicators(all []Indicator) {
	slices.SortFunc(all, func(a, b Indicator) int { return slices.Compare(a.SHA256[:], b.SHA256[:]) })
}
