package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// page prints for people. Everything that a stranger chose is to go through harmless.
type page struct {
	w io.Writer
	// most is how many entries of a list are shown.
	most int
	// err is the first error of w.
	err error
}

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// head is the beginning of a list, with a line that says how much was left out.
func head[T any](p *page, all []T) []T {
	if len(all) <= p.most {
		return all
	}
	defer p.printf("  (the first %d of %d)\n", p.most, len(all))
	return all[:p.most]
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// words joins what is there.
func words(all ...string) string {
	return harmless(strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), "  "))
}

func quoted(s string) string { return `"` + harmless(s) + `"` }

// harmless shows a foreign string so that it cannot steer the terminal or reverse the line.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, strings.ToValidUTF8(s, "·"))
}
