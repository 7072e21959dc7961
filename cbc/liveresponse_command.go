package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// firstGlance and longestGlance bound the pauses between two looks at a command. Most take well under a second.
	firstGlance   = 100 * time.Millisecond
	longestGlance = 2 * time.Second
	// keepAliveAfter is how long a command is waited for before the session is kept alive: it ends 15 minutes after the command
	// came, whether that has been carried out or not.
	keepAliveAfter = 5 * time.Minute
)

// The vendor's names of the commands.
const (
	commandProcesses  = "process list"
	commandKill       = "kill"
	commandDeleteFile = "delete file"
	commandGetFile    = "get file"
)

// order is a command to give.
type order struct {
	op         string
	limit      time.Duration
	repeatable bool // giving it twice is giving it once
	body       orderBody
}

type orderBody struct {
	Name string `json:"name"`
	Path string `json:"path,omitzero"`
	PID  int64  `json:"pid,omitzero"`
}

// run gives a command and waits for its result with growing pauses. The first answer, which has what the last one may lack, is
// returned too.
//
//api:op POST /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands
func (s *Session) run(ctx context.Context, o order) (first, last wireCommand, err error) {
	if err := errors.Join(s.usable(o.op), s.supports(o.op, o.body.Name)); err != nil {
		return first, last, err
	}
	limited, stop := context.WithTimeout(ctx, o.limit)
	defer stop()
	call := s.c.call(o.op, http.MethodPost, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands", string(s.ID))
	call.Body, call.Repeatable = o.body, o.repeatable
	if err := s.c.do(limited, call, &first); err != nil {
		return first, last, s.endedBy(o.op, err)
	}
	id, err := first.id()
	if err != nil {
		return first, last, answerError(o.op, http.StatusCreated, first.ID, err)
	}
	last = first
	kept := time.Now()
	for pause := firstGlance; !last.final(); pause = min(pause*3/2, longestGlance) {
		err := sleep(limited, pause)
		if err == nil {
			last, err = s.look(limited, o, id, last)
		}
		if err == nil && time.Since(kept) >= keepAliveAfter {
			kept = time.Now()
			err = s.KeepAlive(limited)
		}
		if err != nil {
			return first, last, s.unfinished(ctx, limited, o, id, last, err)
		}
	}
	return first, last, s.failure(o, id, last)
}

// errTooSlow is why waiting for a command ends before the caller's context does.
var errTooSlow = errors.New("no result in time")

// look reads the command again; without success, what is known of it stays.
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}
func (s *Session) look(ctx context.Context, o order, id int, known wireCommand) (wireCommand, error) {
	call := s.c.call(o.op, http.MethodGet,
		"/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}", string(s.ID), strconv.Itoa(id))
	call.Repeatable = true
	var now wireCommand
	if err := s.c.do(ctx, call, &now); err != nil {
		return known, s.endedBy(o.op, err)
	}
	if got, err := now.id(); err != nil || got != id || now.Name != "" && !strings.EqualFold(now.Name, o.body.Name) {
		return known, fmt.Errorf("cbc: %s: asked for command %d (%s), the answer is about %s (%s)", o.op, id, o.body.Name, printable(string(now.ID)), printable(now.Name))
	}
	return now, nil
}

// unfinished takes back a command that nobody waits for any more, so that a kill does not hit another process a quarter of an
// hour later. The vendor takes back what is still queued.
//
//api:op DELETE /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}
func (s *Session) unfinished(ctx, limited context.Context, o order, id int, last wireCommand, cause error) error {
	switch {
	case ctx.Err() != nil:
		cause = ctx.Err()
	case limited.Err() != nil:
		cause = errTooSlow
	}
	failed := s.commandError(o, id, last)
	failed.cause = cause
	if errors.Is(cause, ErrSessionEnded) {
		return failed
	}
	ctx, stop := farewell(ctx)
	defer stop()
	call := s.c.call(o.op, http.MethodDelete,
		"/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}", string(s.ID), strconv.Itoa(id))
	call.Repeatable = true
	failed.Withdrawn = s.c.do(ctx, call, nil) == nil
	return failed
}

// failure is the error of a finished command, nil for one that did what it should.
func (s *Session) failure(o order, id int, last wireCommand) error {
	e := s.commandError(o, id, last)
	// An HRESULT without its highest bit is a success with a remark. What numbers mean elsewhere is not documented, but for zero.
	if strings.EqualFold(last.Status, "COMPLETE") && (e.Code == 0 || e.windows() && e.Code < 1<<31) {
		return nil
	}
	return e
}

func (s *Session) commandError(o order, id int, last wireCommand) *CommandError {
	return &CommandError{
		Op: o.op, DeviceID: s.DeviceID, SessionID: s.ID, ID: id, Command: o.body.Name,
		Status: last.Status, Code: uint32(last.ResultCode), ResultType: last.ResultType, Desc: last.ResultDesc,
	}
}
