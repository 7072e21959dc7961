package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// firstLook and longestLook bound the pauses between two looks at a session that waits for its sensor, which checks in every
	// half minute or so.
	firstLook   = 250 * time.Millisecond
	longestLook = 5 * time.Second
	// patience is how long ending something may take, and lastWord how long it may once the caller's context is over: the program
	// may be about to end.
	patience = 5 * time.Second
	lastWord = 900 * time.Millisecond
)

// Session is a Live Response session with one device. It is safe for concurrent use; the sensor does one command after the other.
// It ends after 15 minutes without a command, and after 250 commands; see OpenOptions.Replace.
type Session struct {
	// ID picks the session up again with [LiveResponse.Resume], for as long as it is not replaced.
	ID SessionID
	// DeviceID is the device.
	DeviceID DeviceID
	// Shared tells that the session was live before it was asked for. Others work in it, or have worked, so that
	// [Session.Close] does not end it.
	Shared bool

	c       *core
	opts    OpenOptions
	line    *line
	release func(context.Context) error // to the pool that it is from; nil for a session of its own

	mu     sync.Mutex
	closed bool
}

// Info is what was last heard of the session. It makes no call.
func (s *Session) Info() SessionInfo {
	s.line.mu.Lock()
	defer s.line.mu.Unlock()
	info := s.line.info
	info.SupportedCommands, info.Drives = slices.Clone(info.SupportedCommands), slices.Clone(info.Drives)
	return info
}

// Wait looks, with growing pauses, until the sensor has joined the session. When it gives up, because of ctx, of
// OpenOptions.CheckInTimeout or of an error, it ends the session, which would otherwise hold one of the organization's slots for
// 15 minutes and join the device when that wakes up. A session that others were waiting for before is left to them.
//
// The error is a [*SessionError]: with [ErrNotConnected] if the sensor did not come, with [ErrSessionEnded] if the session is no
// more, and with the error of ctx. Wait needs org.liveresponse.session (READ, DELETE).
func (s *Session) Wait(ctx context.Context) error {
	const op = "live_response.wait"
	limited, stop := context.WithTimeout(ctx, s.opts.CheckInTimeout)
	defer stop()
	began := time.Now()
	for pause := firstLook; ; pause = min(pause*3/2, longestLook) {
		info := s.Info()
		switch {
		case info.active():
			return nil
		case info.ended():
			return s.giveUp(ctx, &SessionError{Op: op, Waited: time.Since(began), kind: ErrSessionEnded})
		}
		err := sleep(limited, pause)
		if err == nil {
			err = s.refresh(limited, op)
		}
		if err == nil {
			continue
		}
		failed := &SessionError{Op: op, Waited: time.Since(began), cause: err}
		switch {
		case ctx.Err() != nil:
			failed.cause = ctx.Err()
		case limited.Err() != nil:
			failed.kind, failed.cause = ErrNotConnected, nil
		case errors.Is(err, ErrSessionEnded):
			// The vendor answers so when it has stopped waiting for the sensor.
			failed.kind = ErrNotConnected
		}
		return s.giveUp(ctx, failed)
	}
}

// giveUp closes the session, which leaves one that is somebody else's alone, and completes the error.
func (s *Session) giveUp(ctx context.Context, failed *SessionError) error {
	info := s.Info()
	failed.DeviceID, failed.SessionID, failed.Status = s.DeviceID, info.ID, info.Status
	if !errors.Is(failed.cause, ErrSessionEnded) {
		failed.Left = s.Close(ctx) != nil
	}
	return failed
}

// refresh reads the session again.
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}
func (s *Session) refresh(ctx context.Context, op string) error {
	id := s.line.id()
	call := s.c.call(op, http.MethodGet, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}", string(id))
	call.Repeatable = true
	var w wireSession
	if err := s.c.do(ctx, call, &w); err != nil {
		return s.endedBy(op, id, err)
	}
	info, err := w.info(op)
	if err != nil {
		return err
	}
	if info.ID != id || s.DeviceID != 0 && info.DeviceID != 0 && info.DeviceID != s.DeviceID {
		return fmt.Errorf("cbc: %s: the answer is about another session: %s of device %d", op, printable(string(info.ID)), info.DeviceID)
	}
	if info.DeviceID == 0 {
		info.DeviceID = s.DeviceID
	}
	s.line.mu.Lock()
	defer s.line.mu.Unlock()
	if s.line.info.ID == id {
		s.line.info = info
	}
	return nil
}

// KeepAlive keeps the session for another 15 minutes without a command. The error for one that has ended is a [*SessionError]
// with [ErrSessionEnded]. It needs org.liveresponse.session (READ).
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/keepalive
func (s *Session) KeepAlive(ctx context.Context) error {
	const op = "live_response.keep_alive"
	if err := s.usable(op); err != nil {
		return err
	}
	return s.keepAlive(ctx, op, s.line.id())
}

func (s *Session) keepAlive(ctx context.Context, op string, id SessionID) error {
	call := s.c.call(op, http.MethodGet, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/keepalive", string(id))
	call.Repeatable = true
	return s.endedBy(op, id, s.c.do(ctx, call, nil))
}

// Close ends the session and is not to be forgotten: an organization has 100. It may be called more than once, and a session that
// has ended by itself is no error. A session that is Shared is left to those who were there before, to end when they are
// through or after 15 minutes; [Session.CloseForAll] ends that too. Close also works when ctx is over, for up to a second, so
// that `defer s.Close(ctx)` is enough. A session of a [SessionPool] goes back to the pool. It needs org.liveresponse.session (DELETE).
func (s *Session) Close(ctx context.Context) error {
	if s.release == nil && !s.line.others() {
		return s.CloseForAll(ctx)
	}
	switch first := s.close(true); {
	case first && s.release != nil:
		return s.release(ctx)
	case first && !s.line.others():
		return s.endForAll(ctx, first) // it has been replaced meanwhile
	}
	return nil
}

// close begins or takes back the end of the use of the session on this side, and tells whether that is new.
func (s *Session) close(closed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.closed != closed
	s.closed = closed
	return changed
}

// CloseForAll ends the session even if others work in it: their commands fail from then on. Otherwise it is [Session.Close].
func (s *Session) CloseForAll(ctx context.Context) error {
	if s.usable("") != nil && (s.release != nil || !s.line.others()) {
		return nil
	}
	return s.endForAll(ctx, s.close(true))
}

// endForAll ends at the vendor's what is closed here already: a session that takes its place meanwhile is seen here, or sees that.
func (s *Session) endForAll(ctx context.Context, first bool) error {
	limited, stop := farewell(ctx)
	defer stop()
	if err := (&LiveResponse{s.c}).end(limited, "live_response.close", s.line.id()); err != nil {
		s.close(!first)
		return err
	}
	if first && s.release != nil {
		return s.release(ctx)
	}
	return nil
}

// usable refuses what would need a session that this side has closed.
func (s *Session) usable(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.release != nil && s.line.over() {
		return &SessionError{Op: op, DeviceID: s.DeviceID, SessionID: s.line.id(), Status: "closed", kind: ErrSessionEnded}
	}
	return nil
}

// supports refuses a command that the sensor does not list. A sensor that lists nothing is asked.
func (s *Session) supports(op, command string) error {
	known := s.Info().SupportedCommands
	if len(known) == 0 || slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, command) }) {
		return nil
	}
	return fmt.Errorf("cbc: %s: the sensor of device %d does not know the command %q: %w", op, s.DeviceID, command, errors.ErrUnsupported)
}

// endedBy makes of the vendor's 404, which any address of a session that has ended answers, what it means.
func (s *Session) endedBy(op string, id SessionID, err error) error {
	if !saysNotFound(err) {
		return err
	}
	return &SessionError{Op: op, DeviceID: s.DeviceID, SessionID: id, Status: s.Info().Status, kind: ErrSessionEnded, cause: err}
}

// farewell is a context for ending what ctx has begun. It outlives ctx, shortly.
func farewell(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	forget := context.AfterFunc(ctx, func() {
		_ = sleep(longer, lastWord)
		stop()
	})
	return longer, func() {
		forget()
		stop()
	}
}
