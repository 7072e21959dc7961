package nsx

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// GuestSession is somebody's session in the guest of a machine.
type GuestSession struct {
	// Domain and User say whose it is.
	Domain, User string
	// Login is when it began, Logout when it ended, in UTC; zero if unknown or not yet.
	Login, Logout time.Time
}

// GuestSessions are those of a machine.
type GuestSessions struct {
	// Active are the users who are logged in, Past those who were.
	Active, Past []GuestSession
}

// GuestSessions returns who is logged in to the guest of a machine, and who was, as far as the manager learns that from VMware Tools. It
// returns [ErrNotFound] if there is no machine of that id.
//
// It needs the right to read the inventory, of the whole manager.
//
//api:op GET /policy/api/v1/infra/realized-state/enforcement-points/{EP}/virtual-machines/{external_id}/details
func (v *PolicyVMs) GuestSessions(ctx context.Context, id ExternalID) (GuestSessions, error) {
	const op = "policy.virtual_machines.guest_sessions"
	if err := checkID(id); err != nil {
		return GuestSessions{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	call := place{core: v.at.core}.call(op, "/realized-state/enforcement-points/{EP}/virtual-machines/{external_id}/details", v.at.enforcementPointID(), string(id))
	call.Method, call.Repeatable = http.MethodGet, true
	type session struct {
		Domain string         `json:"domain_name"`
		User   string         `json:"user_name"`
		Login  jsontext.Value `json:"login_time"`
		Logout jsontext.Value `json:"logout_time"`
	}
	var answer struct {
		Active []session `json:"active_sessions"`
		Past   []session `json:"archived_sessions"`
	}
	if err := v.at.core.do(ctx, call, &answer); err != nil {
		return GuestSessions{}, err
	}
	sessions := func(list []session) (out []GuestSession) {
		for _, s := range list {
			out = append(out, GuestSession{Domain: s.Domain, User: s.User, Login: milliseconds(s.Login), Logout: milliseconds(s.Logout)})
		}
		return out
	}
	return GuestSessions{Active: sessions(answer.Active), Past: sessions(answer.Past)}, nil
}
