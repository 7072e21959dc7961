package hunt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Undo says what to take back: everything of one run, on one device, or about one file. Exactly one of the three is set.
type Undo struct {
	// Run is the id of the run that did it.
	Run string
	// Device is the id of the machine.
	Device int64
	// SHA256 is the file. A task that another file gave reason for too is held.
	SHA256 SHA256
	// DryRun looks and changes nothing.
	DryRun bool
	// By is who wants it, for the audit.
	By string
}

func (u Undo) check() error {
	set := 0
	for _, given := range []bool{u.Run != "", u.Device != 0, !u.SHA256.IsZero()} {
		if given {
			set++
		}
	}
	if set != 1 {
		return errors.New("hunt: undo: exactly one of Run, Device and SHA256 must be given")
	}
	return nil
}

// selects tells whether a record is among what is to be taken back.
func (u Undo) selects(r Record) bool {
	switch {
	case u.Run != "":
		return r.Run == u.Run
	case u.Device != 0:
		d, _ := r.Task.Device()
		return d.ID == u.Device || r.Task.Scope == ScopeDevice && r.Task.Target == strconv.FormatInt(u.Device, 10)
	}
	return slices.ContainsFunc(r.Task.Indicators, func(i Indicator) bool { return i.SHA256 == u.SHA256 })
}

// needed tells whether a file is a reason to leave things as they are.
func (u Undo) needed(hash SHA256) bool { return !u.SHA256.IsZero() && hash != u.SHA256 }

// Undo takes back what earlier runs did, the last action first, and nothing else: what was so before stays so, and so does what
// somebody else has changed since. It needs [Config.Archive], and the actions that did it in [Config.Actions]. Taken back is taken
// back once; what could not be taken back is tried again by the next Undo that selects it.
//
// The report has an outcome for each task that was selected: [Undone], [Already] where nothing is left of it, [Held] where it stays
// for a reason that the outcome tells, [Failed], and [Planned] in a dry run. The report is nil only if u is wrong or there is no archive.
func (h *Hunter) Undo(ctx context.Context, u Undo) (*Report, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	if h.cfg.Archive == nil {
		return nil, errors.New("hunt: undo: Config.Archive is missing: nobody knows what was done")
	}
	begun := h.cfg.Now().UTC()
	r := &Report{Run: h.cfg.NewRunID(begun), Begun: begun, Undo: true, DryRun: u.DryRun}
	h.observe(r.Run, Event{Step: StepBegin})
	x := h.newRun(r, u.By)
	x.recall(ctx, time.Time{})
	x.takeBack(ctx, u.selects, u.needed)
	if !x.torn {
		x.leaveUnderWay(u.selects)
	}
	r.Ended = h.cfg.Now().UTC()
	r.Interrupted = ctx.Err() != nil
	return h.ended(ctx, r)
}

// takeBack undoes the records that are selected, in the reverse order of the actions, and of several on one target the last first. A
// state is left alone as long as another task that stands, or a file that is needed, gives reason for it. Nothing is taken back where
// the archive did not tell of everything that may give reason.
func (x *run) takeBack(ctx context.Context, selected func(Record) bool, needed func(SHA256) bool) {
	if x.torn {
		return
	}
	byAction := make(map[string][]Task)
	rounds := make(map[string][]Record)
	for _, rec := range x.records {
		if !rec.Task.Undo {
			rounds[rec.Task.Base()] = append(rounds[rec.Task.Base()], rec)
		}
	}
	held := make(map[string]string)
	for _, rec := range slices.SortedStableFunc(slices.Values(x.records), func(a, b Record) int { return b.Last.Compare(a.Last) }) {
		if !rec.stands() || !selected(rec) {
			continue
		}
		t := rec.Task
		t.Undo, t.Released = true, false
		if reason := stillNeeded(rec, rounds[rec.Task.Base()], selected, needed); reason != "" {
			held[t.Key()] = reason
		}
		byAction[t.Action] = append(byAction[t.Action], t)
	}
	for _, a := range slices.Backward(x.h.cfg.Actions) {
		name := a.Spec().Name
		blocked := make(map[string]bool)
		for _, layer := range layers(byAction[name]) {
			x.takeBackAll(ctx, layer, held, blocked)
		}
		delete(byAction, name)
	}
	for _, name := range slices.Sorted(maps.Keys(byAction)) {
		for _, t := range byAction[name] {
			x.r.Outcomes = append(x.r.Outcomes, Outcome{Task: t, Status: Held, Detail: fmt.Sprintf("the action %s is not configured, so that nothing can take it back", name)})
		}
	}
}

// layers cuts tasks so that each has a target once: the first task on each, then the second, and so on.
func layers(tasks []Task) [][]Task {
	seen := make(map[string]int)
	var all [][]Task
	for _, t := range tasks {
		i := seen[t.Target]
		seen[t.Target]++
		if i == len(all) {
			all = append(all, nil)
		}
		all[i] = append(all[i], t)
	}
	return all
}

// takeBackAll takes back one task on each target. What was done to a target before stays where that does not succeed: it is covered.
func (x *run) takeBackAll(ctx context.Context, tasks []Task, held map[string]string, blocked map[string]bool) {
	var free []Task
	var stay []Outcome
	for _, t := range tasks {
		reason := held[t.Key()]
		if reason == "" && blocked[t.Target] {
			reason = "stays: what was done to it later is not taken back"
		}
		if reason != "" {
			blocked[t.Target] = true
			stay = append(stay, Outcome{Task: t, Status: Held, Detail: reason})
			continue
		}
		free = append(free, t)
	}
	x.r.Outcomes = append(x.r.Outcomes, stay...)
	if x.r.Undo && !x.dry { // a hunt that takes something back comes to the same end with every run
		x.audit(ctx, stay)
	}
	if len(free) == 0 {
		return
	}
	for _, o := range x.group(ctx, free, verdicts{}, x.known(ctx, free)) {
		blocked[o.Task.Target] = o.Status == Held || o.Status == Failed
		x.r.Outcomes = append(x.r.Outcomes, o)
	}
}

// leaveUnderWay reports what was selected and is not at its end: whether there is something to take back nobody knows yet.
func (x *run) leaveUnderWay(selected func(Record) bool) {
	for _, rec := range x.records {
		if !rec.underWay() || !selected(rec) {
			continue
		}
		t := rec.Task
		t.Undo = true
		x.r.Outcomes = append(x.r.Outcomes, Outcome{
			Task: t, Status: Held, Detail: "not taken back: it is being done at this moment, or its process died over it and the next run finds out",
		})
	}
}

// stillNeeded is why a state stays although what set it is to be taken back, given all rounds on the target.
func stillNeeded(rec Record, rounds []Record, selected func(Record) bool, needed func(SHA256) bool) string {
	if why := files(rec.Task, needed); why != "" {
		return "stays: the task was about " + why + " too"
	}
	if rec.Task.Scope != ScopeDevice {
		return ""
	}
	for _, other := range rounds {
		if other.Task.Key() == rec.Task.Key() || selected(other) && files(other.Task, needed) == "" {
			continue
		}
		// One that found the state so has no part in it, but a reason for it, and so has one that is being done.
		if other.Undone.IsZero() && (other.Status == Done || other.Status == Already || other.Status == "") {
			return "stays: " + files(other.Task, func(SHA256) bool { return true }) + " gives reason for it too (run " + other.Run + ")"
		}
	}
	return ""
}

// files names those of a task's files that fit.
func files(t Task, fits func(SHA256) bool) string {
	var names []string
	for _, ind := range t.Indicators {
		if fits(ind.SHA256) {
			names = append(names, ind.SHA256.String())
		}
	}
	return strings.Join(names, ", ")
}

// undoing is how an action takes something back.
func undoing(a Action) func(context.Context, []Task) []Outcome {
	if u, ok := a.(Undoer); ok {
		return u.Undo
	}
	return func(_ context.Context, tasks []Task) []Outcome {
		outcomes := make([]Outcome, len(tasks))
		for i, t := range tasks {
			outcomes[i] = Outcome{Task: t, Status: Held, Detail: "it cannot be taken back"}
		}
		return outcomes
	}
}
