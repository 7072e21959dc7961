package nsxtest

import (
	"net/http"
	"strconv"
	"strings"
)

// before says whether the simulated version is older than another, such as "4.1.2".
func (s *Server) before(version string) bool {
	mine, theirs := strings.Split(s.version, "."), strings.Split(version, ".")
	for i, text := range theirs {
		n := 0
		if i < len(mine) {
			n, _ = strconv.Atoi(mine[i])
		}
		if want, _ := strconv.Atoi(text); n != want {
			return n < want
		}
	}
	return false
}

// from serves a call that came with a version; before, its path does not exist.
func (s *Server) from(version string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.before(version) {
			s.absent(w, r)
			return
		}
		h(w, r)
	}
}

// until serves a call that went with a version; from then on its path does not exist.
func (s *Server) until(version string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.before(version) {
			s.absent(w, r)
			return
		}
		h(w, r)
	}
}

// absent answers to a path that the simulated version does not have.
func (*Server) absent(w http.ResponseWriter, r *http.Request) {
	refuse(w, &problem{status: http.StatusNotFound, code: codeNotFound, text: "The path " + r.URL.EscapedPath() + " does not exist."})
}
