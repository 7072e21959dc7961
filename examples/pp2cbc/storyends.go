package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// idLength is how much of an event id is shown, and the least that has to be typed.
const idLength = 8

// taskID is how a task is called on the command line.
func taskID(t hunt.Task) string { return t.EventID()[:idLength] }

// part is a section of the story: the outcomes that fit.
type part struct {
	title string
	fits  func(hunt.Outcome) bool
	// advice is printed behind the list, with the id of the first in it.
	advice string
	shade  shade
}

const (
	adviceHeld    = "To do one after all: pp2cbc apply --held %[1]s. To leave it at that: pp2cbc status --ack %[1]s." + adviceAll
	adviceGivenUp = "To try one again: pp2cbc apply --held %[1]s. To leave it at that: pp2cbc status --ack %[1]s." + adviceAll
	adviceAll     = "\n  The SHA-256 of a file in place of the id stands for all that waits of it."
)

func (s *story) parts() []part {
	status := func(want hunt.Status) func(hunt.Outcome) bool {
		return func(o hunt.Outcome) bool {
			return o.Status == want && !o.Acknowledged && (want != hunt.Held || !o.Task.Undo)
		}
	}
	again := func(o hunt.Outcome) bool { return o.Status == hunt.Already && !o.Undone.IsZero() }
	stays := func(o hunt.Outcome) bool { return o.Status == hunt.Held && o.Task.Undo }
	failed := func(why error) func(hunt.Outcome) bool {
		return func(o hunt.Outcome) bool {
			waits := errors.Is(o.Err, hunt.ErrGivenUp) || errors.Is(o.Err, hunt.ErrNotDue)
			return o.Status == hunt.Failed && !o.Acknowledged && (why == nil && !waits || why != nil && errors.Is(o.Err, why))
		}
	}
	held := part{"Held, a person has to decide", status(hunt.Held), adviceHeld, waiting}
	next := "Failed, the next run tries again"
	switch {
	case s.r.Undo:
		next = "Failed; the same command tries again"
	case slices.ContainsFunc(s.r.Problems, func(p hunt.Problem) bool { return p.Stage == "guard" && !errors.Is(p.Err, hunt.ErrUndecided) }):
		held = part{"Held, because a guard could not be asked; the next run asks again", status(hunt.Held), "", waiting}
		if s.r.Interrupted {
			held.title = "Not begun, because the run was stopped; the next run takes them up"
		}
	}
	return []part{
		{"Done", status(hunt.Done), "", good},
		{"Taken back", status(hunt.Undone), "", good},
		{"Taken back before, and not done again although the file is condemned: do it by hand if it is to be done", again, "", waiting},
		{"Nothing left to do", func(o hunt.Outcome) bool { return status(hunt.Already)(o) && !again(o) }, "", heading},
		{"Stays, and why", stays, "", waiting},
		held,
		{"Given up, nobody tries it again", failed(hunt.ErrGivenUp), adviceGivenUp, alarming},
		{next, func(o hunt.Outcome) bool { return failed(nil)(o) && !o.Refused }, "", alarming},
		{"Refused, and tried again, but not by every run", func(o hunt.Outcome) bool { return failed(nil)(o) && o.Refused }, "", alarming},
		{"Failed before, and not tried yet again", failed(hunt.ErrNotDue), "", waiting},
	}
}

func (s *story) outcomes(p part) {
	var all []hunt.Outcome
	counted := make(counts)
	total := 0
	for _, o := range s.r.Outcomes {
		if !p.fits(o) {
			continue
		}
		total++
		switch {
		case errors.Is(o.Err, hunt.ErrNotBegun):
			counted.add("not begun", o.Task.Action)
		case !o.Earlier.IsZero() && o.Undone.IsZero():
			counted.add("done before", o.Task.Action)
		case s.brief && o.Status == hunt.Already && o.Undone.IsZero():
			counted.add("so before", o.Task.Action)
		case s.brief && o.Status == hunt.Done && o.Task.Impact == hunt.Tells:
			counted.add("told", o.Task.Action)
		default:
			all = append(all, o)
		}
	}
	if total == 0 {
		return
	}
	s.printf("\n%s: %d\n", s.paint(p.shade, p.title), total)
	for _, word := range slices.Sorted(maps.Keys(counted)) {
		s.printf("  %s: %s\n", word, counted[word])
	}
	groups := byReason(all)
	for _, g := range head(&page{w: s.w, most: max(s.most, 20), err: s.err}, groups) {
		s.group(g, p.advice != "")
	}
	if p.advice != "" && len(all) > 0 {
		s.printf("  "+p.advice+"\n", taskID(groups[0][0].Task))
	}
}

// counts are how many tasks of each action something is said of.
type counts map[string]tally

func (c counts) add(word, action string) {
	if c[word] == nil {
		c[word] = make(tally)
	}
	c[word][action]++
}

type tally map[string]int

func (t tally) String() string {
	var all []string
	for _, action := range slices.Sorted(maps.Keys(t)) {
		all = append(all, fmt.Sprintf("%s %d", action, t[action]))
	}
	return strings.Join(all, ", ")
}

// more is the line in the place of what is not shown.
func (t tally) more() string {
	n := 0
	for _, of := range t {
		n += of
	}
	return fmt.Sprintf("and %d more: %s", n, t)
}

// byReason puts together what has the same to be said about it, in the order of the first of each.
func byReason(all []hunt.Outcome) [][]hunt.Outcome {
	var groups [][]hunt.Outcome
	at := make(map[string]int)
	for _, o := range all {
		i, known := at[o.Detail]
		if !known {
			i = len(groups)
			at[o.Detail] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	return groups
}

// group lists tasks that have the same to be said about them: it is said once.
func (s *story) group(all []hunt.Outcome, withID bool) {
	shown := all[:min(s.most, len(all))]
	for _, o := range shown {
		s.entry(o.Task, "", withID)
	}
	hidden := make(tally)
	for _, o := range all[len(shown):] {
		hidden[o.Task.Action]++
	}
	s.more(hidden, withID)
	s.detail(all[0].Detail, withID)
}

// entry is a task in a list. Its id is shown where it is of use.
func (s *story) entry(t hunt.Task, detail string, withID bool) {
	id := ""
	if withID {
		id = taskID(t) + "  "
	}
	action := t.Action
	if t.Undo && !s.r.Undo {
		action = "undo " + action
	}
	s.printf("  %s%-13s %s\n", id, action, harmless(target(t)))
	s.detail(detail, withID)
}

// more says how many were left out, of which actions.
func (s *story) more(hidden tally, withID bool) {
	if len(hidden) > 0 {
		s.detail(hidden.more(), withID)
	}
}

// detail is what there is to be said about the tasks above it.
func (s *story) detail(text string, withID bool) {
	indent := len("isolate      ") + 5
	if withID {
		indent += idLength + 2
	}
	if text != "" {
		s.printf("%*s%s\n", indent, "", harmless(text))
	}
}

// target names what a task applies to.
func target(t hunt.Task) string {
	if t.Scope == hunt.ScopeHold {
		return fmt.Sprintf("%s about %s", plural(len(t.Held), "task", "tasks"), strings.Split(t.Target, "/")[0])
	}
	d, ok := t.Device()
	switch {
	case !ok:
		return t.Target
	case t.Scope == hunt.ScopeProcess:
		return fmt.Sprintf("%s (%d)  %s", d.Name, d.ID, t.Sightings[0].Process.Path)
	default:
		return fmt.Sprintf("%s (%d)", d.Name, d.ID)
	}
}

// earlier lists what earlier runs left for a person.
func (s *story) earlier() {
	var all []hunt.Record
	for _, rec := range s.r.Open {
		if !rec.Acknowledged {
			all = append(all, rec)
		}
	}
	if len(all) == 0 {
		return
	}
	s.printf("\n%s: %d\n", s.paint(waiting, "Waiting for a person since earlier runs"), len(all))
	for _, rec := range head(&s.page, all) {
		detail := rec.Detail
		if rec.GivenUp {
			detail = fmt.Sprintf("given up after %d attempts: %s", rec.Attempts, detail)
		}
		s.entry(rec.Task, detail+", since "+stamp(rec.First), true)
	}
	s.printf("  "+adviceHeld+"\n", taskID(all[0].Task))
}

// turned comes before everything else: something was done to people's machines that is not founded any more.
func (s *story) turned() {
	if len(s.r.Turned) == 0 {
		return
	}
	s.printf("\n%s: %s not condemned any more, and something was done about that\n", s.paint(alarming, "VERDICT TAKEN BACK"), plural(len(s.r.Turned), "file is", "files are"))
	for _, t := range head(&s.page, s.r.Turned) {
		s.printf("  %s\n", t.SHA256)
		fates := make([]hunt.Outcome, len(t.Records))
		for i, rec := range t.Records {
			fates[i] = hunt.Outcome{Task: rec.Task, Detail: s.fate(rec)}
		}
		for _, g := range byReason(fates) {
			s.group(g, true)
		}
		if turnedOpen(s.r, t) {
			s.printf("  To take it all back: pp2cbc undo --sha256 %s. To leave it at that: pp2cbc status --ack with the ids.\n", t.SHA256)
		}
	}
}

// fate is what became of something that was done about a file that is not condemned any more.
func (s *story) fate(rec hunt.Record) string {
	o, ok := takenBack(s.r, rec)
	switch {
	case !ok:
		return "done " + stamp(rec.Last) + ", and still so"
	case o.Detail != "" && o.Status != hunt.Undone:
		return "done " + stamp(rec.Last) + ", and now: " + string(o.Status) + ", " + o.Detail
	}
	return "done " + stamp(rec.Last) + ", and now: " + string(o.Status)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// takenBack is what became of taking a task back in the same run.
func takenBack(r *hunt.Report, rec hunt.Record) (hunt.Outcome, bool) {
	undo := rec.Task
	undo.Undo = true
	for _, o := range r.Outcomes {
		if o.Task.Undo && o.Task.Key() == undo.Key() {
			return o, true
		}
	}
	return hunt.Outcome{}, false
}

// turnedOpen tells whether anything is left of what was done about a file that is not condemned any more.
func turnedOpen(r *hunt.Report, t hunt.Turned) bool {
	return slices.ContainsFunc(t.Records, func(rec hunt.Record) bool {
		o, ok := takenBack(r, rec)
		return !ok || o.Status != hunt.Undone && o.Status != hunt.Already
	})
}
