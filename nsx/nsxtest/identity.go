package nsxtest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Token is a bearer token, as VMware Cloud and supervisors use them.
type Token struct {
	// Token is what stands after "Bearer".
	Token string `json:"token"`
	// User is the account that it stands for, one of World.Users.
	User string `json:"user"`
	// Expires is when it stops to work. Zero never does.
	Expires time.Time `json:"expires,omitzero"`
}

// Principal is a registered principal identity: a client that proves itself by a certificate.
type Principal struct {
	// Name and NodeID are unique together.
	Name   string `json:"name"`
	NodeID string `json:"node_id,omitempty"`
	// Fingerprint is the SHA-256 of the certificate in hexadecimal digits; colons and case are ignored.
	Fingerprint string `json:"fingerprint"`
	// ReadOnly is as in [User].
	ReadOnly bool `json:"read_only,omitempty"`
}

// identity is who sent a request.
type identity struct {
	name     string
	readOnly bool
	project  string
}

// identityKey is the context key of a request's identity.
type identityKey struct{}

// as hands a request on in somebody's name. Users of a project are kept to its paths.
func (s *Server) as(id identity, next http.Handler, w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	own := policyRoot + "/orgs/default/projects/" + id.project + "/"
	everybodys := strings.HasPrefix(path, "/api/session/") || strings.HasPrefix(path, "/api/v1/node/") || strings.HasPrefix(path, "/api/v1/reverse-proxy/")
	if id.project != "" && !everybodys && !strings.HasPrefix(path, own) {
		refuse(w, forbidden())
		return
	}
	next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, id)))
}

// of is the identity of an account.
func (s *Server) of(name string) identity {
	u := s.users[name]
	return identity{name, u.ReadOnly, u.Project}
}

// forbidden is a 403 that no login helps against.
func forbidden() *problem {
	return &problem{
		status: http.StatusForbidden, code: codePermission, module: "policy", text: "The user is not authorized to perform this operation.",
	}
}

// credentials takes an Authorization header apart. The scheme "Remote" has the payload of "Basic".
func credentials(r *http.Request) (scheme, name, secret string) {
	scheme, payload, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return "Bearer", "", payload
	case strings.EqualFold(scheme, "Basic"), strings.EqualFold(scheme, "Remote"):
		text, err := base64.StdEncoding.DecodeString(payload)
		name, secret, ok := strings.Cut(string(text), ":")
		if err != nil || !ok {
			return "", "", ""
		}
		if strings.EqualFold(scheme, "Remote") {
			return "Remote", name, secret
		}
		return "Basic", name, secret
	default:
		return "", "", ""
	}
}

// signIn checks the Authorization header of a request.
func (s *Server) signIn(r *http.Request) (identity, bool) {
	scheme, name, secret := credentials(r)
	remote := strings.Contains(name, "@")
	switch scheme {
	case "Bearer":
		t := s.token(secret)
		if t == nil {
			return identity{}, false
		}
		return s.of(t.User), true
	case "Remote":
		return s.of(name), remote && s.login(name, secret)
	case "Basic":
		refused := s.switches.BasicDisabled || s.switches.RemoteOnly && remote
		return s.of(name), !refused && s.login(name, secret)
	default:
		return identity{}, false
	}
}

// token finds a bearer token that still works.
func (s *Server) token(secret string) *Token {
	now := s.now()
	for i := range s.tokens {
		t := &s.tokens[i]
		same := subtle.ConstantTimeCompare([]byte(t.Token), []byte(secret)) == 1
		if same && (t.Expires.IsZero() || now.Before(t.Expires)) {
			return t
		}
	}
	return nil
}

// certified tells who sent a request by the client's certificate; present says that there is one.
func (s *Server) certified(r *http.Request) (id identity, present, trusted bool) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return identity{}, false, false
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	for _, p := range s.principals {
		want, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(p.Fingerprint))
		if err == nil && subtle.ConstantTimeCompare(want, sum[:]) == 1 {
			return identity{name: p.Name, readOnly: p.ReadOnly}, true, true
		}
	}
	return identity{}, true, false
}

// account tells whose budget a request is counted in, without checking anything; empty for nobody's. The caller holds the lock.
func (s *Server) account(r *http.Request) string {
	if cookie, err := r.Cookie(sessionCookie); err == nil && s.sessions[cookie.Value] != nil {
		return s.sessions[cookie.Value].user
	}
	scheme, name, secret := credentials(r)
	if scheme == "Bearer" {
		if t := s.token(secret); t != nil {
			return t.User
		}
	}
	if name == "" {
		id, _, _ := s.certified(r)
		return id.name
	}
	return name
}
