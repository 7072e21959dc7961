package cbc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expr is a search expression. Make one with [Field], [And], [Or], [Not] and [Raw]. Values are escaped, so that none of them can
// add to the expression or break it. An Expr that makes no sense remembers why, and the search it is given to fails with that
// before anything is sent. The zero value is no expression.
type Expr struct {
	kind  exprKind
	text  string
	terms int // how many values text has
	kids  []Expr
	err   error
}

type exprKind int

const (
	noExpr exprKind = iota
	termExpr
	rawExpr
	andExpr
	orExpr
	notExpr
)

// anchor is what every process has. An expression that only excludes finds nothing by itself, in a group in particular: it needs
// something to exclude from.
const anchor = "process_guid:*"

// FieldName is the name of a searchable field, such as process_hash.
type FieldName struct{ name string }

// Field names a field to search in. Names are lower case; one that cannot be a name spoils the expression made of it.
func Field(name string) FieldName { return FieldName{name} }

// AnyOf finds what has any of the values in the field. Values are taken literally, wildcards included, and must not be empty. The
// number of values that a search takes is not documented; a hundred hashes are known to work.
func (f FieldName) AnyOf(values ...string) Expr {
	terms := make([]string, len(values))
	for i, v := range values {
		term, err := literal(v)
		if err != nil {
			return f.broken(err)
		}
		terms[i] = term
	}
	return f.of(terms)
}

// SHA256 is AnyOf for hashes.
func (f FieldName) SHA256(hashes ...[32]byte) Expr { return f.of(hexadecimal(hashes)) }

// hexadecimal writes hashes as the vendor wants them.
func hexadecimal(hashes [][32]byte) []string {
	texts := make([]string, len(hashes))
	for i, h := range hashes {
		texts[i] = hex.EncodeToString(h[:])
	}
	return texts
}

// Prefix finds what has a value in the field that begins with prefix, which is taken literally.
func (f FieldName) Prefix(prefix string) Expr {
	term, err := escape(prefix)
	if err != nil {
		return f.broken(err)
	}
	return f.of([]string{term + "*"})
}

// Exists finds what has the field at all.
func (f FieldName) Exists() Expr { return f.of([]string{"*"}) }

func (f FieldName) of(terms []string) Expr {
	switch {
	case !isFieldName(f.name):
		return Expr{kind: termExpr, err: fmt.Errorf("%q is no field name", f.name)}
	case len(terms) == 0:
		return f.broken(errors.New("no value to look for"))
	case len(terms) == 1:
		return Expr{kind: termExpr, text: f.name + ":" + terms[0], terms: 1}
	}
	return Expr{kind: termExpr, text: f.name + ":(" + strings.Join(terms, " OR ") + ")", terms: len(terms)}
}

func (f FieldName) broken(err error) Expr {
	return Expr{kind: termExpr, err: fmt.Errorf("field %q: %w", f.name, err)}
}

func isFieldName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r == '_'
		later := r >= '0' && r <= '9' || r == '.'
		if !letter && (i == 0 || !later) {
			return false
		}
	}
	return name != ""
}

// And finds what all of the expressions find.
func And(all ...Expr) Expr { return Expr{kind: andExpr, kids: all} }

// Or finds what any of the expressions finds.
func Or(some ...Expr) Expr { return Expr{kind: orExpr, kids: some} }

// Not finds what e does not find.
func Not(e Expr) Expr { return Expr{kind: notExpr, kids: []Expr{e}} }

// Raw is an expression in the vendor's own language, for text that an operator wrote: never for values from the wire. Its
// quotes, brackets and escapes must be closed, so that it cannot reach out of the place it is put at; the rest of it the vendor
// judges: see [Processes.Validate]. Text that only excludes finds nothing inside a larger expression; write it with [Not].
func Raw(text string) Expr {
	text = strings.TrimSpace(text)
	return Expr{kind: rawExpr, text: text, err: checkRaw(text)}
}

// IsZero tells whether e is no expression.
func (e Expr) IsZero() bool { return e.kind == noExpr }

// Err tells why e cannot be searched for, if it cannot.
func (e Expr) Err() error {
	_, err := e.build()
	return err
}

// String is the expression as it is sent, empty for one that cannot be sent.
func (e Expr) String() string {
	text, err := e.build()
	if err != nil {
		return ""
	}
	return text
}

// build is the text of the whole expression, for records of processes. The zero value is an error: a restriction that got lost
// widens a search.
func (e Expr) build() (string, error) { return e.buildFor(anchor) }

// buildFor is build for other records: anchor is what all of them have, empty if nothing is known that they have.
func (e Expr) buildFor(anchor string) (string, error) {
	text, err := e.simple().render(anchor)
	if err != nil {
		return "", fmt.Errorf("cbc: query: %w", err)
	}
	return text, nil
}

// simple is the same expression without double negation and without groups of one.
func (e Expr) simple() Expr {
	switch e.kind {
	case notExpr:
		kid := e.kids[0].simple()
		if kid.kind == notExpr {
			return kid.kids[0]
		}
		return Not(kid)
	case andExpr, orExpr:
		kids := make([]Expr, len(e.kids))
		for i, kid := range e.kids {
			kids[i] = kid.simple()
		}
		if len(kids) == 1 {
			return kids[0]
		}
		return Expr{kind: e.kind, kids: kids}
	default:
		return e
	}
}

func (e Expr) render(anchor string) (string, error) {
	switch {
	case e.err != nil:
		return "", e.err
	case e.kind == termExpr || e.kind == rawExpr:
		return e.text, nil
	case e.kind == notExpr:
		return And(e).renderAll(anchor)
	case e.kind == andExpr || e.kind == orExpr:
		return e.renderAll(anchor)
	}
	return "", errors.New("an expression is missing")
}

// renderAll renders a conjunction or disjunction.
func (e Expr) renderAll(anchor string) (string, error) {
	if len(e.kids) == 0 {
		return "", errors.New("nothing to combine")
	}
	var parts []string
	excluding := 0
	for _, kid := range e.kids {
		not := ""
		if e.kind == andExpr && kid.kind == notExpr {
			not, kid = "NOT ", kid.kids[0]
			excluding++
		}
		text, err := kid.render(anchor)
		if err != nil {
			return "", err
		}
		if kid.kind != termExpr {
			text = "(" + text + ")"
		}
		parts = append(parts, not+text)
	}
	switch {
	case excluding < len(e.kids):
	case anchor == "":
		return "", errors.New("an expression that only excludes finds nothing here: say what to exclude from, or use Exclusions where there are any")
	default:
		parts = append([]string{anchor}, parts...)
	}
	if e.kind == orExpr {
		return strings.Join(parts, " OR "), nil
	}
	return strings.Join(parts, " AND "), nil
}

// literal writes a value so that it stands for nothing but itself.
func literal(value string) (string, error) {
	switch strings.ToUpper(value) {
	case "AND", "OR", "NOT", "TO":
		return `"` + value + `"`, nil // an operator, unless it is quoted
	}
	return escape(value)
}

// checkValue refuses what cannot be a value.
func checkValue(value string) error {
	switch {
	case value == "":
		return errors.New("an empty value")
	case !utf8.ValidString(value):
		return errors.New("a value that is not UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		return errors.New("a value with a control character")
	}
	return nil
}

// escape puts a backslash before each character that means something. A letter must never get one: \u begins a character code.
func escape(value string) (string, error) {
	if err := checkValue(value); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range value {
		if strings.ContainsRune(`+-&|!(){}[]^"~*?:;/\`, r) || unicode.IsSpace(r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}

// checkRaw makes sure that a text cannot end the group that it will stand in.
func checkRaw(text string) error {
	switch {
	case text == "":
		return errors.New("an empty expression")
	case !utf8.ValidString(text):
		return errors.New("an expression that is not UTF-8")
	}
	var open []rune
	quoted, escaped := false, false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '(' || r == '[' || r == '{':
			open = append(open, r)
		case r == ')' || r == ']' || r == '}':
			// A range may be closed by either bracket: [1 TO 5} leaves out the 5.
			if len(open) == 0 || (open[len(open)-1] == '(') != (r == ')') {
				return fmt.Errorf("an expression with a %q too many", r)
			}
			open = open[:len(open)-1]
		}
	}
	switch {
	case escaped:
		return errors.New("an expression that ends in a backslash")
	case quoted:
		return errors.New("an expression with an open quote")
	case len(open) > 0:
		return fmt.Errorf("an expression with an open %q", open[len(open)-1])
	}
	return nil
}
