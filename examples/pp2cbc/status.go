package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	if !o.verify {
		return p.remembering(ctx, o.common, func(j *job, l *ledger, all []hunt.Record) int { return j.showStatus(ctx, o, l, all) })
	}
	j, end, err := p.begin(o.common)
	if err != nil {
		return p.refuse(err)
	}
	defer end()
	return j.verifyAudit(ctx, o.heads)
}

func (j *job) showStatus(ctx context.Context, o statusOptions, l *ledger, all []hunt.Record) int {
	if len(o.ack) > 0 {
		if code := j.acknowledge(ctx, l, all, o.ack); code != exitDone {
			return code
		}
		var err error
		if all, err = l.all(ctx); err != nil {
			j.complain("%v", err)
			return exitFailed
		}
	}
	s := standing{until: j.cfg.hunt.rehunt, now: j.now(), Ledger: j.cfg.ledger, Counts: make(map[situation]int), everything: o.all}
	if err := errors.Join(s.add(ctx, l, all, o.all), s.addHunt(ctx, l, j.cfg)); err != nil {
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
	// Open are the files that are hunted still.
	Open []openFile
	// Read is how far the mails were read.
	Read []readUpTo
	// Letters are the records that could not be read.
	Letters *letters
	until   time.Duration
	now     time.Time
	// everything means that the tasks that are done are asked for, and each of them is to be shown.
	everything bool
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
		Open   []openFile     `json:"open_files"`
		Read   []readUpTo     `json:"read_up_to"`
		Bad    *letters       `json:"dead_letters,omitempty"`
	}{s.Ledger, counts, s.Tasks, s.Claims, s.Open, s.Read, s.Letters})
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
