package cbctest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// term reads a word; an escaped character is never a wildcard.
func (p *parser) term() (pattern, error) {
	start := p.at
	var t pattern
	for !p.end() {
		c, size := utf8.DecodeRuneInString(p.rest())
		switch {
		case strings.ContainsRune(" \t\r\n():\"", c):
			if len(t) == 0 {
				return nil, p.fail("a value is missing")
			}
			return t, nil
		case strings.ContainsRune("[]{}^~", c):
			return nil, p.fail(fmt.Sprintf("%q in a value is not escaped", c))
		case c == '\\':
			p.at += size
			if p.end() {
				p.at = start
				return nil, p.fail("the query ends in an escape")
			}
			c, size = utf8.DecodeRuneInString(p.rest())
			t = append(t, letter{c: c})
		default:
			t = append(t, letter{c: c, wild: c == '*' || c == '?'})
		}
		p.at += size
	}
	return t, nil
}

// phrase reads what stands in double quotes. There are no wildcards in it.
func (p *parser) phrase() (pattern, error) {
	if !p.phrases {
		return nil, p.fail("double quotes are not supported here")
	}
	start := p.at
	p.at++
	var t pattern
	for !p.end() {
		c, size := utf8.DecodeRuneInString(p.rest())
		p.at += size
		switch c {
		case '"':
			if len(t) == 0 {
				return nil, p.fail("the phrase is empty")
			}
			return t, nil
		case '\\':
			if p.end() {
				continue
			}
			c, size = utf8.DecodeRuneInString(p.rest())
			p.at += size
		}
		t = append(t, letter{c: c})
	}
	p.at = start
	return nil, p.fail("unbalanced quote")
}
