package fake

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Option changes how a route is treated.
type Option func(*route)

// Open takes a route out of authentication: for calls that log in, and for presigned addresses.
func Open(r *route) { r.open = true }

// Secret keeps the body of a route's requests out of the journal, because it carries credentials.
func Secret(r *route) { r.secret = true }

// route is a pattern taken apart.
type route struct {
	pattern      string
	method       string
	segments     []string
	query        url.Values
	handler      http.Handler
	open, secret bool
}

// router finds the route of a request. Patterns work on the escaped path: an escaped slash never separates segments.
type router struct{ routes []*route }

// Handle serves a pattern, which is also the name of the operation: a method, a space and a path whose segments are literal,
// "{name}" (one non-empty segment, told by r.PathValue) or, at the end, "{name...}" (the rest, at least one segment). Query
// parameters that tell operations of one path apart can be added: "POST /things?action=add". The most literal pattern wins.
// It panics on a pattern that is malformed or given twice, as [http.ServeMux] does.
func (s *Server) Handle(pattern string, h http.HandlerFunc, opts ...Option) {
	method, rest, ok := strings.Cut(pattern, " ")
	path, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if !ok || method == "" || !strings.HasPrefix(path, "/") || err != nil {
		panic(fmt.Sprintf("fake: malformed pattern %q", pattern))
	}
	if slices.Contains(s.Operations(), pattern) {
		panic(fmt.Sprintf("fake: pattern %q given twice", pattern))
	}
	r := &route{pattern: pattern, method: method, segments: strings.Split(path[1:], "/"), query: values, handler: h}
	for _, o := range opts {
		o(r)
	}
	s.routes.routes = append(s.routes.routes, r)
}

// Operations lists all patterns, sorted.
func (s *Server) Operations() []string {
	out := make([]string, 0, len(s.routes.routes))
	for _, r := range s.routes.routes {
		out = append(out, r.pattern)
	}
	slices.Sort(out)
	return out
}

// find returns the route of a request and sets its path values; if only the method is wrong, it names those allowed.
func (rt *router) find(r *http.Request) (found *route, allowed string) {
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	query := r.URL.Query()
	var methods []string
	var values map[string]string
	for _, candidate := range rt.routes {
		v, ok := candidate.match(segments)
		switch {
		case !ok:
		case candidate.method != r.Method:
			methods = append(methods, candidate.method)
		case !candidate.matchQuery(query):
		case found == nil || candidate.beats(found):
			found, values = candidate, v
		}
	}
	for name, value := range values {
		r.SetPathValue(name, value)
	}
	if found != nil {
		return found, ""
	}
	slices.Sort(methods)
	return nil, strings.Join(slices.Compact(methods), ", ")
}

// match compares a path with the pattern and returns the values of its placeholders.
func (r *route) match(segments []string) (map[string]string, bool) {
	var values map[string]string
	set := func(name, value string) {
		if values == nil {
			values = map[string]string{}
		}
		values[name] = value
	}
	for i, want := range r.segments {
		if i >= len(segments) {
			return nil, false
		}
		got, err := url.PathUnescape(segments[i])
		if err != nil {
			return nil, false
		}
		name, isPlaceholder := placeholder(want)
		switch rest, isRest := strings.CutSuffix(name, "..."); {
		case isPlaceholder && isRest:
			tail, err := url.PathUnescape(strings.Join(segments[i:], "/"))
			if err != nil || tail == "" {
				return nil, false
			}
			set(rest, tail)
			return values, true
		case isPlaceholder:
			if got == "" {
				return nil, false
			}
			set(name, got)
		case got != want:
			return nil, false
		}
	}
	return values, len(segments) == len(r.segments)
}

// placeholder returns the name between the braces.
func placeholder(segment string) (string, bool) {
	if strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}") {
		return segment[1 : len(segment)-1], true
	}
	return "", false
}

// matchQuery says whether the parameters in the pattern are exactly those in the request, others aside.
func (r *route) matchQuery(query url.Values) bool {
	for name, want := range r.query {
		if !slices.Equal(query[name], want) {
			return false
		}
	}
	return true
}

// beats says whether r is the more literal pattern of two that match.
func (r *route) beats(other *route) bool {
	for i := range min(len(r.segments), len(other.segments)) {
		_, mine := placeholder(r.segments[i])
		_, theirs := placeholder(other.segments[i])
		if mine != theirs {
			return theirs
		}
	}
	if len(r.segments) != len(other.segments) {
		return len(r.segments) > len(other.segments)
	}
	return len(r.query) > len(other.query)
}
