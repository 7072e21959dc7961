package hunt

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// recall reads what the archive remembers, but for what was done before a time.
func (x *run) recall(ctx context.Context, since time.Time) {
	if x.h.cfg.Archive == nil {
		return
	}
	var records []Record
	for rec, err := range x.h.cfg.Archive.Records(ctx, since) {
		if err != nil {
			x.problem(Problem{Stage: "ledger", Err: err})
			x.torn = true
			break
		}
		// An archive need not leave anything out, and there are many of them.
		if since.IsZero() || !rec.Last.Before(since) || rec.Status != Done && rec.Status != Already && rec.Status != Undone {
			records = append(records, rec)
		}
		if !rec.Undone.IsZero() {
			x.undone[rec.Task.Key()] = rec.Undone
		}
	}
	if !x.torn || x.records == nil { // half of it tells less than what was read before
		x.records = records
	}
}

// since is from when on what was done is asked about again.
func (h *Hunter) since() time.Time {
	if h.cfg.Recheck < 0 {
		return h.cfg.Now()
	}
	return h.cfg.Now().Add(-h.cfg.Recheck)
}

// stands tells whether something was done that is still so, as far as the ledger knows. Where an attempt failed, or was held the next
// time, after the state before had been recorded, it may have come through all the same: the action has to look.
func (r Record) stands() bool {
	if r.Task.Undo || !r.Undone.IsZero() {
		return false
	}
	switch r.Status {
	case Done:
		return r.Task.Impact != Tells || len(r.Task.Before) > 0
	case Already, Failed, Held:
		return len(r.Task.Before) > 0
	default:
		return false // somebody is at it, or the next run finds out
	}
}

// underWay tells whether something is being done, or its process died over it.
func (r Record) underWay() bool { return r.Status == "" && r.Task.Impact != Tells && !r.Task.Undo }

const (
	// stands is after how long a verdict is asked about again because of what was done, a little less than the hour that is promised.
	stands = 55 * time.Minute
	// mostEarly is how many are asked about sooner, so that as long as they are few each run asks about all.
	mostEarly = 8
)

// askedAt is when somebody was asked about a file last, or named it. It is zero where that says nothing: the source has its doubts, or the
// clock was ahead. That a verdict was taken back is not remembered: every run finds it anew, and reports it.
func (p *Plan) askedAt(hash SHA256) (last time.Time) {
	if p.suspect[hash] {
		return last
	}
	for _, o := range []OpenIndicator{p.known[hash], p.open[hash]} {
		for _, at := range []time.Time{o.Since, o.Verified} {
			if at.After(last) && !at.After(p.Begun) {
				last = at
			}
		}
	}
	return last
}

// toRecheck are the files whose verdicts are asked about in this run: all that were not for an hour, and of the others a few, those that
// wait longest.
func (p *Plan) toRecheck(done map[SHA256]*Turned) []SHA256 {
	files := slices.SortedFunc(maps.Keys(done), func(a, b SHA256) int {
		return cmp.Or(p.askedAt(a).Compare(p.askedAt(b)), slices.Compare(a[:], b[:]))
	})
	due := 0
	for due < len(files) && p.Begun.Sub(p.askedAt(files[due])) >= stands {
		due++
	}
	return files[:min(len(files), due+mostEarly)]
}

// turn asks for the verdicts behind what was done lately, reports those that were taken back, and takes back what was done if it may.
func (x *run) turn(ctx context.Context, p *Plan) {
	if x.h.cfg.Verifier == nil || x.h.cfg.Recheck < 0 {
		return
	}
	byFile := x.standing()
	var mu sync.Mutex
	var workers sync.WaitGroup
	slots := make(chan struct{}, questions)
	for _, hash := range p.toRecheck(byFile) {
		turned := byFile[hash]
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			condemned, err := x.fair.ask(ctx, Indicator{SHA256: hash, Threat: turned.Threat})
			switch {
			case err != nil && ctx.Err() == nil:
				x.problem(Problem{Stage: "verdict", Hashes: []SHA256{hash}, Err: err})
			case err == nil && !condemned:
				mu.Lock()
				x.r.Turned = append(x.r.Turned, *turned)
				mu.Unlock()
			case err == nil:
				mu.Lock()
				x.verified[hash] = true
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	slices.SortFunc(x.r.Turned, func(a, b Turned) int { return cmp.Compare(a.SHA256.String(), b.SHA256.String()) })
	if p.saved || !x.h.cfg.AutoUndo || len(x.r.Turned) == 0 {
		return
	}
	if x.recall(ctx, time.Time{}); x.torn { // what was done long ago can give reason for the same
		return
	}
	withdrawn := make(map[SHA256]bool)
	for _, t := range x.r.Turned {
		withdrawn[t.SHA256] = true
	}
	x.takeBack(ctx, func(r Record) bool {
		return slices.ContainsFunc(r.Task.Indicators, func(i Indicator) bool { return withdrawn[i.SHA256] })
	}, func(hash SHA256) bool { return !withdrawn[hash] })
}

// standing files what was done lately, and was not acknowledged, under the files it was about. What merely tells is no reason to ask
// for a verdict with every run: there is a report for every condemned file, seen or not.
func (x *run) standing() map[SHA256]*Turned {
	since := x.h.since()
	byFile := make(map[SHA256]*Turned)
	for _, tells := range []bool{false, true} {
		for _, rec := range x.records {
			if !rec.stands() && !rec.underWay() || rec.Acknowledged || rec.Last.Before(since) || tells != (rec.Task.Impact == Tells) {
				continue
			}
			for _, ind := range rec.Task.Indicators {
				switch turned := byFile[ind.SHA256]; {
				case turned != nil:
					turned.Records = append(turned.Records, rec)
				case !tells:
					byFile[ind.SHA256] = &Turned{SHA256: ind.SHA256, Threat: ind.Threat, Records: []Record{rec}}
				}
			}
		}
	}
	return byFile
}

// sinceTakenBack says of a task that was done before, and is not done again, that nothing is left of it: its file may have been condemned
// anew.
func (x *run) sinceTakenBack(o Outcome) Outcome {
	if at, ok := x.undone[o.Task.Key()]; ok {
		o.Detail += "; taken back since, on " + at.UTC().Format("2006-01-02 15:04:05 UTC") + ": it is not done again for the same finding"
		o.Undone = at.UTC()
	}
	return o
}

// keepFailed keeps the files open of what failed in an earlier run and did not come again in this one: the search may bring it later.
func (x *run) keepFailed() {
	here := make(map[string]bool, len(x.r.Outcomes))
	for _, o := range x.r.Outcomes {
		here[o.Task.Key()] = true
	}
	for _, rec := range x.records {
		if rec.Status != Failed || rec.GivenUp || rec.Task.Undo || !rec.Undone.IsZero() || here[rec.Task.Key()] {
			continue
		}
		x.keepOpen(rec.Task.Indicators)
	}
}

// waiting lists what earlier runs left for a person, as far as this one has not come to another end with it.
func (x *run) waiting() {
	here := make(map[string]bool, len(x.r.Outcomes))
	for _, o := range x.r.Outcomes {
		here[o.Task.Key()] = true
		here[o.Task.Base()] = here[o.Task.Base()] || !o.Task.Undo
	}
	for _, rec := range x.records {
		if rec.Acknowledged || here[rec.Task.Key()] || rec.Task.Undo {
			continue
		}
		if rec.Status == Held || rec.GivenUp {
			x.r.Open = append(x.r.Open, rec)
		}
	}
}
