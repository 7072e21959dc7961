package proofpointtest

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Account is a credential of the tenant, as an administrator makes it in the dashboard.
type Account struct {
	// Principal and Secret are the user name and the password.
	Principal string `json:"principal"`
	Secret    string `json:"secret"`
	// Unentitled answers the SIEM calls of this credential with 403: it is valid, but has no right to the data.
	Unentitled bool `json:"unentitled,omitempty"`
}

// accountKey is the context key of a request's account.
type accountKey struct{}

// authenticate refuses what is not signed with the right credentials.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := s.account(r)
		if a == nil {
			refuseLogin(w)
			return
		}
		if a.Unentitled && strings.HasPrefix(r.URL.EscapedPath(), "/v2/siem/") {
			http.Error(w, "The credential has no right to the data of this customer.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), accountKey{}, a)))
	})
}

// account is the one that signed a request, nil if none did.
func (s *Server) account(r *http.Request) *Account {
	principal, secret, ok := r.BasicAuth()
	if !ok {
		return nil
	}
	for i := range s.accounts {
		a := &s.accounts[i]
		same := subtle.ConstantTimeCompare([]byte(principal), []byte(a.Principal)) & subtle.ConstantTimeCompare([]byte(secret), []byte(a.Secret))
		if same == 1 {
			return a
		}
	}
	return nil
}

// principalOf is who signed a request; empty for nobody.
func principalOf(r *http.Request) string {
	if a, ok := r.Context().Value(accountKey{}).(*Account); ok {
		return a.Principal
	}
	return ""
}

// refuseLogin answers to missing and wrong credentials.
func refuseLogin(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="TAP"`)
	http.Error(w, "The credentials are missing or wrong.", http.StatusUnauthorized)
}
