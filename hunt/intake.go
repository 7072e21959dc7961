package hunt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

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
		g.fair.hear(ind)
		if g.meet(ind, true) && g.toExpand(g.known[ind.SHA256]) {
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
	g.fair.doubt(file)
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
		ind.Seen = nil // that is told by the sightings
		g.indicators[ind.SHA256] = &ind
	}
	if named && news {
		g.dirty[ind.SHA256] = true
	}
	if named {
		o, met := g.open[ind.SHA256]
		if !met {
			o.Expanded = g.known[ind.SHA256].Expanded
		}
		o.Since = g.begun
		g.open[ind.SHA256] = o
		delete(g.stale, ind.SHA256)
	}
	search := *g.indicators[ind.SHA256]
	search.Mails = slices.Clone(search.Mails)
	search.Seen = g.known[ind.SHA256].Seen
	g.mu.Unlock()
	if ok {
		return false
	}
	g.tellAgain(search.Seen)
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
			next.Of, next.Threat, next.Mails = ind.SHA256, ind.Threat, nameless(ind.Mails)
			g.meet(next, true)
		}
	})
}

// nameless are mails as those that brought a file of the second stage, which has no name in them.
func nameless(mails []Mail) []Mail {
	all := slices.Clone(mails)
	for i := range all {
		all[i].FileName = ""
	}
	return all
}

// handDown gives files of the second stage the mails that have brought their attachment since: whoever got those may have them as well, and
// they are hunted for as long.
func (g *gatherer) handDown() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for hash, ind := range g.indicators {
		parent := g.indicators[ind.Of]
		if ind.Of.IsZero() || parent == nil {
			continue
		}
		if ind.add(Indicator{Of: ind.Of, Mails: nameless(parent.Mails)}) {
			g.dirty[hash] = true
			o := g.open[hash]
			o.Since = g.begun
			g.open[hash] = o
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
