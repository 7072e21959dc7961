package cbc_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/pphunt/pphunt/cbc"
)

// grammar reads an expression as the documented language is defined, and writes what it understood in a form that leaves nothing
// to interpretation. It is written without a look at how expressions are made. Everything that it does not know is an error.
type grammar struct {
	text []rune
	at   int
}

func parseExpr(text string) (tree string, err error) {
	g := &grammar{text: []rune(text)}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v at %d of %q", r, g.at, text)
		}
	}()
	tree = g.either()
	if g.at < len(g.text) {
		panic("something follows the end")
	}
	return tree, nil
}

func (g *grammar) peek() rune {
	if g.at == len(g.text) {
		return 0
	}
	return g.text[g.at]
}

func (g *grammar) take() rune {
	r := g.peek()
	if r == 0 {
		panic("unexpected end")
	}
	g.at++
	return r
}

func (g *grammar) expect(s string) {
	for _, want := range s {
		if got := g.take(); got != want {
			panic(fmt.Sprintf("%q instead of %q", got, s))
		}
	}
}

// accept takes s if it comes next.
func (g *grammar) accept(s string) bool {
	if strings.HasPrefix(string(g.text[g.at:]), s) {
		g.at += len([]rune(s))
		return true
	}
	return false
}

func (g *grammar) either() string {
	parts := []string{g.both()}
	for g.accept(" OR ") {
		parts = append(parts, g.both())
	}
	return combined("or", parts)
}

func (g *grammar) both() string {
	parts := []string{g.one()}
	for g.accept(" AND ") {
		parts = append(parts, g.one())
	}
	return combined("and", parts)
}

func combined(word string, parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return word + "<" + strings.Join(parts, " ") + ">"
}

func (g *grammar) one() string {
	switch {
	case g.accept("NOT "):
		return "not<" + g.one() + ">"
	case g.accept("("):
		inner := g.either()
		g.expect(")")
		return inner
	}
	var name strings.Builder
	for g.peek() != ':' {
		r := g.take()
		if !unicode.IsLower(r) && r != '_' {
			panic("no field name")
		}
		name.WriteString(string(r))
	}
	g.expect(":")
	if g.accept("(") {
		values := []string{g.value()}
		for g.accept(" OR ") {
			values = append(values, g.value())
		}
		g.expect(")")
		return name.String() + "=" + combined("any", values)
	}
	return name.String() + "=" + g.value()
}

func (g *grammar) value() string {
	switch g.peek() {
	case '"':
		g.take()
		var text strings.Builder
		for g.peek() != '"' {
			if g.peek() == '\\' {
				g.take()
			}
			text.WriteString(string(g.take()))
		}
		g.take()
		return "phrase" + strconv.Quote(text.String())
	case '[', '{':
		open := g.take()
		from := g.bare(' ')
		g.expect(" TO ")
		to := g.bare(']', '}')
		return fmt.Sprintf("range%c%s %s%c", open, from, to, g.take())
	}
	word, tree := "", ""
	literal := false
	flush := func() {
		if word != "" {
			tree += strconv.Quote(word)
		}
		word = ""
	}
	for {
		switch r := g.peek(); {
		case r == '*' || r == '?':
			flush()
			tree += string(g.take())
		case r == '\\':
			g.take()
			if unicode.IsLetter(g.peek()) {
				panic("a letter is escaped")
			}
			word, literal = word+string(g.take()), true
		case r == 0 || r == ')' || r == ' ':
			if !literal && (word == "AND" || word == "OR" || word == "NOT" || word == "TO") && tree == "" {
				panic("an operator as a value")
			}
			flush()
			if tree == "" {
				panic("no value")
			}
			return tree
		case unicode.IsSpace(r) || strings.ContainsRune(`+-&|!({}[]^"~:/`, r):
			panic(fmt.Sprintf("a bare %q in a value", r))
		default:
			word += string(g.take())
		}
	}
}

// bare reads up to one of the runes.
func (g *grammar) bare(end ...rune) string {
	var text strings.Builder
	for !strings.ContainsRune(string(end), g.peek()) {
		r := g.take()
		if !unicode.IsDigit(r) && !strings.ContainsRune("-:.TZ*", r) {
			panic("no bound")
		}
		text.WriteString(string(r))
	}
	return text.String()
}

// recipe makes an expression and what it means from arbitrary bytes.
type recipe struct {
	steps  []byte
	values []string
}

func (r *recipe) next() int {
	if len(r.steps) == 0 {
		return 0
	}
	n := r.steps[0]
	r.steps = r.steps[1:]
	return int(n)
}

func (r *recipe) value() string { return r.values[r.next()%len(r.values)] }

func (r *recipe) expr(depth int) (cbc.Expr, string) {
	n := r.next()
	if depth > 0 && len(r.steps) > 0 {
		a, wantA := r.expr0(n, depth)
		switch n % 4 {
		case 1:
			b, wantB := r.expr(depth - 1)
			return cbc.And(a, b), combined("and", []string{wantA, wantB})
		case 2:
			b, wantB := r.expr(depth - 1)
			return cbc.Or(a, b), combined("or", []string{wantA, wantB})
		case 3:
			b, wantB := r.expr(depth - 1)
			return cbc.And(a, cbc.Not(b)), combined("and", []string{wantA, "not<" + wantB + ">"})
		}
		return a, wantA
	}
	return r.term()
}

func (r *recipe) expr0(n, depth int) (cbc.Expr, string) {
	if n%8 > 3 {
		return r.expr(depth - 1)
	}
	return r.term()
}

// word is how a value that stands for itself is understood: an operator must have been quoted.
func word(v string) string {
	switch strings.ToUpper(v) {
	case "AND", "OR", "NOT", "TO":
		return "phrase" + strconv.Quote(v)
	}
	return strconv.Quote(v)
}

func (r *recipe) term() (cbc.Expr, string) {
	f := cbc.Field("f")
	a, b := r.value(), r.value()
	switch r.next() % 7 {
	case 0:
		return f.AnyOf(a), "f=" + word(a)
	case 1:
		return f.AnyOf(a, b), "f=any<" + word(a) + " " + word(b) + ">"
	case 2:
		return f.Phrase(a), "f=phrase" + strconv.Quote(a)
	case 3:
		return f.Match(cbc.AnyText(), cbc.Literal(a), cbc.AnyChar(), cbc.Literal(b)), "f=*" + strconv.Quote(a) + "?" + strconv.Quote(b)
	case 4:
		return f.Prefix(a), "f=" + strconv.Quote(a) + "*"
	case 5:
		n := int64(r.next())
		return f.Range(cbc.Number(n).Excluded(), cbc.Number(n+1)), fmt.Sprintf("f=range{%d %d]", n, n+1)
	default:
		at := time.UnixMilli(int64(r.next()) * 1e9).UTC()
		return f.Range(cbc.Bound{}, cbc.Instant(at).Excluded()), "f=range[* " + at.Format("2006-01-02T15:04:05.000Z") + "}"
	}
}

// FuzzExprStructure proves that no value changes the structure of the expression that it is put into.
func FuzzExprStructure(f *testing.F) {
	for _, seed := range []string{"a", "OR", `" OR f:*`, `\`, `c:\users\a (1).exe`, "*", "?", ") OR (f:*", "a\u3000b", "TO", "[1 TO 2]", "\\u0041", "&&", "~2", "^3", "-x", "u", " "} {
		f.Add(seed, "b*", []byte{1, 0, 3, 1, 2, 2, 1, 0, 3, 0, 1, 4, 3, 7, 1, 1, 2})
		f.Add("x", seed, []byte{7, 6, 0, 1, 3, 1, 1, 0, 2, 2, 0, 0, 0, 5, 9})
	}
	f.Fuzz(func(t *testing.T, a, b string, steps []byte) {
		r := &recipe{steps: steps[:min(len(steps), 60)], values: []string{a, b}}
		expr, want := r.expr(5)
		if expr.Err() != nil {
			return // the values that are refused are another test's
		}
		got, err := parseExpr(expr.String())
		if err != nil {
			t.Fatalf("%q cannot be read: %v", expr, err)
		}
		if got != want {
			t.Errorf("%q\nreads as %s\nwant     %s", expr, got, want)
		}
	})
}
