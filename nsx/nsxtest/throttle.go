package nsxtest

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxInFlight is how many requests a node works on at once, whoever sent them.
const maxInFlight = 199

// client is what one account or address is doing.
type client struct {
	recent   []time.Time
	inFlight int
}

// wrap is outside everything, faults included: ids of requests, and the limits.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests++
		w.Header().Set("X-Nsx-Requestid", madeUpID("request", strconv.Itoa(s.requests)))
		c := s.clientOf(r)
		p := s.admit(c, s.now())
		if p == nil {
			c.inFlight++
			s.inFlight++
		}
		s.mu.Unlock()
		if p != nil {
			refuse(w, p)
			return
		}
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			c.inFlight--
			s.inFlight--
		}()
		next.ServeHTTP(w, r)
	})
}

// clientOf tells by the account, over all its connections, or by the address where no account is named.
func (s *Server) clientOf(r *http.Request) *client {
	name := s.account(r)
	if name == "" {
		name, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	if s.clients[name] == nil {
		s.clients[name] = &client{}
	}
	return s.clients[name]
}

// admit refuses what is beyond the limits.
func (s *Server) admit(c *client, now time.Time) *problem {
	for len(c.recent) > 0 && now.Sub(c.recent[0]) >= time.Second {
		c.recent = c.recent[1:]
	}
	switch {
	case s.inFlight >= maxInFlight:
		return &problem{status: http.StatusServiceUnavailable, code: http.StatusServiceUnavailable, text: "The server is overloaded."}
	case s.concurrency >= 0 && c.inFlight >= s.concurrency:
		status := http.StatusTooManyRequests
		if s.switches.BusyUnavailable {
			status = http.StatusServiceUnavailable
		}
		return &problem{status: status, code: status, text: fmt.Sprintf("The client exceeded %d concurrent requests.", s.concurrency)}
	case s.rate >= 0 && len(c.recent) >= s.rate:
		return &problem{
			status: http.StatusTooManyRequests, code: http.StatusTooManyRequests,
			text: fmt.Sprintf("The client exceeded a request rate of %d per second.", s.rate),
		}
	}
	c.recent = append(c.recent, now)
	return nil
}
