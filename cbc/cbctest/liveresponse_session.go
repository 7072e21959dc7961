package cbctest

import (
	"fmt"
	"time"
)

// The times of Live Response, as the vendor's user guide has them.
const (
	checkInTimeout  = 15 * time.Minute // a session that no sensor picked up
	lastSlotTimeout = time.Minute      // the same, for the request that takes an organization's last slot
	idleTimeout     = 15 * time.Minute // since the last command or keepalive
	unusedTimeout   = 30 * time.Minute // a session that never got a command
)

// The words for a session's state.
const (
	statusPending  = "PENDING"
	statusActive   = "ACTIVE"
	statusFailed   = "ERROR"
	statusEnded    = "ENDED"
	statusComplete = "COMPLETE"
	statusCanceled = "CANCELLED" //nolint:misspell // the service's own spelling
)

// Why a session ended.
const (
	endedClosed   = "closed"
	endedIdle     = "idle"
	endedNoSensor = "not picked up"
	endedUnused   = "no command"
	endedLimit    = "command limit"
)

// session is one Live Response session.
type session struct {
	id       string
	device   int64
	created  time.Time
	checkIn  time.Duration // how long it waits for its sensor
	active   time.Time     // when the sensor picked it up; zero: not yet
	failed   bool
	used     time.Time // the last command or keepalive
	ended    time.Time // zero: lives
	reason   string
	opened   int
	commands []*command
	files    []*transfer
}

// live says whether the session still answers.
func (ss *session) live() bool { return ss.ended.IsZero() }

// status is the session's state in the service's words.
func (ss *session) status() string {
	switch {
	case !ss.live():
		return statusEnded
	case ss.active.IsZero():
		return statusPending
	case ss.failed:
		return statusFailed
	default:
		return statusActive
	}
}

// end ends the session; commands that have not run never will.
func (ss *session) end(at time.Time, reason string) {
	ss.ended, ss.reason = at, reason
	for _, c := range ss.commands {
		if c.status == statusPending {
			c.status, c.done = statusCanceled, at
		}
	}
	ss.files = nil
}

// deadline is when the session ends by itself if nothing more happens.
func (ss *session) deadline() (time.Time, string) {
	switch {
	case ss.active.IsZero():
		return ss.created.Add(ss.checkIn), endedNoSensor
	case len(ss.commands) == 0:
		return ss.created.Add(unusedTimeout), endedUnused
	}
	last := ss.used
	if ss.active.After(last) {
		last = ss.active
	}
	return last.Add(idleTimeout), endedIdle
}

// advance brings every session to the present: sensors check in, commands run, sessions time out. There is no
// goroutine behind the fake; whoever looks moves the world on. The caller holds the lock.
func (s *Server) advance() {
	now := s.now()
	for _, ss := range s.edr.sessions {
		if ss.live() {
			s.advanceSession(ss, now)
		}
	}
}

func (s *Server) advanceSession(ss *session, now time.Time) {
	if ss.active.IsZero() {
		at, ok := s.sensorReady(ss)
		if limit, _ := ss.deadline(); ok && !at.After(now) && at.Before(limit) {
			ss.active = at
			ss.failed = s.lr().FailStart
		}
	}
	if !ss.active.IsZero() && !ss.failed {
		s.runCommands(ss, now)
	}
	if at, reason := ss.deadline(); !at.After(now) {
		ss.end(at, reason)
	}
}

// runCommands does what is due, one command after the other.
func (s *Server) runCommands(ss *session, now time.Time) {
	free := ss.active
	limit, _ := ss.deadline()
	for _, c := range ss.commands {
		if c.status != statusPending {
			if c.done.After(free) {
				free = c.done
			}
			continue
		}
		start := free
		if c.created.After(start) {
			start = c.created
		}
		if start.After(now) {
			return
		}
		c.started = start
		c.done = start.Add(s.lr().CommandDelay)
		if c.done.After(now) || c.done.After(limit) || s.unreachable(ss.device) {
			c.done = time.Time{}
			return
		}
		free = c.done
		s.execute(ss, c)
	}
}

// sessionOf finds the session of a device that is pending or active; the service keeps at most one.
func (s *Server) sessionOf(device int64) *session {
	for _, ss := range s.edr.sessions {
		if ss.device == device && ss.live() && !ss.failed {
			return ss
		}
	}
	return nil
}

// openSession gives the device's live session, or a new one. full means that the organization has no slot left.
func (s *Server) openSession(device int64) (ss *session, full bool) {
	if ss := s.sessionOf(device); ss != nil {
		ss.opened++
		return ss, false
	}
	live := 0
	for _, other := range s.edr.sessions {
		if other.live() && !other.failed {
			live++
		}
	}
	limit := s.lr().SessionLimit
	if live >= limit {
		return nil, true
	}
	s.edr.lastSession++
	ss = &session{
		id: fmt.Sprintf("%d:%d", s.edr.lastSession, device), device: device, created: s.now(), checkIn: checkInTimeout,
		opened: 1,
	}
	if live == limit-1 {
		ss.checkIn = lastSlotTimeout
	}
	s.edr.sessions = append(s.edr.sessions, ss)
	return ss, false
}

// Sessions lists the Live Response sessions so far, ended ones included, in the order in which they were opened.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessionList()
}

func (s *Server) sessionList() []Session {
	s.advance()
	list := make([]Session, 0, len(s.edr.sessions))
	for _, ss := range s.edr.sessions {
		out := Session{
			ID: ss.id, DeviceID: ss.device, Status: ss.status(), Created: ss.created, CheckedIn: ss.active,
			Ended: ss.ended, Reason: ss.reason, Opened: ss.opened,
		}
		for _, c := range ss.commands {
			out.Commands = append(out.Commands, Command{
				ID: c.id, Name: c.name, Object: c.object, Status: c.status, ResultCode: c.code,
			})
		}
		list = append(list, out)
	}
	return list
}
