package nsxtest

import (
	"net/http"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// GuestSession is somebody's session on a virtual machine.
type GuestSession struct {
	// Domain and User say whose it is.
	Domain string `json:"domain,omitempty"`
	User   string `json:"user"`
	// Login and Logout are when it began and ended. One that ends in the future, or never, is active.
	Login  time.Time `json:"login,omitzero"`
	Logout time.Time `json:"logout,omitzero"`
}

// wireGuestSession is a session on the wire.
type wireGuestSession struct {
	Domain string `json:"domain_name"`
	User   string `json:"user_name"`
	Login  int64  `json:"login_time"`
	Logout int64  `json:"logout_time,omitempty"`
	ID     int    `json:"user_session_id"`
}

// getDetails serves who is logged in to a machine.
func (s *Server) getDetails(w http.ResponseWriter, r *http.Request) {
	_, p := query(r)
	if p == nil {
		p = s.pathEnforcementPoint(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	now, id := s.now(), r.PathValue("external_id")
	s.mu.Lock()
	m := s.find(id)
	s.mu.Unlock()
	if m == nil {
		refuse(w, missing("VirtualMachine", id))
		return
	}
	out := struct {
		Active   []wireGuestSession `json:"active_sessions"`
		Archived []wireGuestSession `json:"archived_sessions"`
	}{[]wireGuestSession{}, []wireGuestSession{}}
	for i, g := range m.Sessions {
		if g.Login.After(now) {
			continue
		}
		row := wireGuestSession{Domain: g.Domain, User: g.User, Login: g.Login.UnixMilli(), ID: i + 1}
		if g.Logout.IsZero() || g.Logout.After(now) {
			out.Active = append(out.Active, row)
			continue
		}
		row.Logout = g.Logout.UnixMilli()
		out.Archived = append(out.Archived, row)
	}
	fake.WriteJSON(w, http.StatusOK, out)
}
