package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// CommandInfo is a command of a session as the vendor describes it.
type CommandInfo struct {
	// ID counts from 0 in each session.
	ID int
	// Name is the vendor's name of the command, such as "delete file".
	Name string
	// Object is its main argument, a path, a command line or a process id, if the vendor repeats it.
	Object string
	// Status is PENDING, COMPLETE, ERROR or a word for canceled, in either case.
	Status string
	// Code, ResultType and Desc are the result; see [CommandError].
	Code             uint32
	ResultType, Desc string
	// Created is when it was given, Finished when it ended; that can have a value before.
	Created, Finished time.Time
}

func (w wireCommand) info(op string) (CommandInfo, error) {
	id, err := w.id()
	if err != nil {
		return CommandInfo{}, answerError(op, http.StatusOK, nil, err)
	}
	info := CommandInfo{
		ID: id, Name: w.Name, Object: either(w.Input.is.Object, w.Object), Status: w.Status,
		Code: uint32(w.ResultCode), ResultType: w.ResultType, Desc: w.ResultDesc, Created: w.Created.Time,
	}
	for _, at := range []stamp{w.Finished, w.Completed, w.Ended} {
		if info.Finished.IsZero() {
			info.Finished = at.Time
		}
	}
	return info, nil
}

// Commands lists the commands of the session, those of others who work in it included. It needs org.liveresponse.session (READ)
// and READ of what each of them is about, such as org.liveresponse.process.
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands
func (s *Session) Commands(ctx context.Context) ([]CommandInfo, error) {
	const op = "live_response.commands"
	if err := s.usable(op); err != nil {
		return nil, err
	}
	session := s.line.id()
	call := s.c.call(op, http.MethodGet, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands", string(session))
	call.Repeatable = true
	wire, err := list[wireCommand](ctx, s.c, call)
	if err != nil {
		return nil, s.endedBy(op, session, err)
	}
	commands := make([]CommandInfo, len(wire))
	for i, w := range wire {
		if commands[i], err = w.info(op); err != nil {
			return nil, err
		}
	}
	return commands, nil
}

// CancelCommand takes back a command that is still in the queue, with an id from [Session.Commands]: the methods of a session wait
// for their own commands, and take them back when their context ends. One that is over is an [ErrConflict]; the vendor may refuse
// one that has begun as well. It needs the permission of the command and that of [Session.Commands].
func (s *Session) CancelCommand(ctx context.Context, id int) error {
	const op = "live_response.cancel_command"
	if err := s.usable(op); err != nil {
		return err
	}
	if id < 0 {
		return fmt.Errorf("cbc: %s: %d is no id of a command", op, id)
	}
	session := s.line.id()
	call := s.c.call(op, http.MethodGet,
		"/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}", string(session), strconv.Itoa(id))
	call.Repeatable = true
	var w wireCommand
	if err := s.c.do(ctx, call, &w); err != nil {
		return s.missing(op, session, err)
	}
	if w.final() {
		return fmt.Errorf("cbc: %s: command %d (%s) is over: %s: %w", op, id, printable(w.Name), printable(w.Status), ErrConflict)
	}
	err := s.missing(op, session, s.cancel(ctx, op, session, id))
	if e, ok := errors.AsType[*APIError](err); ok && e.StatusCode == http.StatusBadRequest {
		return fmt.Errorf("%w: %w", err, ErrConflict)
	}
	return err
}
