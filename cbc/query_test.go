package cbc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
)

func TestExpr(t *testing.T) {
	t.Parallel()
	a, b, c := cbc.Field("a").AnyOf("1"), cbc.Field("b").AnyOf("2"), cbc.Field("c").AnyOf("3")
	for _, tt := range []struct {
		name string
		expr cbc.Expr
		want string
	}{
		{"one value stands alone", cbc.Field("process_hash").AnyOf("abc"), "process_hash:abc"},
		{"several values are a group", cbc.Field("process_hash").AnyOf("abc", "def"), "process_hash:(abc OR def)"},
		{"hashes are lower-case hexadecimal", cbc.Field("hash").SHA256([32]byte{31: 0xAB}), "hash:" + strings.Repeat("0", 62) + "ab"},
		{"a path is escaped", cbc.Field("process_name").AnyOf(`c:\users\pat\a (1).exe`), `process_name:c\:\\users\\pat\\a\ \(1\).exe`},
		{"wildcards are literal", cbc.Field("process_name").AnyOf("*.ex?"), `process_name:\*.ex\?`},
		{"operators as values are quoted", cbc.Field("device_name").AnyOf("OR", "not"), `device_name:("OR" OR "not")`},
		{"a quote cannot end anything", cbc.Field("process_name").AnyOf(`" OR process_name:*`), `process_name:\"\ OR\ process_name\:\*`},
		{"other scripts stay as they are", cbc.Field("process_name").AnyOf("счёт.exe"), "process_name:счёт.exe"},
		{"wide spaces are escaped", cbc.Field("process_name").AnyOf("a\u3000b"), "process_name:a\\\u3000b"},
		{"a prefix ends in a wildcard", cbc.Field("name").Prefix("lap-04"), `name:lap\-04*`},
		{"presence", cbc.Field("process_hash").Exists(), "process_hash:*"},
		{"and", cbc.And(a, b), "a:1 AND b:2"},
		{"or inside and is grouped", cbc.And(a, cbc.Or(b, c)), "a:1 AND (b:2 OR c:3)"},
		{"and inside or is grouped", cbc.Or(a, cbc.And(b, c)), "a:1 OR (b:2 AND c:3)"},
		{"one part needs no group", cbc.And(cbc.Or(a)), "a:1"},
		{"not beside something", cbc.And(a, cbc.Not(b)), "a:1 AND NOT b:2"},
		{"not of a group", cbc.And(a, cbc.Not(cbc.Or(b, c))), "a:1 AND NOT (b:2 OR c:3)"},
		{"not alone has something to exclude from", cbc.Not(a), "process_guid:* AND NOT a:1"},
		{"not inside or as well", cbc.Or(a, cbc.Not(b)), "a:1 OR (process_guid:* AND NOT b:2)"},
		{"only nots", cbc.And(cbc.Not(a), cbc.Not(b)), "process_guid:* AND NOT a:1 AND NOT b:2"},
		{"only nots, deeper", cbc.And(c, cbc.And(cbc.Not(a), cbc.Not(b))), "c:3 AND (process_guid:* AND NOT a:1 AND NOT b:2)"},
		{"not not", cbc.Not(cbc.Not(a)), "a:1"},
		{"not of a group of one not", cbc.Not(cbc.And(cbc.Not(a))), "a:1"},
		{"an operator's own text is a group of its own", cbc.And(a, cbc.Raw("x OR y")), "a:1 AND (x OR y)"},
		{"alone it needs none", cbc.Raw(`netconn_port:[1024 TO 65535} "a (" \)`), `netconn_port:[1024 TO 65535} "a (" \)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.expr.Err(); err != nil {
				t.Fatalf("Err() = %v", err)
			}
			if got := tt.expr.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExprThatMakesNoSense(t *testing.T) {
	t.Parallel()
	good := cbc.Field("a").AnyOf("1")
	for _, tt := range []struct {
		name string
		expr cbc.Expr
	}{
		{"nothing", cbc.Expr{}},
		{"no value", cbc.Field("a").AnyOf()},
		{"no hash", cbc.Field("a").SHA256()},
		{"an empty value", cbc.Field("a").AnyOf("1", "")},
		{"an empty prefix", cbc.Field("a").Prefix("")},
		{"a line break in a value", cbc.Field("a").AnyOf("1\n2")},
		{"a value that is not UTF-8", cbc.Field("a").AnyOf("\xff")},
		{"a field that is an expression", cbc.Field("a:1 OR b").AnyOf("1")},
		{"an upper-case field", cbc.Field("OR").AnyOf("1")},
		{"no field", cbc.Field("").AnyOf("1")},
		{"and of nothing", cbc.And()},
		{"or of nothing", cbc.Or()},
		{"a part that is missing", cbc.And(good, cbc.Expr{})},
		{"not of nothing", cbc.Not(cbc.Expr{})},
		{"a part that is wrong, deep down", cbc.Or(good, cbc.Not(cbc.And(good, cbc.Raw("("))))},
		{"raw: nothing", cbc.Raw(" ")},
		{"raw: a group left open", cbc.Raw("(a")},
		{"raw: a group closed twice", cbc.Raw("a) OR (b")},
		{"raw: a quote left open", cbc.Raw(`a "b`)},
		{"raw: the wrong bracket", cbc.Raw("(a]")},
		{"raw: a backslash that would take the next bracket", cbc.Raw(`a \`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.expr.Err(); err == nil {
				t.Errorf("Err() = nil for %q", tt.expr)
			} else if !strings.HasPrefix(err.Error(), "cbc: query: ") {
				t.Errorf("Err() = %q, want it to name the package and the query", err)
			}
			if got := tt.expr.String(); got != "" {
				t.Errorf("String() = %q, want nothing", got)
			}
		})
	}
}

// tokens reads an expression the way the documented language is defined: white space separates, a backslash takes the meaning from
// what follows, quotes take it from all but themselves. Words are returned with a leading =, so that an operator that is a value
// differs from one that is none.
func tokens(text string) ([]string, error) {
	var out []string
	word, inWord, literal := "", false, false
	flush := func() {
		switch {
		case !inWord:
		case !literal && slices.Contains([]string{"AND", "OR", "NOT"}, word):
			out = append(out, word)
		default:
			out = append(out, "="+word)
		}
		word, inWord, literal = "", false, false
	}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\':
			i++
			if i == len(runes) || runes[i] == 'u' {
				return nil, fmt.Errorf("a bad escape in %q", text)
			}
			word, inWord, literal = word+string(runes[i]), true, true
		case r == '"':
			for i++; i < len(runes) && runes[i] != '"'; i++ {
				if runes[i] == '\\' {
					i++
				}
				word += string(runes[i])
			}
			if i >= len(runes) {
				return nil, fmt.Errorf("an open quote in %q", text)
			}
			inWord, literal = true, true
		case unicode.IsSpace(r):
			flush()
		case strings.ContainsRune("()[]{}:*?~^!+/&|", r) || r == '-' && !inWord:
			flush()
			out = append(out, string(r))
		default:
			word, inWord = word+string(r), true
		}
	}
	flush()
	return out, nil
}

func FuzzExprValues(f *testing.F) {
	for _, seed := range []string{"a", "OR", `a" OR b`, `\`, `c:\users\pat\a (1).exe`, "a*", "-x", "a\u3000b", "[1 TO 2]", "u0041", "&&", "/re/", "\n", "a b"} {
		f.Add(seed, "other")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		expr := cbc.And(cbc.Field("x").AnyOf(a, b), cbc.Not(cbc.Field("y").AnyOf(b)))
		if expr.Err() != nil {
			if !strings.ContainsFunc(a+b, unicode.IsControl) && a != "" && b != "" && utf8.ValidString(a) && utf8.ValidString(b) {
				t.Fatalf("Err() = %v for %q, %q", expr.Err(), a, b)
			}
			return
		}
		got, err := tokens(expr.String())
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"=x", ":", "(", "=" + a, "OR", "=" + b, ")", "AND", "NOT", "=y", ":", "=" + b}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q is read differently from how it was meant (-want +got):\n%s", expr, diff)
		}
	})
}

func FuzzRaw(f *testing.F) {
	for _, seed := range []string{"a OR b", "(a", `"a`, `a\`, `[1 TO 2}`, ")(", `"\"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		expr := cbc.And(cbc.Field("x").AnyOf("1"), cbc.Raw(text))
		if expr.Err() != nil || len(text) > 1000 {
			return
		}
		got, err := tokens(expr.String())
		if err != nil {
			return // the vendor's to judge: \u
		}
		depth := 0
		for i, token := range got[4:] {
			switch token {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
			if depth == 0 && i != len(got[4:])-1 {
				t.Fatalf("%q left its group at token %d of %q", text, i, got)
			}
		}
	})
}
