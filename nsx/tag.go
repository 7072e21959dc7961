package nsx

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The longest parts of a tag, in characters.
const (
	MaxScope = 128
	MaxTag   = 256
)

// Tag is a tag of a machine. Both parts make its identity, with their case. Either may be empty, but not both.
type Tag struct {
	// Scope is the key.
	Scope string `json:"scope"`
	// Tag is the value.
	Tag string `json:"tag"`
}

// ParseTag reads a tag as the conditions of groups spell it: "scope|tag", or "|tag" and "tag" for one without a scope, or "scope|"
// for one that is a scope alone. Space around the parts is dropped.
func ParseTag(s string) (Tag, error) {
	scope, tag, found := strings.Cut(s, "|")
	if !found {
		scope, tag = "", s
	}
	if strings.Contains(tag, "|") {
		return Tag{}, fmt.Errorf("nsx: tag %s has more than one \"|\"", quoted(s))
	}
	t := Tag{Scope: strings.TrimSpace(scope), Tag: strings.TrimSpace(tag)}
	if err := t.check(); err != nil {
		return Tag{}, fmt.Errorf("nsx: %w", err)
	}
	return t, nil
}

// String spells the tag as [ParseTag] reads it. One with a bar in a part of it has no such spelling: ParseTag refuses what it says.
func (t Tag) String() string {
	if t.Scope == "" && !strings.Contains(t.Tag, "|") {
		return t.Tag
	}
	return t.Scope + "|" + t.Tag
}

func (t Tag) check() error {
	switch {
	case t.Scope == "" && t.Tag == "":
		return errors.New("a tag needs a scope or a value")
	case !utf8.ValidString(t.Scope) || !utf8.ValidString(t.Tag):
		return fmt.Errorf("tag %s is not UTF-8", quoted(t.String()))
	case utf8.RuneCountInString(t.Scope) > MaxScope:
		return fmt.Errorf("tag %s: the scope has more than %d characters", quoted(t.String()), MaxScope)
	case utf8.RuneCountInString(t.Tag) > MaxTag:
		return fmt.Errorf("tag %s: the value has more than %d characters", quoted(t.String()), MaxTag)
	}
	return nil
}

// quoted shows a text in an error, the beginning of it if it is long.
func quoted(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return fmt.Sprintf("%q...", string(r[:most]))
	}
	return fmt.Sprintf("%q", s)
}
