package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// statusOptions are the flags of the subcommand status.
type statusOptions struct {
	common
	all, verify bool
	ack         []string
	// heads are notes of the audit log's end, to hold against it.
	heads []audit.Head
}

func parseStatusFlags(args []string) (statusOptions, error) {
	var o statusOptions
	acks := false
	fs := newFlags(&o.common)
	fs.BoolVar(&o.all, "all", false, "")
	fs.BoolVar(&o.verify, "verify-audit", false, "")
	fs.Func("audit-head", "", func(text string) error {
		h, err := audit.ParseHead(text)
		o.heads = append(o.heads, h)
		return err
	})
	fs.Func("ack", "", func(id string) error {
		acks = true
		o.ack = append(o.ack, list(id)...)
		return nil
	})
	rest, err := o.parse(fs, args)
	switch {
	case err != nil || o.help:
		return o, err
	case !acks && len(rest) > 0:
		return o, fmt.Errorf("unexpected argument %q", rest[0])
	case acks && (o.verify || o.all):
		return o, errors.New("--ack goes with neither --all nor --verify-audit")
	case len(o.heads) > 0 && !o.verify:
		return o, errors.New("--audit-head is for --verify-audit")
	}
	o.ack = append(o.ack, rest...)
	return o, nil
}

// status tells what waits for a person, what failed, and what is being done. It asks no service, and changes nothing without --ack.
func (p program) status(ctx context.Context, args []string) int {
	o, err := parseStatusFlags(args)
	if err != nil {
		p.complain("%v; see --help", err)
		return exitUsage
	}
	if o.help {
		fmt.Fprint(p.out, usage)
		return exitDone
	}
	j, end, err := p.begin(o.common)
	if err != nil {
		return p.refuse(err)
	}
	defer end()
	if o.verify {
		return j.verifyAudit(ctx, o.heads)
	}
	l, all, end, err := j.records(ctx)
	if err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	defer end()
	if len(o.ack) > 0 {
		if code := j.acknowledge(ctx, l, all, o.ack); code != exitDone {
			return code
		}
		if all, err = l.all(ctx); err != nil {
			j.complain("%v", err)
			return exitFailed
		}
	}
	s := standing{Ledger: j.cfg.ledger, Counts: make(map[situation]int)}
	if err := s.add(ctx, l, all, o.all); err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	if err := j.printStanding(s); err != nil {
		j.complain("the status could not be written: %v", err)
		return exitFailed
	}
	switch {
	case s.Counts[isGivenUp] > 0:
		return exitFailed
	case s.Counts[isHeld] > 0:
		return exitHeld
	}
	return exitDone
}

// standing is what the ledger remembers, as status tells it.
type standing struct {
	Ledger string
	Counts map[situation]int
	// Tasks are those that are asked for, in the order of their keys.
	Tasks []hunt.Record
	// Claims tell who does what is being done.
	Claims []claim
}

// MarshalJSON writes the words of the counts without spaces.
func (s standing) MarshalJSON() ([]byte, error) {
	counts := make(map[string]int, len(s.Counts))
	for how, n := range s.Counts {
		counts[strings.ReplaceAll(string(how), " ", "_")] = n
	}
	return json.Marshal(struct {
		Ledger string         `json:"ledger"`
		Counts map[string]int `json:"counts"`
		Tasks  []hunt.Record  `json:"tasks"`
		Claims []claim        `json:"claims,omitempty"`
	}{s.Ledger, counts, s.Tasks, s.Claims})
}

type claim struct {
	Key   string    `json:"key"`
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

func (s *standing) add(ctx context.Context, l *ledger, all []hunt.Record, everything bool) error {
	s.Tasks = []hunt.Record{}
	var running []dedupe.Key
	for _, rec := range all {
		how := situationOf(rec)
		s.Counts[how]++
		if how == isRunning {
			running = append(running, dedupe.Key(rec.Task.Key()))
		}
		if everything || how != isDone && how != isNoted {
			s.Tasks = append(s.Tasks, rec)
		}
	}
	if len(running) == 0 {
		return nil
	}
	records, err := l.store.Lookup(ctx, running...)
	for _, r := range records {
		if r.State == dedupe.Claimed {
			s.Claims = append(s.Claims, claim{Key: string(r.Key), Owner: r.Owner, Until: r.Until})
		}
	}
	return err
}

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
	times := "since " + stamp(r.First)
	if r.Last.After(r.First) {
		times += ", last " + stamp(r.Last)
	}
	if r.Run != "" {
		times += ", run " + harmless(r.Run)
	}
	if r.Attempts > 0 {
		times += ", " + plural(r.Attempts, "attempt", "attempts")
	}
	switch situationOf(r) {
	case isFailed:
		times += ", tried again " + next(r)
	case isRunning:
		for _, c := range claims {
			switch {
			case c.Key != r.Task.Key():
			case c.Until.After(now):
				times += fmt.Sprintf(", by %s until %s", harmless(c.Owner), stamp(c.Until))
			default:
				times += fmt.Sprintf(", left by %s, whose claim ended %s: the next run takes it up", harmless(c.Owner), stamp(c.Until))
			}
		}
	case isDone:
		if !r.Undone.IsZero() {
			times += ", taken back " + stamp(r.Undone)
		}
	case isHeld, isGivenUp, isLeft, isNoted:
	}
	line("%s", times)
	if situationOf(r) == isDone || len(r.Task.Sightings) == 0 {
		return
	}
	line("because %s", because(r.Task, r.Task.Sightings[0]))
	if more := len(r.Task.Sightings) - 1; more > 0 {
		line("and %d more", more)
	}
}

func next(r hunt.Record) string {
	if r.Next.IsZero() {
		return "by the next run"
	}
	return "not before " + stamp(r.Next)
}
