package cbc

import (
	"context"
	"errors"
	"sync"
)

const (
	// sessionCommands is how many commands a session takes.
	sessionCommands = 250
	// mostReplacements is how often one command is given to a new session, as the vendor's own SDK does it.
	mostReplacements = 5
)

// line is the session that there is with a device at the moment: what all who work in it share, and what stays the same when
// another session takes the place of one that has ended.
type line struct {
	turn chan struct{} // holds one while somebody begins a command or replaces the session

	mu      sync.Mutex
	info    SessionInfo
	shared  bool          // it was live before it was asked for
	issued  int           // how many commands it has, those counted that are about to be given
	retired bool          // its pool has done with it
	working int           // commands under way
	still   chan struct{} // closed once there are none; nil unless somebody waits for that
}

func newLine(info SessionInfo) *line { return &line{turn: make(chan struct{}, 1), info: info} }

func (l *line) id() SessionID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info.ID
}

// retire keeps commands from being given and sessions from being opened for them.
func (l *line) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = true
}

func (l *line) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.retired
}

// others tells whether the session is not this side's to end.
func (l *line) others() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shared
}

// taken notes the id of a command, which tells how many there are, those of others included. Ids begin with 0.
func (l *line) taken(session SessionID, command int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.info.ID == session {
		l.issued = max(l.issued, command+1)
	}
}

func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.working--
	if l.working == 0 && l.still != nil {
		close(l.still)
		l.still = nil
	}
}

// quiet waits until no command is under way. Whoever calls it has the turn, so that none begins.
func (l *line) quiet(ctx context.Context) error {
	l.mu.Lock()
	if l.working == 0 {
		l.mu.Unlock()
		return nil
	}
	if l.still == nil {
		l.still = make(chan struct{})
	}
	still := l.still
	l.mu.Unlock()
	select {
	case <-still:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take waits for the turn.
func (l *line) take(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *line) pass() { <-l.turn }

// in does something in the session, and does it again in one that replaces it, if that is wanted and again allows it.
func (s *Session) in(ctx context.Context, op string, again func(error) bool, do func(SessionID) error) error {
	for replaced := 0; ; replaced++ {
		id, err := s.enter(ctx, op)
		if err != nil {
			return err
		}
		err = do(id)
		s.line.leave()
		if err == nil || !s.opts.Replace || replaced == mostReplacements || !saysEnded(err) || !again(err) || s.usable(op) != nil {
			return err
		}
		if failed := s.replace(ctx, op, id, err); failed != nil {
			return failed
		}
	}
}

// notTaken is for what must not be done twice: a [*CommandError] is about a command that the vendor took.
func notTaken(err error) bool {
	_, taken := errors.AsType[*CommandError](err)
	return !taken
}

// always is for what may be done twice.
func always(error) bool { return true }

func againIf(repeatable bool) func(error) bool {
	if repeatable {
		return always
	}
	return notTaken
}

// saysEnded tells whether the vendor said that a session has ended. What was closed on this side is not meant.
func saysEnded(err error) bool { return errors.Is(err, ErrSessionEnded) && saysNotFound(err) }

// enter begins a command: it returns the session that is to take it, which is a new one where the old one is full.
func (s *Session) enter(ctx context.Context, op string) (SessionID, error) {
	if err := s.usable(op); err != nil {
		return "", err
	}
	l := s.line
	if err := l.take(ctx); err != nil {
		return "", s.interrupted(op, err)
	}
	defer l.pass()
	l.mu.Lock()
	renew := s.opts.Replace && l.issued >= sessionCommands && !l.shared
	l.mu.Unlock()
	if renew {
		if err := s.renew(ctx, op); err != nil {
			return "", err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.working++
	l.issued++
	return l.info.ID, nil
}

// renew ends a session that is full, which its device would otherwise hand out again, and opens another one.
func (s *Session) renew(ctx context.Context, op string) error {
	if err := s.line.quiet(ctx); err != nil {
		return s.interrupted(op, err)
	}
	lr := &LiveResponse{s.c}
	if err := lr.end(ctx, op, s.line.id()); err != nil {
		return err
	}
	next, err := lr.Open(ctx, s.DeviceID, s.opts)
	if err != nil {
		return err
	}
	return s.become(ctx, op, next)
}

// replace opens a session in place of one that has ended, unless somebody else has done so meanwhile.
func (s *Session) replace(ctx context.Context, op string, ended SessionID, cause error) error {
	if err := s.line.take(ctx); err != nil {
		return s.interrupted(op, err)
	}
	defer s.line.pass()
	if s.line.id() != ended {
		return nil
	}
	next, err := (&LiveResponse{s.c}).Open(ctx, s.DeviceID, s.opts)
	switch {
	case err != nil:
		return err
	case next.ID == ended:
		return cause // the session lives, so that something else was not found
	}
	return s.become(ctx, op, next)
}

// become puts another session in the place of this one, unless that was closed meanwhile, or its pool has ended: nobody would
// close it.
func (s *Session) become(ctx context.Context, op string, next *Session) error {
	if s.line.adopt(next.Info(), next.Shared) && (s.release != nil || s.usable(op) == nil) {
		return nil
	}
	return errors.Join(s.usable(op), next.Close(ctx))
}

func (l *line) adopt(info SessionInfo, shared bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.retired {
		l.info, l.shared, l.issued = info, shared, 0
	}
	return !l.retired
}

func (s *Session) interrupted(op string, err error) error {
	return &SessionError{Op: op, DeviceID: s.DeviceID, SessionID: s.line.id(), cause: err}
}
