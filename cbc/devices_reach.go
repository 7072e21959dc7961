package cbc

import (
	"slices"
	"strings"
	"unicode"
)

// findsAnything tells whether an expression is missing, or could find everything: it is nothing but wildcards and what is to be left out, or
// has such a thing as one of its alternatives.
func findsAnything(e Expr) bool {
	switch e.kind {
	case andExpr:
		return !slices.ContainsFunc(e.kids, func(kid Expr) bool { return !findsAnything(kid) })
	case orExpr:
		return slices.ContainsFunc(e.kids, findsAnything)
	case termExpr, rawExpr:
		r := reach{text: []rune(e.text)}
		return r.group()
	default:
		return true
	}
}

// reach reads the vendor's language as far as it takes to tell what an expression could find. In doubt it is everything.
type reach struct {
	text []rune
	at   int
}

// clause is a part of a group.
type clause struct {
	excludes bool // leaves out what it finds
	anything bool // finds everything
}

// group reads up to the end of a group and tells whether it could find everything.
func (r *reach) group() bool {
	var clauses []clause
	either, beside, joined := false, false, true
	for {
		r.skipSpace()
		switch {
		case r.at == len(r.text) || r.skip(")"):
			return verdict(clauses, either, beside)
		case r.skip("&&") || r.skipWord("AND"):
			joined = true
		case r.skip("||") || r.skipWord("OR") || r.skipWord("or"):
			either, joined = true, true
		default:
			beside = beside || !joined
			clauses, joined = append(clauses, r.clause()), false
		}
	}
}

// verdict judges a group. Clauses that stand beside each other without a word between them may be alternatives, but for those that exclude.
func verdict(clauses []clause, either, beside bool) bool {
	restricts, widens := false, false
	for _, c := range clauses {
		restricts = restricts || !c.excludes && !c.anything
		widens = widens || !c.excludes && c.anything || c.excludes && either
	}
	return !restricts || (either || beside) && widens
}

// clause reads a value, a group, or a field with either.
func (r *reach) clause() clause {
	var c clause
	for {
		r.skipSpace()
		switch {
		case r.skip("-") || r.skip("!") || r.skipWord("NOT") || r.skipWord("not"):
			c.excludes = true
			continue
		case r.skip("+"):
			continue
		case r.skip("("):
			c.anything = r.group()
			return c
		}
		value := r.value()
		switch {
		case r.skip(":"):
			if value == "_exists_" {
				_ = r.value()
				c.anything = true
				return c
			}
			// What follows is the value of the field.
		default:
			c.anything = strings.HasPrefix(value, "/") || strings.Trim(strings.ReplaceAll(value, " TO ", ""), "*?[]{}") == ""
			return c
		}
	}
}

// value reads a word, a quoted text or a range.
func (r *reach) value() string {
	var b strings.Builder
	quoted, ranged := false, false
	for ; r.at < len(r.text); r.at++ {
		c := r.text[r.at]
		switch {
		case c == '\\' && r.at+1 < len(r.text):
			b.WriteRune(c)
			r.at++
			c = r.text[r.at]
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			ranged = true
		case c == ']' || c == '}':
			ranged = false
		case ranged:
		case unicode.IsSpace(c) || c == '(' || c == ')' || c == ':':
			return b.String()
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (r *reach) skipSpace() {
	for r.at < len(r.text) && unicode.IsSpace(r.text[r.at]) {
		r.at++
	}
}

// skip takes a sign if it is the next one.
func (r *reach) skip(sign string) bool {
	if !strings.HasPrefix(string(r.text[r.at:min(len(r.text), r.at+len(sign))]), sign) {
		return false
	}
	r.at += len(sign)
	return true
}

// skipWord takes a word if it is the next one and ends there.
func (r *reach) skipWord(word string) bool {
	end := r.at + len(word)
	if end < len(r.text) && !unicode.IsSpace(r.text[end]) && r.text[end] != '(' {
		return false
	}
	return r.skip(word)
}
