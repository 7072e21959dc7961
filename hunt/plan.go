package hunt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan is what one run found and the tasks that follow from it, before anything is done.
type Plan struct {
	Run        string      `json:"run"`
	Window     Window      `json:"window"`
	Begun      time.Time   `json:"begun"`
	Indicators []Indicator `json:"indicators"`
	// Sightings are sorted by device, the strongest evidence first.
	Sightings []Sighting `json:"sightings"`
	// Tasks are in the order in which they are done.
	Tasks []Task `json:"tasks"`
	// Problems are what could not be asked. Files named there may be on machines that nobody found.
	Problems []Problem `json:"problems,omitempty"`
	left     leftAlone
	// rest is what the saved plan has as held or failed. It is not done, and not forgotten.
	rest []Outcome
	// refused is what was asked for and is not to be done by this plan.
	refused []Outcome
	// partial means that the tasks are not all that follow from the indicators.
	partial bool
	// saved means that the plan was approved as it is: nothing else is done.
	saved bool
	// by is who wants it done, empty for the hunt itself.
	by string
	// withdrawn are files of earlier runs that are condemned no longer.
	withdrawn []SHA256
	// open is what the backlog says of the files that were taken up from it, and since when the others are open.
	open map[SHA256]OpenIndicator
	// known is what the backlog had before, of all files, and suspect are those whose verdict the source says was taken back.
	known   map[SHA256]OpenIndicator
	suspect map[SHA256]bool
	// seen are the sightings that the backlog is to keep.
	seen map[SHA256][]Sighting
	// resting counts the open files that this run did not search for.
	resting  int
	rehunted []SHA256
	holes    []Window
	bad      int
	// tellOfSecondStage means that files of a second stage are no reason to do more than to tell.
	tellOfSecondStage bool
	// fair knows the verdicts that were asked for already, nil for a plan that was read.
	fair *fairness
}

// Plan asks for what was condemned in the window, or since the last run for the zero window, hunts it, and says what should be done. It changes nothing anywhere. Problems
// are part of the plan: one failed search does not make the others worthless.
func (h *Hunter) Plan(ctx context.Context, w Window) *Plan { return h.plan(ctx, w, false) }

func (h *Hunter) plan(ctx context.Context, w Window, keep bool) *Plan {
	begun := h.cfg.Now().UTC()
	run := h.cfg.NewRunID(begun)
	h.observe(run, Event{Step: StepBegin})
	w = Window{Start: w.Start.UTC(), End: w.End.UTC()}
	g := h.gather(ctx, run, w, keep)
	p := &Plan{Run: run, Window: w, Begun: begun, resting: g.resting, holes: g.holes, bad: g.bad, open: g.open, known: g.known, suspect: g.suspect, fair: g.fair, tellOfSecondStage: !h.cfg.ActOnSecondStage}
	if w.IsZero() {
		p.Window = g.covered
	}
	p.Indicators, p.Sightings = g.result()
	p.seen = g.kept(p.Sightings)
	g.reconsider(ctx, p)
	p.Problems, p.left, p.withdrawn = g.problems, g.left, g.withdrawn
	for _, ind := range p.Indicators {
		if g.rehunted[ind.SHA256] {
			p.rehunted = append(p.rehunted, ind.SHA256)
		}
	}
	weak := newWeakEvidence()
	p.Tasks = h.tasks(p, weak)
	for _, l := range weak.leftAlone() {
		p.left.add(l)
	}
	h.observe(run, Event{Step: StepPlan, Count: len(p.Tasks), Took: h.cfg.Now().Sub(begun)})
	return p
}

// tasks makes the tasks of all actions, but of those whose tasks come of what the guards say.
func (h *Hunter) tasks(p *Plan, weak *weakEvidence) []Task {
	var tasks []Task
	for _, a := range h.cfg.Actions {
		if a.Spec().Scope != ScopeHold {
			tasks = append(tasks, p.tasksFor(a.Spec(), weak)...)
		}
	}
	return tasks
}

// tasksFor makes the tasks of one action, each target once, in the order of the sightings.
func (p *Plan) tasksFor(spec Spec, weak *weakEvidence) []Task {
	index := make(map[string]int)
	var tasks []Task
	at := func(target string) *Task {
		i, ok := index[target]
		if !ok {
			i = len(tasks)
			index[target] = i
			tasks = append(tasks, Task{Action: spec.Name, Scope: spec.Scope, Impact: spec.Impact, Target: target})
		}
		return &tasks[i]
	}
	byHash := make(map[SHA256]Indicator, len(p.Indicators))
	for _, ind := range p.Indicators {
		byHash[ind.SHA256] = ind
		if spec.Scope == ScopeHash && spec.Evidence == None && (spec.Impact == Tells || !p.tellOfSecondStage || ind.Of.IsZero()) {
			at(ind.SHA256.String()).Indicators = []Indicator{ind}
		}
	}
	for _, s := range p.Sightings {
		if s.Evidence < spec.Evidence {
			weak.add(spec, s)
			continue
		}
		if ind := byHash[s.SHA256]; p.tellOfSecondStage && spec.Impact != Tells && !ind.Of.IsZero() {
			p.left.add(LeftAlone{
				File: s.SHA256.String(), Device: s.Device.Name, Process: s.Process.Path,
				Reason: fmt.Sprintf("a file of the second stage is no reason for %s", spec.Name),
			})
			continue
		}
		t := at(targetOf(spec.Scope, s))
		t.Sightings = append(t.Sightings, s)
		if !slices.ContainsFunc(t.Indicators, func(i Indicator) bool { return i.SHA256 == s.SHA256 }) {
			t.Indicators = append(t.Indicators, byHash[s.SHA256])
		}
		weak.enough(spec, s)
	}
	return tasks
}

// weakEvidence collects, for the report, the targets that some action would have had, had the evidence been stronger.
type weakEvidence struct {
	strong map[string]bool
	order  []string
	seen   map[string]*weakTarget
}

type weakTarget struct {
	sighting Sighting
	actions  []string
	keys     []string
}

func newWeakEvidence() *weakEvidence {
	return &weakEvidence{strong: make(map[string]bool), seen: make(map[string]*weakTarget)}
}

func taskKey(spec Spec, s Sighting) string {
	return Task{Action: spec.Name, Scope: spec.Scope, Target: targetOf(spec.Scope, s)}.Key()
}

func (w *weakEvidence) enough(spec Spec, s Sighting) { w.strong[taskKey(spec, s)] = true }

func (w *weakEvidence) add(spec Spec, s Sighting) {
	id := s.Process.GUID + "/" + s.SHA256.String()
	t, ok := w.seen[id]
	if !ok {
		t = &weakTarget{sighting: s}
		w.seen[id] = t
		w.order = append(w.order, id)
	}
	t.actions = append(t.actions, spec.Name)
	t.keys = append(t.keys, taskKey(spec, s))
}

func (w *weakEvidence) leftAlone() []LeftAlone {
	var all []LeftAlone
	for _, id := range w.order {
		t := w.seen[id]
		var lacking []string
		for i, key := range t.keys {
			if !w.strong[key] {
				lacking = append(lacking, t.actions[i])
			}
		}
		if len(lacking) == 0 {
			continue
		}
		s := t.sighting
		all = append(all, LeftAlone{
			File: s.SHA256.String(), Device: s.Device.Name, Process: s.Process.Path,
			Reason: fmt.Sprintf("%s is not enough evidence for %s", s.Evidence, strings.Join(lacking, ", ")),
		})
	}
	return all
}
