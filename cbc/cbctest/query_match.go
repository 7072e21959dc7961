package cbctest

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// letter is a character of a pattern; wild if it stands for others.
type letter struct {
	c    rune
	wild bool
}

// pattern is a value in a query.
type pattern []letter

// text is the pattern as a string.
func (t pattern) text() string {
	var b strings.Builder
	for _, l := range t {
		b.WriteRune(l.c)
	}
	return b.String()
}

// plain is the pattern as a string if there is no wildcard in it.
func (t pattern) plain() (string, bool) {
	return t.text(), !slices.ContainsFunc(t, func(l letter) bool { return l.wild })
}

// presence says whether the pattern is the lone wildcard that asks for any value.
func (t pattern) presence() bool { return len(t) == 1 && t[0].wild && t[0].c == '*' }

// words takes the pattern apart at the characters that separate words; a wildcard separates nothing.
func (t pattern) words(separates func(rune) bool) []pattern {
	var all []pattern
	start := -1
	for i, l := range t {
		switch between := !l.wild && separates(l.c); {
		case between && start >= 0:
			all = append(all, t[start:i])
			start = -1
		case !between && start < 0:
			start = i
		}
	}
	if start >= 0 {
		all = append(all, t[start:])
	}
	return all
}

// fits compares the pattern with a whole string.
func (t pattern) fits(s string, exactCase bool) bool {
	in := []rune(s)
	same := func(a, b rune) bool { return a == b || !exactCase && unicode.ToLower(a) == unicode.ToLower(b) }
	star, next := -1, 0
	p, n := 0, 0
	for n < len(in) {
		switch {
		case p < len(t) && t[p].wild && t[p].c == '*':
			star, next = p, n
			p++
		case p < len(t) && (t[p].wild || same(t[p].c, in[n])):
			p, n = p+1, n+1
		case star >= 0:
			next++
			p, n = star+1, next
		default:
			return false
		}
	}
	for p < len(t) && t[p].wild && t[p].c == '*' {
		p++
	}
	return p == len(t)
}

// within looks for the pattern's words, one after the other, among the words of a string.
func (t pattern) within(s string, separates func(rune) bool) bool {
	want, in := t.words(separates), strings.FieldsFunc(s, separates)
	if len(want) == 0 {
		return false
	}
	for i := 0; i+len(want) <= len(in); i++ {
		if slices.EqualFunc(want, in[i:i+len(want)], func(t pattern, s string) bool { return t.fits(s, false) }) {
			return true
		}
	}
	return false
}

// compare makes the filter of a value; without a field it looks wherever the service looks for bare values.
func (p *parser) compare(field string, t pattern) (filter, error) {
	if err := p.count(); err != nil {
		return nil, err
	}
	exactCase := p.exactCase
	if field == "" {
		p.query.values = true
		return func(d document) bool {
			return slices.ContainsFunc(d.bare, func(field string) bool { return d.has(field, t, exactCase) })
		}, nil
	}
	if field == "*" {
		return func(document) bool { return true }, nil
	}
	p.query.fields = append(p.query.fields, field)
	text, plain := t.plain()
	if !plain || !ascii(text) {
		return func(d document) bool { return d.has(field, t, exactCase) }, nil
	}
	return func(d document) bool { return d.hasPlain(field, t, text, exactCase) }, nil
}

// hasPlain is has for a value without a wildcard, which most are, of a field that is compared as a whole: hashes by the hundred.
func (d document) hasPlain(field string, t pattern, text string, exactCase bool) bool {
	values := d.values(field)
	if len(values) == 0 {
		return false
	}
	kind := d.kind(field)
	if kind != fieldHash && kind != fieldWord {
		return d.has(field, t, exactCase)
	}
	exactCase = exactCase && kind == fieldHash
	return slices.ContainsFunc(values, func(v string) bool {
		switch {
		case v == text:
			return true
		case exactCase:
			return false
		case ascii(v):
			return len(v) == len(text) && strings.EqualFold(v, text)
		default:
			return t.fits(v, false)
		}
	})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// has says whether one of the values of a field fits.
func (d document) has(field string, t pattern, exactCase bool) bool {
	values := d.values(field)
	if t.presence() || len(values) == 0 {
		return len(values) > 0
	}
	kind := d.kind(field)
	return slices.ContainsFunc(values, func(v string) bool {
		switch kind {
		case fieldPath:
			return t.fits(v, false) || t.within(v, separatesPath)
		case fieldText:
			return t.fits(v, false) || t.within(v, separatesText)
		case fieldTime:
			at, err := time.Parse(time.RFC3339, t.text())
			was, err2 := time.Parse(time.RFC3339, v)
			return err == nil && err2 == nil && at.Equal(was)
		case fieldHash:
			return t.fits(v, exactCase)
		case fieldFlag:
			return t.fits(v, true)
		default:
			return t.fits(v, false)
		}
	})
}

func separatesPath(c rune) bool { return c == '\\' || c == '/' }

func separatesText(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(`\/"',;=()`, c) }

// interval reads a range: [a TO b], with braces for ends that do not belong to it and * for open ones.
func (p *parser) interval(field string) (filter, error) {
	open := p.at
	if err := p.count(); err != nil {
		return nil, err
	}
	closing := strings.IndexAny(p.rest(), "]}")
	if closing < 0 {
		return nil, p.fail("unbalanced bracket")
	}
	body := p.text[p.at+1 : p.at+closing]
	fromOpen, toOpen := p.text[p.at] == '{', p.text[p.at+closing] == '}'
	words := strings.Fields(body)
	if len(words) != 3 || words[1] != "TO" {
		return nil, p.fail("a range is of the form [a TO b]")
	}
	p.at += closing + 1
	from, to := bound(words[0]), bound(words[2])
	if field == "" || field == "*" {
		p.at = open
		return nil, p.fail("a range needs a field")
	}
	p.query.fields = append(p.query.fields, field)
	if at, err := checkBounds(field, from, to); err != nil {
		p.at = open
		return nil, p.fail("the range of " + field + " has the end " + strconv.Quote(at) + ", which is none")
	}
	return func(d document) bool {
		return slices.ContainsFunc(d.values(field), func(v string) bool {
			kind := d.kind(field)
			low, high := order3(kind, v, from), order3(kind, v, to)
			return (from == "*" || low > 0 || low == 0 && !fromOpen) && (to == "*" || high < 0 || high == 0 && !toOpen)
		})
	}, nil
}

// bound is one end of a range without its quotes and escapes.
func bound(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return strings.ReplaceAll(s, `\`, "")
}
