package cbc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MD5 is AnyOf for MD5 hashes. Sensors report some files with one of MD5 and SHA-256 only.
func (f FieldName) MD5(hashes ...[16]byte) Expr {
	terms := make([]string, len(hashes))
	for i, h := range hashes {
		terms[i] = hex.EncodeToString(h[:])
	}
	return f.of(terms)
}

// Is finds what has the field set to true, or to false. What does not have the field is found by neither.
func (f FieldName) Is(value bool) Expr { return f.of([]string{strconv.FormatBool(value)}) }

// Phrase finds what has the words of text in the field, side by side and in this order. Nothing in text is a wildcard. Device
// search knows no phrases.
func (f FieldName) Phrase(text string) Expr {
	if err := checkValue(text); err != nil {
		return f.broken(err)
	}
	return f.of([]string{`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`})
}

// Part is a piece of a pattern: see [FieldName.Match].
type Part struct {
	text string
	wild bool
}

// Literal is a piece of a pattern that stands for itself, wildcards in it included.
func Literal(text string) Part { return Part{text: text} }

// AnyText is a piece of a pattern that stands for any characters, or none.
func AnyText() Part { return Part{text: "*", wild: true} }

// AnyChar is a piece of a pattern that stands for one character.
func AnyChar() Part { return Part{text: "?", wild: true} }

// Match finds what has a value in the field that is made of the parts. A pattern that begins with a wildcard is slow. One without
// any literal text restricts next to nothing and is an error; [FieldName.Exists] asks for a value of any kind.
func (f FieldName) Match(parts ...Part) Expr {
	var plain, pattern strings.Builder
	wild := false
	for _, p := range parts {
		if p.wild {
			wild = true
			pattern.WriteString(p.text)
			continue
		}
		plain.WriteString(p.text)
		if p.text == "" {
			continue
		}
		text, err := escape(p.text)
		if err != nil {
			return f.broken(err)
		}
		pattern.WriteString(text)
	}
	switch {
	case plain.Len() == 0:
		return f.broken(errors.New("a pattern without literal text"))
	case !wild:
		return f.AnyOf(plain.String()) // it may be the word of an operator
	}
	return f.of([]string{pattern.String()})
}

// Bound is an end of a range. The zero value leaves the range open at that end.
type Bound struct {
	kind      boundKind
	number    int64
	time      time.Time
	exclusive bool
}

type boundKind int

const (
	openBound boundKind = iota
	numberBound
	timeBound
)

// Number is an end of a range of numbers, which belongs to the range unless it is [Bound.Excluded].
func Number(n int64) Bound { return Bound{kind: numberBound, number: n} }

// Instant is an end of a range of times, to the millisecond, which belongs to the range unless it is [Bound.Excluded].
func Instant(t time.Time) Bound {
	return Bound{kind: timeBound, time: t.UTC().Truncate(time.Millisecond)}
}

// Excluded is the same end, which does not belong to the range any more.
func (b Bound) Excluded() Bound {
	b.exclusive = true
	return b
}

// Range finds what has a value in the field from one bound to the other. At least one end is given, both are numbers or both are
// times, and a range in which nothing can be is an error.
//
//	cbc.Field("netconn_port").Range(cbc.Number(1024), cbc.Bound{})
func (f FieldName) Range(from, to Bound) Expr {
	if err := checkRange(from, to); err != nil {
		return f.broken(err)
	}
	left, right := "[", "]"
	if from.exclusive {
		left = "{"
	}
	if to.exclusive {
		right = "}"
	}
	return f.of([]string{left + from.text() + " TO " + to.text() + right})
}

func (b Bound) text() string {
	switch b.kind {
	case openBound:
	case numberBound:
		return strconv.FormatInt(b.number, 10)
	case timeBound:
		return formatTime(b.time)
	}
	return "*"
}

// compare is like that of numbers, for bounds of one kind.
func (b Bound) compare(other Bound) int {
	if b.kind == timeBound {
		return b.time.Compare(other.time)
	}
	switch {
	case b.number < other.number:
		return -1
	case b.number > other.number:
		return 1
	}
	return 0
}

func checkRange(from, to Bound) error {
	for _, b := range []Bound{from, to} {
		if b.kind == openBound && b.exclusive {
			return errors.New("a range that excludes an end that is open")
		}
		if _, ok := inRange(b.time); b.kind == timeBound && !ok {
			return errors.New("a range to a year that cannot be written")
		}
	}
	switch {
	case from.kind == openBound && to.kind == openBound:
		return errors.New("a range that is open at both ends")
	case from.kind == openBound || to.kind == openBound:
		return nil
	case from.kind != to.kind:
		return errors.New("a range from a number to a time")
	}
	if c := from.compare(to); c > 0 || c == 0 && (from.exclusive || to.exclusive) {
		return fmt.Errorf("a range with nothing in it, from %s to %s", from.text(), to.text())
	}
	return nil
}

// Len is the length of the expression in bytes as it is sent; zero for one that cannot be sent. The longest that the vendor takes
// is not documented: see [Expr.Clauses].
func (e Expr) Len() int { return len(e.String()) }

// Clauses is how many single conditions the expression has. Each value is one, and so is each text of [Raw], whatever is in it.
// The most that the vendor takes is not documented: engines of its kind take 1,024, and a hundred are known to work. Who looks for
// more splits the values among several searches.
func (e Expr) Clauses() int {
	if e.kind == rawExpr {
		return 1
	}
	n := e.terms
	for _, kid := range e.kids {
		n += kid.Clauses()
	}
	return n
}
