package main

import (
	"slices"
	"strings"
)

// secret is a text that no way of printing it shows: a field that is a string is shown by fmt whatever methods its type has. Nil is
// an empty one.
type secret func() string

func conceal(text string) secret {
	if text == "" {
		return nil
	}
	return func() string { return text }
}

func (s secret) text() string {
	if s == nil {
		return ""
	}
	return s()
}

// withoutSecrets is an environment without the variables that are secrets of the configuration. Those that name a file stay.
func withoutSecrets(environ []string) []string {
	if environ == nil {
		return nil
	}
	all := make(map[string]bool)
	known := schema()
	for _, pair := range environ {
		if section, ok := hookOfEnv(pair); ok {
			known = append(known, hookKeys(section)...)
		}
	}
	for _, k := range known {
		all[k.env()] = k.secret
	}
	rest := make([]string, 0, len(environ))
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); !all[name] {
			rest = append(rest, pair)
		}
	}
	return slices.Clip(rest)
}
