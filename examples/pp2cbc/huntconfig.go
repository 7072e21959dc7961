package main

import (
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
)

// huntConfig says what is hunted, and for how long.
type huntConfig struct {
	// rehunt is below zero for never.
	rehunt   time.Duration
	firstRun time.Duration
	lookBack time.Duration
	// evidence is the weakest that is searched for.
	evidence hunt.Evidence
	// deadLetters is where records go that cannot be read, empty for nowhere.
	deadLetters string
	// secondStage tells what becomes of files that condemned ones bring along: nothing, or told, or acted on.
	secondStage secondStage
}

type secondStage string

const (
	secondOff    secondStage = "off"
	secondReport secondStage = "report"
	secondAct    secondStage = "act"
)

func (p *parser) hunt() huntConfig {
	c := huntConfig{
		rehunt:      p.durationOrNever("hunt", "rehunt"),
		firstRun:    p.within("hunt", "first_run", time.Minute, proofpointhunt.MaxSpan),
		lookBack:    p.within("hunt", "look_back", 30*time.Minute, 24*time.Hour),
		secondStage: secondStage(strings.ToLower(p.v.get("hunt", "second_stage"))),
	}
	var err error
	if c.evidence, err = hunt.ParseEvidence(strings.ToLower(p.v.get("hunt", "evidence"))); err != nil || c.evidence == hunt.None {
		p.fail("hunt", "evidence", "want named, touched or executed")
	}
	switch {
	case p.v.off("hunt", "second_stage") || off(string(c.secondStage)):
		c.secondStage = secondOff
	case c.secondStage != secondReport && c.secondStage != secondAct:
		p.fail("hunt", "second_stage", "want off, report or act")
	}
	if name := p.v.get("hunt", "dead_letters"); !p.v.off("hunt", "dead_letters") && !off(name) {
		c.deadLetters = p.v.path(name)
	}
	return c
}

// evidence reads the least evidence that an action needs: a key of its own, or what is said for all of them.
func (p *parser) evidence(name string, all hunt.Evidence) hunt.Evidence {
	return p.evidenceOf("actions", name, all, hunt.Touched)
}

func (p *parser) evidenceOf(section, name string, all, weakest hunt.Evidence) hunt.Evidence {
	text := p.v.get(section, name)
	if text == "" {
		return all
	}
	e, err := hunt.ParseEvidence(strings.ToLower(text))
	if err != nil || e < weakest {
		want := "executed or touched"
		if weakest == hunt.Named {
			want = "executed, touched or named"
		}
		p.fail(section, name, "want %s", want)
	}
	return e
}
