package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// lifeEvery is how often a run that takes long says so where there is no terminal.
const lifeEvery = 30 * time.Second

// progress tells on standard error how far a run is: on a terminal in one line that changes and goes away at the end, elsewhere with a line
// now and then. That of nobody tells nothing.
type progress struct {
	now func() time.Time

	mu sync.Mutex
	// stage is what the run is at, first what it begins with, and the rest what it has brought so far.
	stage, first                                     string
	files, sightings, planned, ended, held, problems int
	// waiting is until when each service asked not to be called, and why.
	waiting map[string]wait
	quota   *proofpoint.Quota

	lines *mpb.Progress
	bar   *mpb.Bar
	stop  chan struct{}
	said  sync.WaitGroup
}

type wait struct {
	until  time.Time
	status int
}

// newProgress begins to tell w. A terminal can do more than append.
func newProgress(w io.Writer, terminal bool, first string, now func() time.Time) *progress {
	p := &progress{now: now, stage: "starting", first: first, waiting: make(map[string]wait), stop: make(chan struct{})}
	if !terminal {
		p.said.Go(func() { p.sayNowAndThen(w) })
		return p
	}
	p.lines = mpb.New(mpb.WithOutput(terminalOf(w)), mpb.ForceTTY())
	p.bar = p.lines.New(0, mpb.NopStyle(), mpb.BarFillerTrim(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Spinner(nil), decor.Any(func(decor.Statistics) string { return " " + p.text() })))
	return p
}

// sayNowAndThen is for logs and for whoever reads what a job in the background writes: a run that is quick says nothing.
func (p *progress) sayNowAndThen(w io.Writer) {
	ticker := time.NewTicker(lifeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			fmt.Fprintf(w, "pp2cbc: %s\n", p.text())
		}
	}
}

// above is a writer for what is to be read while the line changes below it.
func (p *progress) above(w io.Writer) io.Writer {
	if p == nil || p.lines == nil {
		return w
	}
	return aboveLine{p.lines, w}
}

type aboveLine struct {
	lines *mpb.Progress
	w     io.Writer
}

func (a aboveLine) Write(b []byte) (int, error) {
	if n, err := a.lines.Write(b); err == nil {
		return n, nil
	}
	return a.w.Write(b) // the line has gone
}

// end takes the line away. It can be called again.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	p.mu.Unlock()
	p.said.Wait()
	if p.bar != nil {
		p.bar.Abort(true)
		p.lines.Wait()
	}
}

// observe notes a step of the run.
func (p *progress) observe(e hunt.Event) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Step {
	case hunt.StepBegin:
		p.stage = p.first
	case hunt.StepIntake:
		p.stage, p.files = "searching", e.Count
	case hunt.StepIndicator:
		p.files++
	case hunt.StepSearch:
		p.sightings += e.Count
	case hunt.StepPlan:
		p.stage, p.planned = "checking", e.Count
	case hunt.StepGuard:
		p.held += e.Count
	case hunt.StepAction:
		p.stage, p.ended = "acting", p.ended+e.Count
	case hunt.StepProblem:
		p.problems++
	case hunt.StepEnd:
		p.stage = "ending"
	case hunt.StepVerdict:
	}
}

// called notes an attempt of a call: a service that asks for patience, or one that answers again.
func (p *progress) called(service string, a attempt) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.retryAfter > 0 && a.failure == "" {
		p.waiting[service] = wait{p.now().Add(a.retryAfter), a.status}
	} else if a.status/100 == 2 {
		delete(p.waiting, service)
	}
}

// counts tells which quota counts the calls to TAP.
func (p *progress) counts(q *proofpoint.Quota) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quota = q
}

// text is how far the run is.
func (p *progress) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := []string{p.stage}
	if p.files > 0 {
		parts = append(parts, plural(p.files, "file", "files")+", "+plural(p.sightings, "sighting", "sightings"))
	}
	if p.planned > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", p.ended, plural(p.planned, "task", "tasks")))
	}
	if p.held > 0 {
		parts = append(parts, fmt.Sprintf("%d held", p.held))
	}
	if p.problems > 0 {
		parts = append(parts, plural(p.problems, "problem", "problems"))
	}
	if left, ok := p.left(); ok {
		parts = append(parts, fmt.Sprintf("TAP allows %d calls more", left))
	}
	for _, service := range slices.Sorted(maps.Keys(p.waiting)) {
		if w := p.waiting[service]; w.until.After(p.now()) {
			parts = append(parts, fmt.Sprintf("%s says %d: waiting until %s UTC", strings.ToUpper(service), w.status, w.until.UTC().Format(time.TimeOnly)))
		}
	}
	return strings.Join(parts, "; ")
}

// left is how many calls for mails TAP allows still.
func (p *progress) left() (int, bool) {
	if p.quota == nil {
		return 0, false
	}
	for _, u := range p.quota.Usage(p.now()) {
		if u.Bucket == proofpoint.BucketSIEM && u.Limit != proofpoint.NoLimit {
			return u.Left(), true
		}
	}
	return 0, false
}
