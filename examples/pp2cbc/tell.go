package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// tell says on standard error what could not be asked or done, each cause once. Which machines and files it was stands in the report.
func (p program) tell(r *hunt.Report, err error) {
	c := causes{count: make(map[string]map[string]int)}
	for _, problem := range r.Problems {
		c.add(stageName(problem.Stage), problem.Err, "")
	}
	for _, o := range r.Outcomes {
		if o.Status == hunt.Failed && !o.Acknowledged {
			c.add(o.Task.Action, o.Err, o.Detail)
		}
	}
	for _, rec := range r.Open {
		if rec.GivenUp {
			c.add(rec.Task.Action, hunt.ErrGivenUp, "")
		}
	}
	if r.Err() == nil {
		for _, e := range flatten(err) {
			c.add("", e, "")
		}
	}
	const most = 20
	for _, text := range c.order[:min(most, len(c.order))] {
		p.complain("%s%s", text, c.who(text))
	}
	if more := len(c.order) - most; more > 0 {
		p.complain("and %d other causes, see the report", more)
	}
	if r.Interrupted {
		p.complain("stopped: %d tasks done, %d not begun or not finished; the next run takes them up", r.Count(hunt.Done), r.Count(hunt.Failed))
	}
}

// causes are what went wrong, and how often, by what met with it.
type causes struct {
	order []string
	count map[string]map[string]int
}

// add counts a cause. That somebody stopped the program is none.
func (c *causes) add(what string, err error, detail string) {
	if err == nil && detail == "" || errors.Is(err, context.Canceled) || errors.Is(err, hunt.ErrNotBegun) && !hasCause(err) {
		return
	}
	text := detail
	if err != nil {
		text = explain(err)
	}
	if c.count[text] == nil {
		c.order = append(c.order, text)
		c.count[text] = make(map[string]int)
	}
	c.count[text][what]++
}

// hasCause tells whether what was not begun says why. That an earlier step failed, or that the program was stopped, is told elsewhere.
func hasCause(err error) bool {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		next := errors.Unwrap(err)
		return next != nil && hasCause(next)
	}
	return slices.ContainsFunc(several.Unwrap(), func(e error) bool { return !errors.Is(e, hunt.ErrNotBegun) })
}

// who says what met with a cause.
func (c *causes) who(text string) string {
	var all []string
	for what, n := range c.count[text] {
		switch {
		case what == "":
		case n == 1:
			all = append(all, what)
		default:
			all = append(all, fmt.Sprintf("%s: %d times", what, n))
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortFunc(all, cmp.Compare)
	return " (" + strings.Join(all, ", ") + ")"
}
