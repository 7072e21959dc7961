package actions

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// secrets are texts that no outcome may repeat: outcomes end in the ledger, in the report and in the audit log. The longest come first.
type secrets []string

const (
	withheld = "[withheld]"
	// shortestSecret keeps words that are part of many texts from being taken for secrets.
	shortestSecret = 6
)

var (
	secretName = regexp.MustCompile(`(?i)secret|passw|pwd|token|key|credential|auth`)
	// login finds a user with a password in front of a host.
	login = regexp.MustCompile(`[^\s/"':@]*:[^\s/"'@]+@`)
)

func (s *secrets) add(values ...string) {
	for _, v := range values {
		if len(v) >= shortestSecret {
			*s = append(*s, v)
		}
	}
	slices.SortFunc(*s, func(a, b string) int { return len(b) - len(a) })
}

// in tells whether a text repeats any of them, or has a password of a proxy in it.
func (s secrets) in(text string) bool {
	return login.MatchString(text) || slices.ContainsFunc(s, func(v string) bool { return strings.Contains(text, v) })
}

// blank takes them out of a text.
func (s secrets) blank(text string) string {
	for _, v := range s {
		text = strings.ReplaceAll(text, v, withheld)
	}
	return login.ReplaceAllString(text, withheld+"@")
}

// urlSecrets are all parts of an address behind its host, and its user.
func urlSecrets(u *url.URL) secrets {
	var s secrets
	s.add(u.Path, u.EscapedPath(), u.RawQuery, u.Fragment)
	s.add(strings.Split(u.Path, "/")...)
	s.add(strings.Split(u.EscapedPath(), "/")...)
	for _, values := range u.Query() {
		for _, v := range values {
			s.add(v, url.QueryEscape(v))
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.add(password, u.User.String())
	}
	return s
}

// scriptSecrets are what a command could repeat in a complaint: the values of variables and of its own options whose names say that
// they are secret. A command gets the environment of the program, with the keys that are in it.
func scriptSecrets(environ, command []string) secrets {
	var s secrets
	for _, variable := range environ {
		// What ends like this names a file.
		if name, value, _ := strings.Cut(variable, "="); secretName.MatchString(name) && !strings.HasSuffix(strings.ToLower(name), "_file") {
			s.addValue(value)
		}
	}
	for i, arg := range command {
		if at := strings.IndexAny(arg, "=:"); at > 0 && secretName.MatchString(arg[:at]) {
			s.addValue(strings.TrimSpace(arg[at+1:]))
		}
		if i > 0 && strings.HasPrefix(command[i-1], "-") && secretName.MatchString(command[i-1]) {
			s.addValue(arg)
		}
	}
	return s
}

// addValue adds a value, as it is and as it stands in an address, and its last word: the token behind "Bearer".
func (s *secrets) addValue(value string) {
	s.add(value, url.QueryEscape(value))
	if words := strings.Fields(value); len(words) > 1 {
		s.add(words[len(words)-1])
	}
}
