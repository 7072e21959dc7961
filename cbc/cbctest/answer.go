package cbctest

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// wrap is outside everything, faults included: the limit of calls, and ids if they are switched on.
func (s *Server) wrap(next http.Handler) http.Handler {
	limited := s.limiter.wrap(next)
	if !s.world.Switches.RequestIDs {
		return limited
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, objectStorePrefix) && !strings.HasPrefix(r.URL.Path, cspPrefix) {
			w.Header().Set("X-Request-Id", "fake-"+strconv.FormatInt(s.answered.Add(1), 10))
		}
		limited.ServeHTTP(w, r)
	})
}

// keyOfRequest is where a request's context has the caller's [Key].
type keyOfRequest struct{}

// authenticate lets requests with a known token through.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, reason, bearer := s.bearerOf(r.Header)
		if !bearer {
			key, reason = s.keyOf(r.Header.Values("X-Auth-Token"))
		}
		if reason != "" {
			s.refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", reason)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), keyOfRequest{}, key)))
	})
}

// keyOf finds the key of a token, or says why there is none. The reason never repeats the token.
func (s *Server) keyOf(tokens []string) (Key, string) {
	switch {
	case len(tokens) == 0 || tokens[0] == "":
		return Key{}, "the header X-Auth-Token is missing"
	case s.csp().Only:
		return Key{}, "the organization takes bearer tokens alone"
	case len(tokens) > 1:
		return Key{}, "the header X-Auth-Token is given twice"
	}
	secret, id, ok := strings.Cut(tokens[0], "/")
	if !ok {
		return Key{}, "the header X-Auth-Token is not of the form secret/id"
	}
	for _, k := range s.keys {
		if k.Secret == secret && k.ID == id {
			return k, ""
		}
		if k.Secret == id && k.ID == secret {
			return Key{}, "the header X-Auth-Token is reversed: the secret comes first, then the id"
		}
	}
	return Key{}, "the header X-Auth-Token names no key of this console"
}

// callerID is the API ID of the caller.
func callerID(r *http.Request) string {
	key, _ := r.Context().Value(keyOfRequest{}).(Key)
	return key.ID
}

// refuse is fail for a caller whom the gateway turns away.
func (s *Server) refuse(w http.ResponseWriter, status int, code, message string) {
	if s.bareRefusals {
		w.WriteHeader(status)
		return
	}
	s.fail(w, status, code, message)
}

// fail answers with an error in the form of the current services.
func (s *Server) fail(w http.ResponseWriter, status int, code, message string) {
	s.reply(w, status, map[string]any{"error_code": code, "message": message})
}

// noRoute answers for a path that the fake does not have.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	s.fail(w, http.StatusNotImplemented, "NOT_IMPLEMENTED", "cbctest: no route for "+r.Method+" "+r.URL.EscapedPath())
}

// noMethod answers for a path that is asked for in another way than it can be.
func (s *Server) noMethod(w http.ResponseWriter, r *http.Request) {
	text := "cbctest: " + r.URL.EscapedPath() + " does not take " + r.Method + ", only " + w.Header().Get("Allow")
	s.fail(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", text)
}

// badRequest answers 400 with a reason.
func (s *Server) badRequest(w http.ResponseWriter, message string) {
	s.fail(w, http.StatusBadRequest, "INVALID_ARGUMENT", message)
}

// badEnum answers 400 to a word that is not one of those known.
func (s *Server) badEnum(w http.ResponseWriter, field, value string, known []string) {
	s.reply(w, http.StatusBadRequest, map[string]any{
		"error_code": "INVALID_ENUM_VALUE", "message": "Malformed JSON input: " + field,
		"field": field, "invalid_value": value, "known_values": known,
	})
}

// reply answers with JSON.
func (s *Server) reply(w http.ResponseWriter, status int, value any) {
	fake.WriteJSON(w, status, value)
}

// decode reads a body whose members must all be known, or answers 400 with the reason.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := fake.DecodeStrict(r, into); err != nil {
		s.fail(w, http.StatusBadRequest, "MALFORMED_JSON", err.Error())
		return false
	}
	return true
}
