package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// firstGlance and longestGlance bound the pauses between two looks at a command. Most take well under a second.
	firstGlance   = 100 * time.Millisecond
	longestGlance = 2 * time.Second
	// keepAliveAfter is how long a command is waited for before the session is kept alive: it ends 15 minutes after the command
	// came, whether that has been carried out or not.
	keepAliveAfter = 5 * time.Minute
	// mostCommand is how large a command may be, as JSON.
	mostCommand = 10_000
)

// The vendor's names of the commands.
const (
	commandProcesses       = "process list"
	commandKill            = "kill"
	commandCreateProcess   = "create process"
	commandDeleteFile      = "delete file"
	commandGetFile         = "get file"
	commandPutFile         = "put file"
	commandListDirectory   = "directory list"
	commandCreateDirectory = "create directory"
	commandMemoryDump      = "memdump"
	commandEnumKey         = "reg enum key"
	commandQueryValue      = "reg query value"
	commandCreateKey       = "reg create key"
	commandSetValue        = "reg set value"
	commandDeleteKey       = "reg delete key"
	commandDeleteValue     = "reg delete value"
)

// order is a command to give.
type order struct {
	op         string
	limit      time.Duration
	repeatable bool          // giving it twice is giving it once
	precious   bool          // the vendor's copy is the only one, until it was read
	pause      time.Duration // the longest between two looks, if not longestGlance
	body       orderBody
}

type orderBody struct {
	Name             string       `json:"name"`
	Path             string       `json:"path,omitzero"`
	PID              int64        `json:"pid,omitzero"`
	FileID           TransferID   `json:"file_id,omitzero"`
	Offset           *int64       `json:"offset,omitzero"`
	Count            *int64       `json:"get_count,omitzero"`
	Wait             bool         `json:"wait,omitzero"`
	OutputFile       string       `json:"output_file,omitzero"`
	WorkingDirectory string       `json:"working_directory,omitzero"`
	Compress         bool         `json:"compress,omitzero"`
	ValueType        RegistryType `json:"value_type,omitzero"`
	ValueData        any          `json:"value_data,omitzero"`
	Overwrite        *bool        `json:"overwrite,omitzero"`
}

// run gives a command and waits for its result, in the session that takes it.
func (s *Session) run(ctx context.Context, o order) (last wireCommand, err error) {
	err = s.in(ctx, o.op, againIf(o.repeatable), func(id SessionID) error {
		_, last, err = s.give(ctx, id, o)
		return err
	})
	return last, err
}

// give gives a command and waits for its result with growing pauses. The first answer, which has what the last one may lack, is
// returned too.
//
//api:op POST /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands
func (s *Session) give(ctx context.Context, session SessionID, o order) (first, last wireCommand, err error) {
	if err := s.supports(o.op, o.body.Name); err != nil {
		return first, last, err
	}
	body, err := o.encoded()
	if err != nil {
		return first, last, err
	}
	limited, stop := context.WithTimeout(ctx, o.limit)
	defer stop()
	call := s.c.call(o.op, http.MethodPost, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands", string(session))
	call.Body, call.Repeatable = body, o.repeatable
	if err := s.c.do(limited, call, &first); err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("cbc: %s: %w: %s", o.op, errTooSlow, unprefixed(o.op, err)) // the caller's context goes on
		}
		return first, last, s.endedBy(o.op, session, err)
	}
	id, err := first.id()
	if err != nil {
		return first, last, answerError(o.op, http.StatusCreated, first.ID, err)
	}
	s.line.taken(session, id)
	given := taken{order: o, session: session, id: id}
	last = first
	kept := time.Now()
	for pause := firstGlance; !last.final(); pause = min(pause*3/2, max(o.pause, longestGlance)) {
		err := sleep(limited, pause)
		if err == nil {
			last, err = s.look(limited, given, last)
		}
		if err == nil && time.Since(kept) >= keepAliveAfter {
			kept = time.Now()
			_ = s.keepAlive(limited, o.op, session) // if the session has ended, the next look tells
		}
		if err != nil {
			return first, last, s.unfinished(ctx, limited, given, last, err)
		}
	}
	return first, last, s.failure(given, last)
}

// taken is a command that the vendor has taken.
type taken struct {
	order
	session SessionID
	id      int
}

// encoded is the command as it is sent.
func (o order) encoded() (jsontext.Value, error) {
	body, err := json.Marshal(o.body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cbc: %s: %w", o.op, err)
	case len(body) > mostCommand:
		return nil, fmt.Errorf("cbc: %s: %w: %d bytes, and a session takes %d", o.op, ErrCommandTooLarge, len(body), mostCommand)
	}
	return body, nil
}

// errTooSlow is why waiting for a command ends before the caller's context does.
var errTooSlow = errors.New("no result in time")

// look reads the command again; without success, what is known of it stays.
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}
func (s *Session) look(ctx context.Context, c taken, known wireCommand) (wireCommand, error) {
	call := s.c.call(c.op, http.MethodGet,
		"/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}", string(c.session), strconv.Itoa(c.id))
	call.Repeatable = true
	var now wireCommand
	if err := s.c.do(ctx, call, &now); err != nil {
		return known, s.endedBy(c.op, c.session, err)
	}
	if got, err := now.id(); err != nil || got != c.id || now.Name != "" && !strings.EqualFold(now.Name, c.body.Name) {
		return known, fmt.Errorf("cbc: %s: asked for command %d (%s), the answer is about %s (%s)", c.op, c.id, c.body.Name, printable(string(now.ID)), printable(now.Name))
	}
	return now, nil
}

// unfinished takes back a command that nobody waits for any more, so that a kill does not hit another process a quarter of an
// hour later. The vendor takes back what is still queued.
//
//api:op DELETE /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}
func (s *Session) unfinished(ctx, limited context.Context, c taken, last wireCommand, cause error) error {
	switch {
	case ctx.Err() != nil:
		cause = ctx.Err()
	case limited.Err() != nil:
		cause = errTooSlow
	}
	failed := s.commandError(c, last)
	failed.cause = cause
	if errors.Is(cause, ErrSessionEnded) {
		return failed
	}
	ctx, stop := farewell(ctx)
	defer stop()
	failed.Withdrawn = s.cancel(ctx, c.op, c.session, c.id) == nil
	return failed
}

// cancel takes a command back. It sets a state, so it is repeatable.
func (s *Session) cancel(ctx context.Context, op string, session SessionID, id int) error {
	call := s.c.call(op, http.MethodDelete,
		"/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/commands/{command_id}", string(session), strconv.Itoa(id))
	call.Repeatable = true
	return s.c.do(ctx, call, nil)
}

// failure is the error of a finished command, nil for one that did what it should.
func (s *Session) failure(c taken, last wireCommand) error {
	e := s.commandError(c, last)
	// An HRESULT without its highest bit is a success with a remark. What numbers mean elsewhere is not documented, but for zero.
	if strings.EqualFold(last.Status, "COMPLETE") && (e.Code == 0 || e.windows() && e.Code < 1<<31) {
		return nil
	}
	return e
}

func (s *Session) commandError(c taken, last wireCommand) *CommandError {
	return &CommandError{
		Op: c.op, DeviceID: s.DeviceID, SessionID: c.session, ID: c.id, Command: c.body.Name,
		Status: last.Status, Code: uint32(last.ResultCode), ResultType: last.ResultType, Desc: last.ResultDesc,
	}
}
