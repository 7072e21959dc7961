package nsxtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// reserved are the signs that must have a backslash in front of them inside a value. A hyphen may stand bare, as it does in
// the reference.
const reserved = `()[]+=&|><!{}^~:/`

// term is a node of a query: one comparison, or several terms that are joined.
type term struct {
	join  string // "AND", "OR", "NOT" or empty
	inner []*term
	field string // empty: any
	value string // a pattern in lower case, in which wildcards are bare and all else is escaped
}

// parseQuery reads the part of the query language that is documented: field:value, values alone, AND, OR, NOT, brackets,
// quotes, wildcards and backslashes. AND binds more closely than OR. Values that only stand beside each other are refused.
func parseQuery(text string) (*term, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	t, err := p.either()
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("%q stands where AND or OR is expected", p.tokens[p.at].text)
	}
	return t, err
}

// token is a word, a bracket or a colon.
type token struct {
	text string // as it stands
	kind byte   // 'w' for a word, else the sign
	// pattern is a word as a pattern; bare says that it has neither quotes nor backslashes, as a keyword must.
	pattern string
	bare    bool
}

// lex cuts a query into tokens.
func lex(text string) ([]token, error) {
	var out []token
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ':
			i++
		case '(', ')', ':':
			out = append(out, token{text: string(c), kind: c})
			i++
		default:
			t, n, err := word(text[i:])
			if err != nil {
				return nil, err
			}
			out = append(out, t)
			i += n
		}
	}
	return out, nil
}

// word reads one word and says how long it is.
func word(text string) (token, int, error) {
	t := token{kind: 'w', bare: true}
	var pattern strings.Builder
	quoted := false
	i := 0
scan:
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			if i++; i == len(text) {
				return t, 0, errors.New("a backslash ends the query")
			}
			t.bare = false
			pattern.WriteString(`\` + text[i:i+1])
		case c == '"':
			t.bare, quoted = false, !quoted
		case quoted && (c == '*' || c == '?'):
			pattern.WriteString(`\` + string(c))
		case quoted:
			pattern.WriteByte(c)
		case c == ' ' || c == '(' || c == ')' || c == ':':
			break scan
		case strings.IndexByte(reserved, c) >= 0:
			return t, 0, fmt.Errorf("%q needs a backslash in front of it", c)
		default:
			pattern.WriteByte(c)
		}
	}
	if quoted {
		return t, 0, errors.New("a quotation mark is not closed")
	}
	t.text, t.pattern = text[:i], strings.ToLower(pattern.String())
	return t, i, nil
}

// parser reads tokens.
type parser struct {
	tokens []token
	at     int
}

// keyword takes a keyword if it is next.
func (p *parser) keyword(name string) bool {
	if p.at < len(p.tokens) && p.tokens[p.at].bare && p.tokens[p.at].text == name {
		p.at++
		return true
	}
	return false
}

// sign takes a sign if it is next.
func (p *parser) sign(kind byte) bool {
	if p.at < len(p.tokens) && p.tokens[p.at].kind == kind {
		p.at++
		return true
	}
	return false
}

func (p *parser) either() (*term, error) { return p.joined("OR", p.both) }

func (p *parser) both() (*term, error) { return p.joined("AND", p.single) }

// joined reads terms with a keyword between them.
func (p *parser) joined(keyword string, next func() (*term, error)) (*term, error) {
	out := &term{join: keyword}
	for {
		t, err := next()
		if err != nil {
			return nil, err
		}
		out.inner = append(out.inner, t)
		if !p.keyword(keyword) {
			break
		}
	}
	if len(out.inner) == 1 {
		return out.inner[0], nil
	}
	return out, nil
}

// single reads one comparison, a negation or a bracket.
func (p *parser) single() (*term, error) {
	if p.keyword("NOT") {
		t, err := p.single()
		return &term{join: "NOT", inner: []*term{t}}, err
	}
	if p.sign('(') {
		t, err := p.either()
		if err == nil && !p.sign(')') {
			err = errors.New("a bracket is not closed")
		}
		return t, err
	}
	first, err := p.word()
	if err != nil {
		return nil, err
	}
	if !p.sign(':') {
		return &term{value: first.pattern}, nil
	}
	if p.sign('(') {
		return p.values(first.text)
	}
	second, err := p.word()
	return &term{field: first.text, value: second.pattern}, err
}

// values reads "field:(a OR b)".
func (p *parser) values(field string) (*term, error) {
	t, err := p.either()
	if err == nil && !p.sign(')') {
		err = errors.New("a bracket is not closed")
	}
	if err == nil {
		err = t.setField(field)
	}
	return t, err
}

// setField says which field the values are of.
func (t *term) setField(field string) error {
	if t.join == "" && t.field != "" {
		return fmt.Errorf("the field %s is within the field %s", t.field, field)
	}
	if t.join == "" {
		t.field = field
	}
	for _, inner := range t.inner {
		if err := inner.setField(field); err != nil {
			return err
		}
	}
	return nil
}

// word takes a word that is no keyword.
func (p *parser) word() (token, error) {
	if p.at >= len(p.tokens) {
		return token{}, errors.New("the query ends too soon")
	}
	t := p.tokens[p.at]
	if t.kind != 'w' || t.bare && (t.text == "AND" || t.text == "OR" || t.text == "NOT") {
		return token{}, fmt.Errorf("%q stands where a value is expected", t.text)
	}
	p.at++
	return t, nil
}

// repeatsScope says whether the same scope of a tag is asked for twice, for which the real search finds nothing.
func (t *term) repeatsScope() bool {
	seen := map[string]bool{}
	var walk func(*term) bool
	walk = func(t *term) bool {
		if t.field == "tags.scope" {
			if seen[t.value] {
				return true
			}
			seen[t.value] = true
		}
		return slices.ContainsFunc(t.inner, walk)
	}
	return walk(t)
}

// matches evaluates a query for a document.
func (t *term) matches(doc map[string]any) bool {
	switch t.join {
	case "AND":
		for _, inner := range t.inner {
			if !inner.matches(doc) {
				return false
			}
		}
		return true
	case "OR":
		for _, inner := range t.inner {
			if inner.matches(doc) {
				return true
			}
		}
		return false
	case "NOT":
		return !t.inner[0].matches(doc)
	}
	var found bool
	visit(doc, t.field, func(value string) {
		found = found || glob(t.value, strings.ToLower(value))
	})
	return found
}

// visit calls do with the values of a field, through lists; with those of all fields, and with what they have after a colon, if
// the field is empty.
func visit(value any, field string, do func(string)) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			visit(inner, field, do)
		}
	case map[string]any:
		name, rest, _ := strings.Cut(field, ".")
		for key, inner := range v {
			if field == "" || key == name {
				visit(inner, rest, do)
			}
		}
	case nil:
	default:
		text := fmt.Sprint(v)
		do(text)
		if _, after, ok := strings.Cut(text, ":"); ok {
			do(after)
		}
	}
}

// glob compares a text with a pattern: after a star that did not fit it goes back to the last one alone.
func glob(pattern, text string) bool {
	star, back := -1, 0
	p, i := 0, 0
	for i < len(text) {
		size, next, fits := step(pattern[p:], text[i:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, i
			p++
		case fits:
			p, i = p+next, i+size
		case star >= 0:
			back++
			p, i = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// step compares the beginnings of a pattern without a star and of a text, and says how long both are.
func step(pattern, text string) (size, next int, fits bool) {
	switch {
	case pattern == "":
		return 0, 0, false
	case pattern[0] == '?':
		_, size = utf8.DecodeRuneInString(text)
		return size, 1, true
	case pattern[0] == '\\' && len(pattern) > 1:
		return 1, 2, pattern[1] == text[0]
	default:
		return 1, 1, pattern[0] == text[0]
	}
}
