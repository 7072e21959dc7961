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
}

const (
	adviceHeld    = "To do one after all: pp2cbc apply --held %[1]s. To leave it at that: pp2cbc status --ack %[1]s."
	adviceGivenUp = "To try one again: pp2cbc apply --held %[1]s. To leave it at that: pp2cbc status --ack %[1]s."
)

func (s *story) parts() []part {
	status := func(want hunt.Status) func(hunt.Outcome) bool {
		return func(o hunt.Outcome) bool {
			return o.Status == want && !o.Acknowledged && (want != hunt.Held || !o.Task.Undo)
		}
	}
	stays := func(o hunt.Outcome) bool { return o.Status == hunt.Held && o.Task.Undo }
	failed := func(why error) func(hunt.Outcome) bool {
		return func(o hunt.Outcome) bool {
			waits := errors.Is(o.Err, hunt.ErrGivenUp) || errors.Is(o.Err, hunt.ErrNotDue)
			return o.Status == hunt.Failed && !o.Acknowledged && (why == nil && !waits || why != nil && errors.Is(o.Err, why))
		}
	}
	held := part{"Held, a person has to decide", status(hunt.Held), adviceHeld}
	again := "Failed, the next run tries again"
	switch {
	case s.r.Undo:
		again = "Failed; the same command tries again"
	case slices.ContainsFunc(s.r.Problems, func(p hunt.Problem) bool { return p.Stage == "guard" }):
		held = part{"Held, because a guard could not be asked; the next run asks again", status(hunt.Held), ""}
	}
	return []part{
		{"Done", status(hunt.Done), ""},
		{"Taken back", status(hunt.Undone), ""},
		{"Nothing left to do", status(hunt.Already), ""},
		{"Stays, and why", stays, ""},
		held,
		{"Given up, nobody tries it again", failed(hunt.ErrGivenUp), adviceGivenUp},
		{again, func(o hunt.Outcome) bool { return failed(nil)(o) && !o.Refused }, ""},
		{"Refused, and tried again, but not by every run", func(o hunt.Outcome) bool { return failed(nil)(o) && o.Refused }, ""},
		{"Failed before, and not tried yet again", failed(hunt.ErrNotDue), ""},
	}
}

func (s *story) outcomes(p part) {
	var all []hunt.Outcome
	counted := make(map[string]int)
	total := 0
	for _, o := range s.r.Outcomes {
		if !p.fits(o) {
			continue
		}
		total++
		switch {
		case errors.Is(o.Err, hunt.ErrNotBegun):
			counted[o.Task.Action+"\x00 not begun"]++
		case s.brief && (o.Status == hunt.Already || o.Status == hunt.Done && o.Task.Impact == hunt.Tells):
			counted[o.Task.Action+"\x00"]++
		default:
			all = append(all, o)
		}
	}
	if total == 0 {
		return
	}
	s.printf("\n%s: %d\n", p.title, total)
	for _, kind := range slices.Sorted(maps.Keys(counted)) {
		action, words, _ := strings.Cut(kind, "\x00")
		s.printf("  %-13s %d%s\n", action, counted[kind], words)
	}
	for _, o := range head(&s.page, all) {
		s.entry(o.Task, o.Detail, p.advice != "")
	}
	if p.advice != "" && len(all) > 0 {
		s.printf("  "+p.advice+"\n", taskID(all[0].Task))
	}
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
	s.printf("  %s%-13s %s", id, action, harmless(target(t)))
	if detail != "" {
		s.printf("\n  %*s%-13s   %s", len(id), "", "", harmless(detail))
	}
	s.printf("\n")
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
	s.printf("\nWaiting for a person since earlier runs: %d\n", len(all))
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
	s.printf("\nVERDICT TAKEN BACK: %s not condemned any more, and something was done about that\n", plural(len(s.r.Turned), "file is", "files are"))
	for _, t := range head(&s.page, s.r.Turned) {
		s.printf("  %s\n", t.SHA256)
		for _, rec := range head(&s.page, t.Records) {
			fate := "done " + stamp(rec.Last) + ", and still so"
			if o, ok := takenBack(s.r, rec); ok {
				fate = "done " + stamp(rec.Last) + ", and now: " + string(o.Status)
				if o.Detail != "" && o.Status != hunt.Undone {
					fate += ", " + o.Detail
				}
			}
			s.entry(rec.Task, fate, true)
		}
		if turnedOpen(s.r, t) {
			s.printf("  To take it all back: pp2cbc undo --sha256 %s. To leave it at that: pp2cbc status --ack with the ids.\n", t.SHA256)
		}
	}
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
