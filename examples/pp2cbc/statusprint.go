package main

import (
	"cmp"
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
	p := j.page(cmp.Or(j.most, 40))
	if s.everything {
		p.most = len(s.Tasks)
	}
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
		shade         shade
	}{
		{isHeld, "Held, a person has to decide", adviceHeld, waiting},
		{isGivenUp, "Given up, nobody tries it again", adviceGivenUp, alarming},
		{isFailed, "Failed, and tried again", "", alarming},
		{isRunning, "Being done, or left by a program that died", "", waiting},
		{isLeft, "Not taken back; pp2cbc undo tries again", "", alarming},
		{isNoted, "Acknowledged", "", heading},
		{isDone, "Done", "", good},
	} {
		fitting := slices.DeleteFunc(slices.Clone(s.Tasks), func(r hunt.Record) bool { return situationOf(r) != part.how })
		if len(fitting) == 0 {
			continue
		}
		p.printf("\n%s: %d\n", p.paint(part.shade, part.title), len(fitting))
		for _, group := range s.groups(fitting, j.now()) {
			p.remembered(group, s.Claims, j.now())
		}
		if part.advice != "" {
			p.printf("  "+part.advice+"\n", taskID(fitting[0].Task))
		}
	}
	p.hunted(s)
	return p.err
}

// groups puts together what has the same to be said about it, in the order of the first of each.
func (s standing) groups(all []hunt.Record, now time.Time) [][]hunt.Record {
	var groups [][]hunt.Record
	at := make(map[string]int)
	for _, r := range all {
		said := []string{r.Run, r.Detail}
		if situationOf(r) != isHeld { // those of one run are held within seconds
			said = append(said, history(r, s.Claims, now)...)
		}
		if len(r.Task.Sightings) > 0 {
			said = append(said, r.Task.Sightings[0].SHA256.String())
		}
		key := strings.Join(said, "\x00")
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// remembered are tasks as the ledger knows them, about which there is the same to be said.
func (p *page) remembered(group []hunt.Record, claims []claim, now time.Time) {
	sightings := 0
	for _, r := range group {
		sightings += len(r.Task.Sightings)
	}
	shown := group[:min(p.most, len(group))]
	for _, r := range shown {
		name := r.Task.Action
		if r.Task.Undo {
			name = "undo " + name
		}
		sent := ""
		if r.Task.Scope == hunt.ScopeHash {
			sent = names(r.Task)
		}
		p.printf("  %s  %-13s %s\n", taskID(r.Task), name, words(target(r.Task), sent))
	}
	if len(shown) < len(group) {
		hidden := make(tally)
		for _, r := range group[len(shown):] {
			hidden[r.Task.Action]++
		}
		p.printf("            %s\n", hidden.more())
	}
	r := group[0]
	line := func(format string, args ...any) { p.printf("            "+format+"\n", args...) }
	if r.Detail != "" {
		line("%s", harmless(r.Detail))
	}
	line("%s", strings.Join(history(r, claims, now), ", "))
	if situationOf(r) == isDone || len(r.Task.Sightings) == 0 {
		return
	}
	line("because %s", evidence(r.Task.Sightings[0]))
	if more := sightings - 1; more > 0 {
		line("and %s more", plural(more, "sighting", "sightings"))
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
