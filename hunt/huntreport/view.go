package huntreport

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// view is a report as it is shown to people. Its strings may come from strangers: they are plain, and still to be escaped.
type view struct {
	Title, Run, Span string
	Stopped          bool
	Tiles            []tile
	Problems         list[string]
	// Turned, Waiting and Rest are groups of tasks; the first two are for a person.
	Turned, Waiting, Rest []group
	Advice                string
	Chains                list[chain]
	// Quiet counts the files that were searched for again and seen nowhere.
	Quiet int
	Left  []tile
}

// tile is a word with a number.
type tile struct {
	Label string
	N     int
	Class string
}

// list is the beginning of a list, and how much was left out of it.
type list[T any] struct {
	Items []T
	More  int
}

func shorten[T any](all []T, most int) list[T] {
	n := min(len(all), most)
	return list[T]{all[:n], len(all) - n}
}

// group are tasks that stand alike.
type group struct {
	Title, Class string
	N            int
	Rows         list[row]
}

// row is a task.
type row struct{ ID, Action, Target, Detail, Files string }

// chain is the way of one file: the mails that brought it, the machines on which it was seen, and what was done.
type chain struct {
	SHA256, Name, Verdict, Of, Comment, URL, State string
	Mails                                          list[mail]
	Machines                                       list[machine]
	// Done are the tasks about the file itself.
	Done []chip
	// Unseen are those who received it and have no sighting yet.
	Unseen list[string]
	// urgency orders the files: what waits for a person comes first.
	urgency int
}

type mail struct{ Subject, Sender, To, When, Fate string }

type machine struct {
	Name, Evidence, Users string
	Paths                 list[string]
	Done                  []chip
}

// chip is a task in short.
type chip struct{ Action, Status, Class, Detail string }

func newView(r *hunt.Report, o Options) *view {
	v := &view{Title: plain(o.Title), Run: r.Run, Span: span(r), Stopped: r.Interrupted, Advice: o.Advice}
	if v.Title == "" {
		v.Title = titleOf(r)
	}
	problems := make([]string, len(r.Problems))
	for i, p := range r.Problems {
		problems[i] = plain(stageName(p) + ": " + o.Explain(p.Err))
	}
	v.Problems = shorten(problems, o.Most)
	v.groups(r, o.Most)
	v.chains(r, o.Most)
	v.tiles(r)
	for _, reason := range slices.Sorted(maps.Keys(r.LeftAloneTotal)) {
		v.Left = append(v.Left, tile{Label: plain(reason), N: r.LeftAloneTotal[reason]})
	}
	return v
}

func titleOf(r *hunt.Report) string {
	switch {
	case r.DryRun:
		return "Dry run"
	case r.Undo:
		return "Taking back"
	}
	return "Hunt"
}

func span(r *hunt.Report) string {
	text := "from " + stamp(r.Begun) + " to " + stamp(r.Ended)
	if !r.Window.End.IsZero() {
		text += "; verdicts from " + stamp(r.Window.Start) + " to " + stamp(r.Window.End)
	}
	return text + " (UTC)"
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func stageName(p hunt.Problem) string {
	if n := len(p.Hashes); n > 0 {
		return fmt.Sprintf("%s of %d files", p.Stage, n)
	}
	return p.Stage
}

func (v *view) tiles(r *hunt.Report) {
	mails, people, machines := 0, make(map[string]bool), make(map[int64]bool)
	for _, ind := range r.Indicators {
		mails += len(ind.Mails)
		for _, a := range ind.Recipients() {
			people[strings.ToLower(a)] = true
		}
	}
	for _, s := range r.Sightings {
		machines[s.Device.ID] = true
	}
	v.Tiles = []tile{
		{"condemned files", len(r.Indicators), ""}, {"mails", mails, ""}, {"recipients", len(people), ""}, {"machines", len(machines), ""},
	}
	failed := r.Count(hunt.Failed)
	for _, rec := range r.Open {
		if rec.GivenUp {
			failed++
		}
	}
	for _, t := range []tile{
		{"held", r.Held(), "held"},
		{"failed", failed, "failed"},
		{"could not be asked", len(r.Problems), "failed"},
		{"verdicts taken back", len(r.Turned), "failed"},
		{"done", r.Count(hunt.Done), "done"},
		{"planned", r.Count(hunt.Planned), "planned"},
		{"taken back", r.Count(hunt.Undone), "undone"},
		{"nothing left to do", r.Count(hunt.Already), "already"},
	} {
		if t.N > 0 {
			v.Tiles = append(v.Tiles, t)
		}
	}
}

// sorts are the groups of outcomes, in the order of the report; what waits for a person comes first.
func sorts() []struct {
	title, class string
	waits        bool
	fits         func(hunt.Outcome) bool
} {
	is := func(s hunt.Status) func(hunt.Outcome) bool {
		return func(o hunt.Outcome) bool { return o.Status == s && !o.Acknowledged }
	}
	failed := is(hunt.Failed)
	return []struct {
		title, class string
		waits        bool
		fits         func(hunt.Outcome) bool
	}{
		{"Held: a person has to decide", "held", true, func(o hunt.Outcome) bool { return is(hunt.Held)(o) && !o.Task.Undo }},
		{"Given up: nobody tries it again", "failed", true, func(o hunt.Outcome) bool { return failed(o) && errors.Is(o.Err, hunt.ErrGivenUp) }},
		{"Failed: it is tried again", "failed", true, func(o hunt.Outcome) bool {
			return failed(o) && !errors.Is(o.Err, hunt.ErrGivenUp) && !errors.Is(o.Err, hunt.ErrNotBegun)
		}},
		{"Not begun: the next run takes it up", "failed", true, func(o hunt.Outcome) bool { return failed(o) && errors.Is(o.Err, hunt.ErrNotBegun) }},
		{"Stays", "held", true, func(o hunt.Outcome) bool { return is(hunt.Held)(o) && o.Task.Undo }},
		{"Would be done", "planned", false, is(hunt.Planned)},
		{"Done", "done", false, is(hunt.Done)},
		{"Taken back", "undone", false, is(hunt.Undone)},
		{"Nothing left to do", "already", false, is(hunt.Already)},
		{"Acknowledged by a person", "already", false, func(o hunt.Outcome) bool { return o.Acknowledged }},
	}
}

func (v *view) groups(r *hunt.Report, most int) {
	for _, t := range r.Turned {
		var rows []row
		for _, rec := range t.Records {
			rows = append(rows, rowOf(rec.Task, "done "+stamp(rec.Last)))
		}
		v.Turned = append(v.Turned, group{t.SHA256.String(), "failed", len(rows), shorten(rows, most)})
	}
	for _, sort := range sorts() {
		var rows []row
		for _, o := range r.Outcomes {
			if sort.fits(o) {
				rows = append(rows, rowOf(o.Task, o.Detail))
			}
		}
		if len(rows) == 0 {
			continue
		}
		g := group{sort.title, sort.class, len(rows), shorten(rows, most)}
		if sort.waits {
			v.Waiting = append(v.Waiting, g)
		} else {
			v.Rest = append(v.Rest, g)
		}
	}
	var rows []row
	for _, rec := range r.Open {
		if !rec.Acknowledged {
			rows = append(rows, rowOf(rec.Task, rec.Detail+", since "+stamp(rec.First)))
		}
	}
	if len(rows) > 0 {
		v.Waiting = append(v.Waiting, group{"Waiting for a person since earlier runs", "held", len(rows), shorten(rows, most)})
	}
}

// idLength is how much of an event id is shown.
const idLength = 8

func rowOf(t hunt.Task, detail string) row {
	action := t.Action
	if t.Undo {
		action = "undo " + action
	}
	var files []string
	for _, ind := range t.Indicators {
		files = append(files, nameOf(ind))
	}
	return row{t.EventID()[:idLength], action, plain(targetOf(t)), plain(detail), plain(strings.Join(files, ", "))}
}

func targetOf(t hunt.Task) string {
	d, ok := t.Device()
	switch {
	case t.Scope == hunt.ScopeHold:
		return fmt.Sprintf("%d held tasks", len(t.Held))
	case !ok:
		return t.Target
	case t.Scope == hunt.ScopeProcess:
		return fmt.Sprintf("%s (%d): %s", d.Name, d.ID, t.Sightings[0].Process.Path)
	}
	return fmt.Sprintf("%s (%d)", d.Name, d.ID)
}

func nameOf(ind hunt.Indicator) string {
	if names := ind.Files(); len(names) > 0 {
		return names[0]
	}
	return ind.SHA256.String()[:12] + "…"
}

func (v *view) chains(r *hunt.Report, most int) {
	byFile := make(map[hunt.SHA256][]hunt.Outcome)
	for _, o := range r.Outcomes {
		for _, ind := range o.Task.Indicators {
			byFile[ind.SHA256] = append(byFile[ind.SHA256], o)
		}
	}
	again := make(map[hunt.SHA256]bool)
	for _, hash := range r.Rehunted {
		again[hash] = true
	}
	exposures := r.Exposures()
	var all []chain
	for i, ind := range r.Indicators {
		e := exposures[i]
		if again[ind.SHA256] && len(e.Devices) == 0 && e.Complete && len(byFile[ind.SHA256]) == 0 {
			v.Quiet++
			continue
		}
		all = append(all, newChain(ind, e, byFile[ind.SHA256], most))
	}
	slices.SortStableFunc(all, func(a, b chain) int { return cmp.Compare(b.urgency, a.urgency) })
	v.Chains = shorten(all, most)
}

func newChain(ind hunt.Indicator, e hunt.Exposure, outcomes []hunt.Outcome, most int) chain {
	t := ind.Threat
	c := chain{
		SHA256: ind.SHA256.String(), Name: plain(strings.Join(ind.Files(), ", ")), Comment: plain(t.Comment), State: stateOf(e),
		Verdict: plain(strings.Join(slices.DeleteFunc([]string{t.Status, t.Classification}, func(s string) bool { return s == "" }), ", ")),
	}
	if strings.HasPrefix(t.URL, "https://") {
		c.URL = t.URL
	}
	if !ind.Of.IsZero() {
		c.Of = ind.Of.String()
	}
	mails := make([]mail, len(ind.Mails))
	for i, m := range ind.Mails {
		fate := "delivered"
		if !m.Delivered {
			fate = "blocked"
		}
		mails[i] = mail{plain(cmp.Or(m.Subject, "without a subject")), plain(m.Sender), plain(strings.Join(m.Recipients, ", ")), stamp(m.Time), fate}
	}
	c.Mails = shorten(mails, min(most, 20))
	byDevice := make(map[int64][]chip)
	for _, o := range outcomes {
		chip := chipOf(o)
		if chip.Class == "held" || chip.Class == "failed" {
			c.urgency = 2
		}
		if d, ok := o.Task.Device(); ok {
			byDevice[d.ID] = append(byDevice[d.ID], chip)
		} else {
			c.Done = append(c.Done, chip)
		}
	}
	if c.urgency == 0 && len(e.Devices) > 0 {
		c.urgency = 1
	}
	machines := make([]machine, len(e.Devices))
	for i, d := range e.Devices {
		paths := make([]string, len(d.Paths))
		for j, p := range d.Paths {
			paths[j] = plain(p)
		}
		machines[i] = machine{
			plain(fmt.Sprintf("%s (%d)", d.Device.Name, d.Device.ID)), d.Evidence.String(), plain(strings.Join(d.Users, ", ")),
			shorten(paths, 5), byDevice[d.Device.ID],
		}
	}
	c.Machines = shorten(machines, most)
	var unseen []string
	for _, p := range e.Recipients {
		if p.Delivered && p.Seen == hunt.None {
			unseen = append(unseen, plain(p.Address))
		}
	}
	c.Unseen = shorten(unseen, min(most, 50))
	return c
}

func stateOf(e hunt.Exposure) string {
	text := "seen nowhere yet"
	switch n := len(e.Devices); {
	case n == 1:
		text = "seen on 1 machine"
	case n > 1:
		text = fmt.Sprintf("seen on %d machines", n)
	}
	if !e.Complete {
		text += ", NOT SEARCHED FOR COMPLETELY"
	}
	if !e.Until.IsZero() {
		text += ", hunted until " + stamp(e.Until)
	}
	return text
}

func chipOf(o hunt.Outcome) chip {
	action := o.Task.Action
	if o.Task.Undo {
		action = "undo " + action
	}
	class := string(o.Status)
	if o.Acknowledged {
		class = "already"
	}
	return chip{action, string(o.Status), class, plain(o.Detail)}
}
