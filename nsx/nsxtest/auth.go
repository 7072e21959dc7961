package nsxtest

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The defaults of the manager's authentication policy.
const (
	maxFailures   = 5
	failurePeriod = 900 * time.Second
	lockPeriod    = 900 * time.Second
	sessionIdle   = 1800 * time.Second
	sessionCookie = "JSESSIONID"
	xsrfHeader    = "X-Xsrf-Token"
)

// session is a login.
type session struct {
	user, token string
	used        time.Time
}

// account is what is known of a user's logins.
type account struct {
	failures []time.Time
	locked   time.Time // until then
}

// authenticate lets requests with a good session, good credentials or a registered certificate through. Where there are
// credentials, the certificate is ignored.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, noCookie := r.Cookie(sessionCookie)
		signed := r.Header.Get("Authorization") != ""
		switch {
		case noCookie == nil && signed:
			refuse(w, invalid("A request must not carry a session and credentials at once."))
		case noCookie == nil:
			user, p := s.resume(cookie.Value, r)
			switch {
			case p != nil:
				refuse(w, p)
			case user == "":
				s.refuseLogin(w)
			default:
				s.as(s.of(user), next, w, r)
			}
		case signed:
			if id, ok := s.signIn(r); ok {
				s.as(id, next, w, r)
				return
			}
			s.refuseLogin(w)
		default:
			id, present, trusted := s.certified(r)
			switch {
			case !present:
				s.refuseLogin(w)
			case !trusted:
				refuse(w, &problem{status: http.StatusInternalServerError, code: codeCertificate, text: "The client certificate is not trusted."})
			default:
				s.as(id, next, w, r)
			}
		}
	})
}

// login checks a password. Five failures in a quarter of an hour lock the account for as long, even for the right one.
func (s *Server) login(name, password string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[name]
	if a == nil {
		a = &account{}
		s.accounts[name] = a
	}
	if now.Before(a.locked) {
		return false
	}
	user, known := s.users[name]
	if known && subtle.ConstantTimeCompare([]byte(password), []byte(user.Password)) == 1 {
		a.failures = nil
		return true
	}
	for len(a.failures) > 0 && now.Sub(a.failures[0]) >= failurePeriod {
		a.failures = a.failures[1:]
	}
	if a.failures = append(a.failures, now); len(a.failures) >= maxFailures {
		a.failures, a.locked = nil, now.Add(lockPeriod)
	}
	return false
}

// resume returns the user of a session and keeps it alive. It returns neither user nor problem if there is none.
func (s *Server) resume(id string, r *http.Request) (string, *problem) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.sessions[id]
	if found == nil || now.Sub(found.used) > sessionIdle {
		delete(s.sessions, id)
		return "", nil
	}
	reading := r.Method == http.MethodGet || r.Method == http.MethodHead
	if r.Header.Get(xsrfHeader) != found.token && (!reading || !s.switches.XSRFOnWritesOnly) {
		return "", &problem{status: http.StatusForbidden, code: codeXSRF, text: "The XSRF token is missing or not that of the session."}
	}
	found.used = now
	return found.user, nil
}

// createSession logs a user in. The form is decoded, so a plus sign that was not encoded is a space.
func (s *Server) createSession(w http.ResponseWriter, r *http.Request) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		refuse(w, invalid("The body must be a form: application/x-www-form-urlencoded."))
		return
	}
	if err := r.ParseForm(); err != nil || !r.PostForm.Has("j_username") || !r.PostForm.Has("j_password") {
		refuse(w, invalid("The form must have j_username and j_password."))
		return
	}
	name := r.PostForm.Get("j_username")
	if s.switches.SessionsDisabled || !s.login(name, r.PostForm.Get("j_password")) {
		s.refuseLogin(w)
		return
	}
	s.mu.Lock()
	s.logins++
	number := strconv.Itoa(s.logins)
	id := strings.ToUpper(strings.ReplaceAll(madeUpID("session", number), "-", ""))
	made := &session{user: name, token: madeUpID("token", number), used: s.now()}
	s.sessions[id] = made
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	w.Header().Set(xsrfHeader, made.token)
	w.WriteHeader(http.StatusOK)
}

// destroySession logs out.
func (s *Server) destroySession(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.sessions, cookie.Value)
		s.mu.Unlock()
	}
	w.WriteHeader(http.StatusOK)
}

// EndSessions forgets all sessions, as a restart does, or a balancer that reaches another node.
func (s *Server) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// mayWrite says whether whoever sent a request may change tags.
func (s *Server) mayWrite(r *http.Request) *problem {
	if id, _ := r.Context().Value(identityKey{}).(identity); id.readOnly {
		return forbidden()
	}
	return nil
}
