package cbctest

import (
	"fmt"
	"strings"
)

// maxClauses is how many clauses a query can have: the usual limit of the engine behind the service.
const maxClauses = 1024

// maxNesting is how deep parentheses can be nested.
const maxNesting = 100

// syntaxError says where a query is malformed.
type syntaxError struct {
	offset int // in bytes
	text   string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s (at offset %d)", e.text, e.offset) }

// filter says whether a document is wanted.
type filter func(document) bool

// query is a query that was understood.
type query struct {
	match  filter
	fields []string // all that it names
	values bool     // it has a value without a field
}

// dialect is what the services make differently.
type dialect struct {
	phrases   bool // phrases in double quotes are supported
	exactCase bool // hashes are compared letter by letter
}

// parseQuery understands a query in the language of api-processes: field:value, groups, AND, OR, NOT, -, phrases, ranges,
// wildcards, presence and escapes. AND binds closer than OR and stands between clauses that have nothing between them.
func parseQuery(text string, d dialect) (*query, error) {
	p := &parser{dialect: d, text: text, query: &query{}}
	if p.blank(); p.end() {
		return nil, p.fail("the query is empty")
	}
	match, err := p.or("")
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.fail("unbalanced parenthesis")
	}
	p.query.match = match
	return p.query, nil
}

// parser reads a query from the left.
type parser struct {
	dialect
	text    string
	at      int
	clauses int
	nesting int
	query   *query
}

func (p *parser) fail(text string) error { return &syntaxError{offset: p.at, text: text} }

func (p *parser) end() bool { return p.at >= len(p.text) }

// rest is what was not read yet.
func (p *parser) rest() string { return p.text[p.at:] }

// blank skips white space.
func (p *parser) blank() {
	for !p.end() && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// operator reads a word in capitals that stands alone, or its sign.
func (p *parser) operator(word, sign string) bool {
	rest := p.rest()
	if sign != "" && strings.HasPrefix(rest, sign) {
		p.at += len(sign)
		return true
	}
	after, ok := strings.CutPrefix(rest, word)
	if !ok || after != "" && !strings.ContainsAny(after[:1], " \t\r\n()\"") {
		return false
	}
	p.at += len(word)
	return true
}

// or reads clauses up to the end or a closing parenthesis; field is the field of the group that they are in.
func (p *parser) or(field string) (filter, error) {
	left, err := p.and(field)
	if err != nil {
		return nil, err
	}
	for {
		if !p.operator("OR", "||") {
			return left, nil
		}
		right, err := p.and(field)
		if err != nil {
			return nil, err
		}
		a, b := left, right
		left = func(d document) bool { return a(d) || b(d) }
	}
}

// and reads clauses that must all hold.
func (p *parser) and(field string) (filter, error) {
	left, err := p.not(field)
	if err != nil {
		return nil, err
	}
	for {
		p.blank()
		mark := p.at
		if p.end() || p.text[p.at] == ')' {
			return left, nil
		}
		if p.operator("OR", "||") {
			p.at = mark
			return left, nil
		}
		p.operator("AND", "&&")
		right, err := p.not(field)
		if err != nil {
			return nil, err
		}
		a, b := left, right
		left = func(d document) bool { return a(d) && b(d) }
	}
}

// not reads a clause with what negates it.
func (p *parser) not(field string) (filter, error) {
	p.blank()
	negated := p.operator("NOT", "!")
	if negated {
		p.blank()
	}
	if !negated && strings.HasPrefix(p.rest(), "-") {
		negated = true
		p.at++
	}
	if !negated && strings.HasPrefix(p.rest(), "+") {
		p.at++
	}
	match, err := p.clause(field)
	if err != nil || !negated {
		return match, err
	}
	return func(d document) bool { return !match(d) }, nil
}

// clause reads a group, a field with its value, or a value.
func (p *parser) clause(field string) (filter, error) {
	if p.end() {
		return nil, p.fail("a clause is missing")
	}
	mark := p.at
	for _, word := range []string{"AND", "OR", "NOT"} {
		if p.operator(word, "") {
			p.at = mark
			return nil, p.fail("the operator " + word + " has no clause before it")
		}
	}
	switch p.text[p.at] {
	case '(':
		return p.group(field)
	case ')':
		return nil, p.fail("unbalanced parenthesis")
	case '"', '[', '{':
		return p.value(field)
	}
	t, err := p.term()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(p.rest(), ":") {
		return p.compare(field, t)
	}
	name, plain := t.plain()
	if !plain && t.text() != "*" {
		p.at = mark
		return nil, p.fail("this is not a field")
	}
	p.at++
	if p.end() || strings.IndexByte(" \t\r\n)", p.text[p.at]) >= 0 {
		return nil, p.fail("a value is missing")
	}
	if p.text[p.at] == '(' {
		return p.group(name)
	}
	return p.value(name)
}

// group reads what stands in parentheses.
func (p *parser) group(field string) (filter, error) {
	open := p.at
	if p.nesting++; p.nesting > maxNesting {
		return nil, p.fail("the parentheses are nested too deeply")
	}
	p.at++
	match, err := p.or(field)
	if err != nil {
		return nil, err
	}
	p.nesting--
	if !strings.HasPrefix(p.rest(), ")") {
		p.at = open
		return nil, p.fail("unbalanced parenthesis")
	}
	p.at++
	return match, nil
}

// value reads a phrase, a range or a term of a field.
func (p *parser) value(field string) (filter, error) {
	switch p.text[p.at] {
	case '"':
		t, err := p.phrase()
		if err != nil {
			return nil, err
		}
		return p.compare(field, t)
	case '[', '{':
		return p.interval(field)
	}
	t, err := p.term()
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(p.rest(), ":") {
		return nil, p.fail("a colon in a value is not escaped")
	}
	return p.compare(field, t)
}

// count keeps the number of clauses within the limit.
func (p *parser) count() error {
	if p.clauses++; p.clauses > maxClauses {
		return p.fail(fmt.Sprintf("the query has more than %d clauses", maxClauses))
	}
	return nil
}
