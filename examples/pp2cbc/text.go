package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// page prints for people. Everything that a stranger chose is to go through harmless.
type page struct {
	w io.Writer
	// most is how many entries of a list are shown.
	most int
	// colors are for terminals.
	colors bool
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

// encode writes JSON. What could steer a terminal or reverse a line is written as an escape, which means the same.
func encode(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	b := make([]byte, 0, len(text)+1)
	for _, r := range string(text) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// harmless shows a foreign string so that it cannot steer the terminal or reverse the line.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, strings.ToValidUTF8(s, "·"))
}
