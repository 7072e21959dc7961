package cbctest

import (
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// cspPrefix is the path under which VMware Cloud Services signs callers in.
const cspPrefix = "/csp/"

// CSP describes the sign-in of organizations that VMware Cloud Services manages (Prod UK, GovCloud): bearer tokens in place of
// X-Auth-Token. The fake serves it at its own address.
type CSP struct {
	// Apps are the OAuth apps that sign in with the client credentials grant.
	Apps []CSPApp `json:"apps,omitempty"`
	// Tokens are the API tokens that can be exchanged.
	Tokens []CSPToken `json:"tokens,omitempty"`
	// Lifetime is how long a bearer token is good. Defaults to 30 minutes.
	Lifetime time.Duration `json:"lifetime,omitempty"`
	// Only refuses the keys of the console, as those organizations do.
	Only bool `json:"only,omitempty"`
}

// CSPApp is an OAuth app.
type CSPApp struct {
	// ID and Secret are what the app signs in with.
	ID     string `json:"id"`
	Secret string `json:"secret"`
	// Permissions are written as those of a [Key].
	Permissions []string `json:"permissions"`
}

// CSPToken is an API token of a user.
type CSPToken struct {
	// Token is the token itself.
	Token string `json:"token"`
	// User is whose it is; what the user does is done in this name.
	User string `json:"user"`
	// Permissions are written as those of a [Key].
	Permissions []string `json:"permissions"`
}

// bearers are the tokens that were handed out. It has a lock of its own, because every request asks it.
type bearers struct {
	mu     sync.Mutex
	issued map[string]bearer
	serial int
}

// bearer is what a token stands for.
type bearer struct {
	key   Key
	until time.Time
}

// issue makes up a token.
func (b *bearers) issue(key Key, until time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	token := madeUp("bearer token", b.serial) + "." + madeUp("bearer signature", b.serial)
	b.issued[token] = bearer{key: key, until: until}
	return token
}

// find tells what a token stands for, or why it is not good.
func (b *bearers) find(token string, now time.Time) (Key, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.issued[token]
	switch {
	case !ok:
		return Key{}, "the bearer token is not known"
	case !now.Before(known.until):
		return Key{}, "the bearer token has expired"
	default:
		return known.key, ""
	}
}

// registerCSP adds the two ways to sign in.
func (s *Server) registerCSP() {
	for pattern, h := range map[string]http.HandlerFunc{
		"POST " + cspPrefix + "gateway/am/api/auth/token":                s.signInApp,
		"POST " + cspPrefix + "gateway/am/api/auth/api-tokens/authorize": s.signInToken,
	} {
		s.fake.Handle(pattern, h, fake.Open, fake.Secret)
	}
}

// csp is how the organization signs in; its zero value knows nobody.
func (s *Server) csp() CSP {
	if s.world.CSP == nil {
		return CSP{}
	}
	return *s.world.CSP
}

// form reads a form that has exactly one member, or answers 400.
func (s *Server) form(w http.ResponseWriter, r *http.Request, member string) (value string, ok bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		s.cspError(w, http.StatusBadRequest, "the body is not application/x-www-form-urlencoded")
		return "", false
	}
	if err := r.ParseForm(); err != nil {
		s.cspError(w, http.StatusBadRequest, "the form is malformed")
		return "", false
	}
	if len(r.URL.RawQuery) > 0 || len(r.PostForm) != 1 || len(r.PostForm[member]) != 1 {
		s.cspError(w, http.StatusBadRequest, "the form has not "+member+" alone")
		return "", false
	}
	return r.PostForm.Get(member), true
}

// cspError answers in the form of that service.
func (s *Server) cspError(w http.ResponseWriter, status int, message string) {
	s.reply(w, status, map[string]any{"statusCode": status, "message": message})
}

// signInApp is the client credentials grant.
func (s *Server) signInApp(w http.ResponseWriter, r *http.Request) {
	grant, ok := s.form(w, r, "grant_type")
	if !ok {
		return
	}
	if grant != "client_credentials" {
		s.cspError(w, http.StatusBadRequest, "grant_type is not client_credentials")
		return
	}
	id, secret, ok := r.BasicAuth()
	apps := s.csp().Apps
	i := slices.IndexFunc(apps, func(a CSPApp) bool { return a.ID == id && a.Secret == secret })
	if !ok || i < 0 {
		s.cspError(w, http.StatusUnauthorized, "the app is not known")
		return
	}
	s.signIn(w, Key{ID: apps[i].ID, Permissions: apps[i].Permissions})
}

// signInToken exchanges an API token.
func (s *Server) signInToken(w http.ResponseWriter, r *http.Request) {
	token, ok := s.form(w, r, "api_token")
	if !ok {
		return
	}
	tokens := s.csp().Tokens
	i := slices.IndexFunc(tokens, func(t CSPToken) bool { return t.Token == token })
	if i < 0 {
		s.cspError(w, http.StatusBadRequest, "invalid_grant: the API token is not known")
		return
	}
	s.signIn(w, Key{ID: tokens[i].User, Permissions: tokens[i].Permissions})
}

// signIn hands out a bearer token.
func (s *Server) signIn(w http.ResponseWriter, key Key) {
	lifetime := s.csp().Lifetime
	s.reply(w, http.StatusOK, map[string]any{
		"access_token": s.bearers.issue(key, s.now().Add(lifetime)), "expires_in": int64(lifetime / time.Second),
		"token_type": "bearer", "scope": "ALL_PERMISSIONS", "refresh_token": nil,
	})
}

// bearerOf finds the key behind the header Authorization; given says whether it is there at all.
func (s *Server) bearerOf(header http.Header) (key Key, reason string, given bool) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return Key{}, "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	switch {
	case len(values) > 1 || len(header.Values("X-Auth-Token")) > 0:
		return Key{}, "credentials are given twice", true
	case !ok || !strings.EqualFold(scheme, "Bearer") || token == "":
		return Key{}, "the header Authorization is not of the form Bearer token", true
	}
	key, reason = s.bearers.find(token, s.now())
	return key, reason, true
}
