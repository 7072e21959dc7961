package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/deadletter"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
)

// openFile is a file that is hunted still, as status tells it.
type openFile struct {
	SHA256 hunt.SHA256 `json:"sha256"`
	Of     hunt.SHA256 `json:"second_stage_of,omitzero"`
	Files  []string    `json:"files,omitempty"`
	// Recipients counts who was sent it.
	Recipients int       `json:"recipients"`
	Comment    string    `json:"comment,omitempty"`
	Since      time.Time `json:"since"`
	Searched   time.Time `json:"searched,omitzero"`
	// Next is when it is due: at once if it is not finished with.
	Next  time.Time `json:"next"`
	Until time.Time `json:"until,omitzero"`
}

// readUpTo is how far the mails of one feed were read.
type readUpTo struct {
	Feed string `json:"feed"`
	proofpointhunt.Position
}

// letters is the file of records that could not be read.
type letters struct {
	File    string    `json:"file"`
	Records int       `json:"records"`
	Torn    int       `json:"torn,omitempty"`
	Newest  time.Time `json:"newest,omitzero"`
	Last    string    `json:"last,omitempty"`
}

// addHunt adds what is hunted, how far the mails were read, and what could not be read.
func (s *standing) addHunt(ctx context.Context, l *ledger, cfg *config) error {
	s.Open, s.Read = []openFile{}, []readUpTo{}
	open, err := l.List(ctx)
	if err != nil {
		return err
	}
	for _, o := range open {
		f := openFile{
			SHA256: o.SHA256, Of: o.Of, Files: o.Files(), Recipients: len(o.Recipients()), Comment: o.Threat.Comment,
			Since: o.Since.UTC(), Searched: o.Searched.UTC(), Next: hunt.NextSearch(o).UTC(),
		}
		if s.until > 0 {
			f.Until = o.Since.Add(s.until).UTC()
		}
		s.Open = append(s.Open, f)
	}
	slices.SortFunc(s.Open, func(a, b openFile) int {
		return cmp.Or(a.Next.Compare(b.Next), cmp.Compare(a.SHA256.String(), b.SHA256.String()))
	})
	names, err := l.CursorNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := l.Cursor(ctx, name)
		if err != nil {
			return err
		}
		position, ok, err := proofpointhunt.ReadPosition(name, text)
		if err != nil {
			return err
		}
		if feed, mine := strings.CutPrefix(name, tenant(cfg)+"/"); ok && mine {
			s.Read = append(s.Read, readUpTo{feed, position})
		}
	}
	if cfg.hunt.deadLetters == "" {
		return nil
	}
	summary, err := deadletter.Read(cfg.hunt.deadLetters)
	if err == nil && summary != (deadletter.Summary{}) {
		s.Letters = &letters{cfg.hunt.deadLetters, summary.Records, summary.Torn, summary.Newest, summary.Last}
	}
	return err
}

// hunted prints what addHunt has found.
func (p *page) hunted(s standing) {
	for _, r := range s.Read {
		p.printf("\nProofpoint TAP, %s: read up to %s UTC", harmless(r.Feed), stamp(r.Next))
		if len(r.Owed) > 0 {
			p.printf(", but for %s, which the next runs make up for:", plural(len(r.Owed), "window", "windows"))
		}
		p.printf("\n")
		for _, w := range head(p, r.Owed) {
			p.printf("  %s to %s\n", stamp(w.Start), stamp(w.End))
		}
	}
	if b := s.Letters; b != nil {
		p.printf("\n%s, and may have had condemned files in it: %s, the last %s; see %s\n", p.paint(alarming, "COULD NOT BE READ"), plural(b.Records, "record", "records"), stamp(b.Newest), harmless(b.File))
		p.printf("  %s\n", harmless(b.Last))
	}
	if len(s.Open) == 0 {
		return
	}
	p.printf("\n%s: %s\n", p.paint(heading, "Still hunted"), plural(len(s.Open), "file", "files"))
	for _, f := range head(p, s.Open) {
		second := ""
		if !f.Of.IsZero() {
			second = "second stage of " + f.Of.String()[:12] + "…"
		}
		p.printf("  %s  %s\n", f.SHA256, words(strings.Join(f.Files, ", "), f.Comment, second))
		p.printf("      to %s, since %s, %s%s\n", plural(f.Recipients, "recipient", "recipients"), stamp(f.Since), f.due(s.now), f.end())
	}
	p.printf("  To hunt one no longer: pp2cbc close %s\n", s.Open[0].SHA256)
}

// due tells when a file is searched for again.
func (f openFile) due(now time.Time) string {
	switch {
	case f.Searched.IsZero():
		return "not finished with: the next run takes it up"
	case !f.Next.After(now):
		return fmt.Sprintf("searched for %s and by the next run again", stamp(f.Searched))
	}
	return fmt.Sprintf("searched for %s and not before %s again", stamp(f.Searched), stamp(f.Next))
}

func (f openFile) end() string {
	if f.Until.IsZero() {
		return ""
	}
	return ", until " + stamp(f.Until)
}
