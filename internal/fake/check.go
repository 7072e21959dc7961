package fake

import (
	"errors"
	"fmt"
	"slices"
)

// Checker collects the contradictions of a world. Name begins their texts: "cbctest".
type Checker struct {
	Name     string
	seen     map[string]bool
	problems []error
}

// Fail adds a contradiction.
func (c *Checker) Fail(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(c.Name+": world: "+format, args...))
}

// Need adds a contradiction unless ok.
func (c *Checker) Need(ok bool, format string, args ...any) {
	if !ok {
		c.Fail(format, args...)
	}
}

// Once finds what is there twice.
func (c *Checker) Once(what string, id any) {
	key := fmt.Sprintf("%s %v", what, id)
	c.Need(!c.seen[key], "%s is there twice", key)
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[key] = true
}

// Word finds words that are neither empty nor known.
func (c *Checker) Word(what, value string, known ...string) {
	c.Need(value == "" || slices.Contains(known, value), "%s is %q and not one of %q", what, value, known)
}

// Err joins what was found; nil if nothing was.
func (c *Checker) Err() error { return errors.Join(c.problems...) }
