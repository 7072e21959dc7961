package cbchunt

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// glob is a pattern in which * stands for any text, ? for one character, and [a-z] and [!a-z] for one character of a set or outside
// it. Case does not matter, and a backslash is a character like others: it stands between domain and host.
type glob struct {
	text string
	re   *regexp.Regexp
}

func compileGlob(text string) (glob, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return glob{}, errors.New("a pattern is empty")
	}
	var b strings.Builder
	b.WriteString(`(?is)\A`)
	rest := text
	for rest != "" {
		at := strings.IndexAny(rest, "*?[")
		if at < 0 {
			at = len(rest)
		}
		b.WriteString(regexp.QuoteMeta(rest[:at]))
		rest = rest[at:]
		switch {
		case rest == "":
		case rest[0] == '[':
			set, after, err := globSet(rest)
			if err != nil {
				return glob{}, fmt.Errorf("%q is no pattern: %w", text, err)
			}
			b.WriteString(set)
			rest = after
		default:
			b.WriteString(map[byte]string{'*': ".*", '?': "."}[rest[0]])
			rest = rest[1:]
		}
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return glob{}, fmt.Errorf("%q is no pattern, such as DC-* or FIN-[0-9]?", text)
	}
	return glob{text: text, re: re}, nil
}

// globSet reads a set of characters at the beginning of a pattern.
func globSet(s string) (set, rest string, err error) {
	body, rest, ok := strings.Cut(s[1:], "]")
	if !ok {
		return "", "", errors.New("a [ has no ]")
	}
	not := ""
	if strings.HasPrefix(body, "!") || strings.HasPrefix(body, "^") {
		not, body = "^", body[1:]
	}
	if body == "" {
		return "", "", errors.New("a set has no characters")
	}
	body = strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(body)
	return "[" + not + body + "]", rest, nil
}

func (g glob) fits(s string) bool { return g.re.MatchString(s) }

// compileGlobs compiles all of them and reports every one that is none.
func compileGlobs(texts []string) ([]glob, error) {
	var globs []glob
	var problems []error
	for _, text := range texts {
		g, err := compileGlob(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		globs = append(globs, g)
	}
	return globs, errors.Join(problems...)
}

// foreign makes one short line of a text from outside.
func foreign(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "..."
	}
	return s
}
