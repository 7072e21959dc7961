package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

func (j *job) printStanding(s standing) error {
	if j.json {
		return j.encode(s)
	}
	p := &page{w: j.out, most: 1000}
	var counts []string
	for _, how := range []situation{isHeld, isGivenUp, isFailed, isRunning, isLeft, isNoted, isDone} {
		if n := s.Counts[how]; n > 0 {
			counts = append(counts, fmt.Sprintf("%s: %d", how, n))
		}
	}
	if len(counts) == 0 {
		counts = []string{"no task"}
	}
	p.printf("%s remembers %s.\n", harmless(s.Ledger), strings.Join(counts, ", "))
	for _, part := range []struct {
		how           situation
		title, advice string
	}{
		{isHeld, "Held, a person has to decide", adviceHeld},
		{isGivenUp, "Given up, nobody tries it again", adviceGivenUp},
		{isFailed, "Failed, and tried again", ""},
		{isRunning, "Being done, or left by a program that died", ""},
		{isLeft, "Not taken back; pp2cbc undo tries again", ""},
		{isNoted, "Acknowledged", ""},
		{isDone, "Done", ""},
	} {
		fitting := slices.DeleteFunc(slices.Clone(s.Tasks), func(r hunt.Record) bool { return situationOf(r) != part.how })
		if len(fitting) == 0 {
			continue
		}
		p.printf("\n%s: %d\n", part.title, len(fitting))
		for _, rec := range head(p, fitting) {
			p.remembered(rec, s.Claims, j.now())
		}
		if part.advice != "" {
			p.printf("  "+part.advice+"\n", taskID(fitting[0].Task))
		}
	}
	return p.err
}

// remembered is one task as the ledger knows it.
func (p *page) remembered(r hunt.Record, claims []claim, now time.Time) {
	name := r.Task.Action
	if r.Task.Undo {
		name = "undo " + name
	}
	sent := ""
	if r.Task.Scope == hunt.ScopeHash {
		sent = names(r.Task)
	}
	p.printf("  %s  %-13s %s\n", taskID(r.Task), name, words(target(r.Task), sent))
	line := func(format string, args ...any) { p.printf("            "+format+"\n", args...) }
	if r.Detail != "" {
		line("%s", harmless(r.Detail))
	}
	line("%s", strings.Join(history(r, claims, now), ", "))
	if situationOf(r) == isDone || len(r.Task.Sightings) == 0 {
		return
	}
	line("because %s", because(r.Task, r.Task.Sightings[0]))
	if more := len(r.Task.Sightings) - 1; more > 0 {
		line("and %d more", more)
	}
}

// history tells when a task was tried, how often, and what comes next.
func history(r hunt.Record, claims []claim, now time.Time) []string {
	all := []string{"since " + stamp(r.First)}
	if r.Last.After(r.First) {
		all = append(all, "last "+stamp(r.Last))
	}
	if r.Run != "" {
		all = append(all, "run "+harmless(r.Run))
	}
	if r.Attempts > 0 {
		all = append(all, plural(r.Attempts, "attempt", "attempts"))
	}
	switch situationOf(r) {
	case isFailed:
		all = append(all, "tried again "+next(r))
	case isRunning:
		for _, c := range claims {
			switch {
			case c.Key != r.Task.Key():
			case c.Until.After(now):
				all = append(all, fmt.Sprintf("by %s until %s", harmless(c.Owner), stamp(c.Until)))
			default:
				all = append(all, fmt.Sprintf("left by %s, whose claim ended %s: the next run takes it up", harmless(c.Owner), stamp(c.Until)))
			}
		}
	case isDone:
		if !r.Undone.IsZero() {
			all = append(all, "taken back "+stamp(r.Undone))
		}
	case isHeld, isGivenUp, isLeft, isNoted:
	}
	return all
}

func next(r hunt.Record) string {
	if r.Next.IsZero() {
		return "by the next run"
	}
	return "not before " + stamp(r.Next)
}
