package hunt

import (
	"context"
	"crypto/sha256"
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
	resting  int
	covered  Window
	holes    []Window
	bad      int
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
		h: h, run: run, keep: keep, begun: h.cfg.Now().UTC(), fair: newFairness(h),
		since:      h.cfg.Now().Add(-h.cfg.LookBack),
		fresh:      make(chan Indicator),
		slots:      make(chan struct{}, h.cfg.Searches),
		asking:     make(chan struct{}, questions),
		indicators: make(map[SHA256]*Indicator),
		sightings:  make(map[sightingKey]Sighting),
		open:       make(map[SHA256]OpenIndicator),
		stale:      make(map[SHA256]bool),
		suspect:    make(map[SHA256]bool),
		rehunted:   make(map[SHA256]bool),
		dirty:      make(map[SHA256]bool),
	}
	g.workers.Go(func() { g.batch(ctx) })
	g.intake(ctx, w)
	g.takeUp(ctx)
	g.asked.Wait()
	close(g.fresh)
	g.workers.Wait()
	_ = g.remember(ctx) // mails that came after their file was searched for
	if g.bad > 0 {
		g.problem(Problem{Stage: "intake", Err: &BadRecordsError{Count: g.bad}})
	}
	return g
}

// intake reads the source and hands each file that is new in this run on.
func (g *gatherer) intake(ctx context.Context, w Window) {
	ask := Ask{Window: w, OnLeft: g.leave, OnBad: func(r BadRecord) { g.unreadable(ctx, r) }, OnHole: g.hole, OnRead: g.read, OnCleared: g.cleared}
	for ind, err := range g.h.cfg.Source.Indicators(ctx, ask) {
		if err != nil {
			g.problem(Problem{Stage: "intake", Err: err})
			return
		}
		if ind.SHA256.IsZero() {
			g.problem(Problem{Stage: "intake", Err: errors.New("hunt: the source gave an indicator without a hash")})
			continue
		}
		if g.meet(ind, true) {
			g.expand(ctx, ind)
		}
	}
}

func (g *gatherer) leave(l LeftAlone) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left.add(l)
}

func (g *gatherer) cleared(file SHA256) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspect[file] = true
}

func (g *gatherer) hole(w Window) {
	g.mu.Lock()
	g.holes = append(g.holes, w)
	g.mu.Unlock()
	g.problem(Problem{Stage: "intake", Err: &HoleError{Window: w}})
}

// unreadable has a record kept for a person. What cannot be kept must come again.
func (g *gatherer) unreadable(ctx context.Context, r BadRecord) {
	var err error
	if letters := g.h.cfg.DeadLetters; letters != nil && g.keep {
		ctx, cancel := lasting(ctx)
		defer cancel()
		err = letters.Put(ctx, g.run, r)
	}
	g.mu.Lock()
	g.bad++
	if err != nil {
		g.lost = err
	}
	g.mu.Unlock()
	if err != nil {
		g.problem(Problem{Stage: "intake", Err: fmt.Errorf("a record that could not be read was not kept either: %w", err)})
	}
}

// read makes sure that everything which came so far outlives this process.
func (g *gatherer) read(ctx context.Context, w Window) error {
	g.mu.Lock()
	g.covered = g.covered.with(Window{Start: w.Start.UTC(), End: w.End.UTC()})
	lost := g.lost
	g.mu.Unlock()
	switch {
	case !g.keep:
		return ErrNotKept
	case lost != nil:
		return lost
	}
	return g.remember(ctx)
}

// meet takes an indicator in, and hands it on if it is new in this run. It reports whether it is.
func (g *gatherer) meet(ind Indicator, named bool) bool {
	g.mu.Lock()
	if ind.SHA256 == sha256.Sum256(nil) {
		g.left.add(LeftAlone{File: ind.SHA256.String(), Reason: "the hash is that of every empty file"})
		g.mu.Unlock()
		return false
	}
	known, ok := g.indicators[ind.SHA256]
	news := true
	if ok {
		news = known.add(ind)
	} else {
		g.indicators[ind.SHA256] = &ind
	}
	if named && news {
		g.dirty[ind.SHA256] = true
	}
	if named {
		g.open[ind.SHA256] = OpenIndicator{Since: g.begun}
		delete(g.stale, ind.SHA256)
	}
	search := *g.indicators[ind.SHA256]
	search.Mails = slices.Clone(search.Mails)
	g.mu.Unlock()
	if ok {
		return false
	}
	g.h.observe(g.run, Event{Step: StepIndicator, Name: search.SHA256.String(), Count: 1})
	g.fresh <- search
	return true
}

// expand asks for more files of the same threat, and takes them in.
func (g *gatherer) expand(ctx context.Context, ind Indicator) {
	if g.h.cfg.Expander == nil || !ind.Of.IsZero() {
		return
	}
	select {
	case g.asking <- struct{}{}:
	case <-ctx.Done():
		return
	}
	g.asked.Go(func() {
		defer func() { <-g.asking }()
		more, err := g.h.cfg.Expander.Expand(ctx, ind)
		g.mu.Lock()
		switch o := g.open[ind.SHA256]; {
		case err == nil:
			o.Expanded = g.begun
			g.open[ind.SHA256] = o
		case errors.Is(err, ErrLater):
			g.left.add(LeftAlone{File: ind.SHA256.String(), Reason: "what the file brings along is not known yet: the calls for today are used up"})
		}
		g.mu.Unlock()
		if err != nil && !errors.Is(err, ErrLater) {
			g.problem(Problem{Stage: "forensics", Hashes: []SHA256{ind.SHA256}, Err: err})
		}
		for _, next := range more {
			if next.SHA256.IsZero() || next.SHA256 == ind.SHA256 {
				continue
			}
			next.Of, next.Threat, next.Mails = ind.SHA256, ind.Threat, slices.Clone(ind.Mails)
			for i := range next.Mails {
				next.Mails[i].FileName = ""
			}
			g.meet(next, true)
		}
	})
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

// remember has the backlog keep what it does not have yet. A backlog that fails does not keep the run from searching.
func (g *gatherer) remember(ctx context.Context) error {
	if !g.keep {
		return nil
	}
	g.keeping.Lock()
	defer g.keeping.Unlock()
	g.mu.Lock()
	var news []Indicator
	for hash := range g.dirty {
		ind := *g.indicators[hash]
		ind.Mails = slices.Clone(ind.Mails)
		news = append(news, ind)
	}
	clear(g.dirty)
	g.mu.Unlock()
	if len(news) == 0 {
		return nil
	}
	sortIndicators(news)
	ctx, cancel := lasting(ctx) // also of a run that is being stopped
	defer cancel()
	err := g.h.cfg.Backlog.Keep(ctx, g.run, news...)
	if err != nil {
		g.mu.Lock()
		for _, ind := range news {
			g.dirty[ind.SHA256] = true
		}
		g.mu.Unlock()
		g.problem(Problem{Stage: "ledger", Err: err})
	}
	return err
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
