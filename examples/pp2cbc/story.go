package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// story prints a report for people: which mails, which files, which machines, what was done, and what was left alone and why.
type story struct {
	page
	r *hunt.Report
	// kind is what the report is of. Defaults to a run, or a dry run.
	kind string
	// given means that the window was asked for, and is not read again by the next run.
	given bool
	// brief leaves out what was found and what was left alone, and only counts what merely tells and what was done before.
	brief bool
	// specs and effects say of each action what it is about and what it sends.
	specs   map[string]hunt.Spec
	effects map[string]string
}

func (s *story) print() {
	r := s.r
	kind := "Run"
	if r.DryRun {
		kind = "Dry run"
	}
	s.printf("%s %s", cmp.Or(s.kind, kind), r.Run)
	if !r.Window.End.IsZero() {
		s.printf(", window %s to %s UTC", stamp(r.Window.Start), stamp(r.Window.End))
	}
	s.printf("\n")
	s.turned()
	s.problems()
	if !r.Undo && !s.brief {
		s.files()
		s.machines()
	}
	s.planned()
	for _, part := range s.parts() {
		s.outcomes(part)
	}
	s.earlier()
	if !s.brief {
		s.leftAlone()
	}
	s.summary()
}

// problems come first: where something could not be asked, nothing below may be taken for all there is.
func (s *story) problems() {
	all := slices.DeleteFunc(slices.Clone(s.r.Problems), func(p hunt.Problem) bool { return s.r.Interrupted && errors.Is(p.Err, context.Canceled) })
	if s.r.Interrupted {
		s.printf("\n%s, so that more may be condemned or infected than is told here.\n", s.paint(alarming, "STOPPED BEFORE THE END"))
	}
	if len(all) == 0 {
		return
	}
	s.printf("\n%s, so that more may be condemned or infected than is told here: %d\n", s.paint(alarming, "COULD NOT BE ASKED"), len(all))
	for _, p := range head(&s.page, all) {
		what := stageName(p.Stage)
		if n := len(p.Hashes); n > 0 {
			what += fmt.Sprintf(" of %d files", n)
		}
		s.printf("  %s: %s\n", what, harmless(explain(p.Err)))
		if hole := (*hunt.HoleError)(nil); p.Stage == "intake" && s.given && !errors.As(p.Err, &hole) {
			s.printf("      repeat the window with --start-time %s --end-time %s\n", s.r.Window.Start.Format(time.RFC3339), s.r.Window.End.Format(time.RFC3339))
		}
	}
}

// stageName is what an operator calls a step of a hunt.
func stageName(stage string) string {
	switch stage {
	case "intake":
		return "condemned files"
	case "audit":
		return "audit log"
	}
	return stage
}

// files tells of each file who was sent it and where it was seen. What was searched for again and is nowhere is only counted.
func (s *story) files() {
	exposures := make(map[hunt.SHA256]hunt.Exposure, len(s.r.Indicators))
	for _, e := range s.r.Exposures() {
		exposures[e.SHA256] = e
	}
	quiet := make(map[hunt.SHA256]bool)
	for _, hash := range s.r.Rehunted {
		quiet[hash] = len(exposures[hash].Devices) == 0 && exposures[hash].Complete
	}
	told := slices.DeleteFunc(slices.Clone(s.r.Indicators), func(i hunt.Indicator) bool { return quiet[i.SHA256] })
	s.printf("\n%s: %d\n", s.paint(heading, "Condemned files"), len(s.r.Indicators))
	if n := len(s.r.Indicators) - len(told); n > 0 {
		s.printf("  %s searched for again, and seen nowhere yet\n", plural(n, "file of earlier runs was", "files of earlier runs were"))
	}
	if n := s.r.Resting; n > 0 {
		s.printf("  besides, %s hunted still and not due in this run\n", plural(n, "file is", "files are"))
	}
	for _, ind := range head(&s.page, told) {
		t := ind.Threat
		second := ""
		if !ind.Of.IsZero() {
			second = "second stage of " + ind.Of.String()[:12] + "…"
		}
		s.printf("  %s  %s\n", ind.SHA256, words(t.Status, t.Classification, strings.Join(ind.Files(), ", "), t.Comment, second))
		s.exposure(exposures[ind.SHA256])
		for _, m := range head(&s.page, ind.Mails) {
			fate := "delivered"
			if !m.Delivered {
				fate = "blocked"
			}
			subject := "without a subject"
			if m.Subject != "" {
				subject = quoted(m.Subject)
			}
			s.printf("      mail %s to %s, %s %s\n", subject, harmless(strings.Join(m.Recipients, ", ")), fate, stamp(m.Time))
		}
	}
}

// exposure is who had a file, in short.
func (s *story) exposure(e hunt.Exposure) {
	var without []string
	for _, r := range e.Recipients {
		if r.Seen == hunt.None && r.Delivered {
			without = append(without, r.Address)
		}
	}
	seen := "seen nowhere yet"
	switch {
	case len(e.Devices) > 0:
		byEvidence := make(tally)
		for _, d := range e.Devices {
			byEvidence[d.Evidence.String()]++
		}
		seen = fmt.Sprintf("seen on %s: %s", plural(len(e.Devices), "machine", "machines"), byEvidence)
	case !e.Complete:
		seen = s.paint(alarming, "NOT SEARCHED FOR COMPLETELY") + ", which says nothing of anybody"
	}
	if !e.Until.IsZero() {
		seen += ", hunted until " + stamp(e.Until)
	}
	s.printf("      %s\n", seen)
	if n := len(without); n > 0 {
		most := min(n, 5)
		rest := ""
		if n > most {
			rest = fmt.Sprintf(" and %d more", n-most)
		}
		s.printf("      no sighting of %s%s\n", harmless(strings.Join(without[:most], ", ")), rest)
	}
}

func (s *story) machines() {
	devices := make(map[int64][]hunt.Sighting)
	var order []int64
	for _, sg := range s.r.Sightings {
		if devices[sg.Device.ID] == nil {
			order = append(order, sg.Device.ID)
		}
		devices[sg.Device.ID] = append(devices[sg.Device.ID], sg)
	}
	s.printf("\n%s: %d\n", s.paint(heading, "Machines with a sighting"), len(order))
	for _, id := range head(&s.page, order) {
		s.printf("  %s (%d)\n", harmless(devices[id][0].Device.Name), id)
		for _, sg := range head(&s.page, devices[id]) {
			s.printf("      %-8s  %s…  %s", sg.Evidence, sg.SHA256.String()[:12], harmless(sg.Process.Path))
			if sg.Process.User != "" {
				s.printf("  %s", harmless(sg.Process.User))
			}
			if !sg.Time.IsZero() {
				s.printf("  %s", stamp(sg.Time))
			}
			if sg.ByMD5 {
				s.printf("  by its MD5")
			}
			s.printf("\n")
			if f := sg.File; f.Path != "" {
				s.printf("                %s %s  %s\n", harmless(f.What), harmless(f.Path), stamp(f.Time))
			}
		}
	}
}

// leftAlone lists what was not acted on, by reason.
func (s *story) leftAlone() {
	if len(s.r.LeftAloneTotal) == 0 {
		return
	}
	s.printf("\n%s\n", s.paint(heading, "Left alone, and why"))
	each := 6
	if s.most < each {
		each = 0 // the reasons are enough
	}
	for _, reason := range slices.Sorted(maps.Keys(s.r.LeftAloneTotal)) {
		s.printf("  %s: %d\n", harmless(reason), s.r.LeftAloneTotal[reason])
		shown, more := 0, false
		for _, l := range s.r.LeftAlone {
			if l.Reason != reason {
				continue
			}
			if more = shown == each; more {
				break
			}
			shown++
			subject := ""
			if l.Subject != "" {
				subject = quoted(l.Subject)
			}
			file := l.File
			if l.Process != "" && len(file) > 12 {
				file = file[:12] + "…"
			}
			s.printf("      %s\n", words(subject, file, l.Device, l.Process))
		}
		if more && each > 0 {
			s.printf("      …\n")
		}
	}
}

func (s *story) summary() {
	r := s.r
	s.printf("\n")
	if !r.Undo {
		mails, seen := 0, make(map[int64]bool)
		for _, ind := range r.Indicators {
			mails += len(ind.Mails)
		}
		for _, sg := range r.Sightings {
			seen[sg.Device.ID] = true
		}
		s.printf("%s in %s, seen on %s. ", plural(len(r.Indicators), "file", "files"), plural(mails, "mail", "mails"), plural(len(seen), "machine", "machines"))
	}
	var counts []string
	for _, status := range []hunt.Status{hunt.Planned, hunt.Done, hunt.Undone, hunt.Already, hunt.Held, hunt.Failed} {
		if n := r.Count(status); n > 0 {
			counts = append(counts, fmt.Sprintf("%s: %d.", status, n))
		}
	}
	if n := len(r.Turned); n > 0 {
		counts = append(counts, fmt.Sprintf("Verdicts taken back: %d.", n))
	}
	if n := len(r.Open); n > 0 {
		counts = append(counts, fmt.Sprintf("Waiting from earlier runs: %d.", n))
	}
	if n := acknowledged(r); n > 0 {
		counts = append(counts, fmt.Sprintf("Acknowledged: %d.", n))
	}
	if n := len(r.Problems); n > 0 {
		counts = append(counts, fmt.Sprintf("Could not be asked: %d.", n))
	}
	if r.Interrupted {
		counts = append(counts, "Stopped before the end.")
	}
	s.printf("%s\n", strings.Join(counts, " "))
}

// acknowledged counts what a person has taken note of.
func acknowledged(r *hunt.Report) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Acknowledged {
			n++
		}
	}
	return n
}
