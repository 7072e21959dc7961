package cbc

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// How long Live Response waits unless [OpenOptions] says otherwise.
const (
	// DefaultCheckInTimeout is what the vendor's own SDK waits for a sensor.
	DefaultCheckInTimeout = 6 * time.Minute
	// DefaultCommandTimeout is what the vendor's own SDK waits for a command.
	DefaultCommandTimeout = 2 * time.Minute
	// DefaultTransferTimeout is for a file to get from the device to the vendor: at a megabyte a second, some 600 MB.
	DefaultTransferTimeout = 10 * time.Minute
)

// SessionID identifies a Live Response session. It is opaque, and not used again once the session has ended.
type SessionID string

// LiveResponse works on single devices, through a session with the sensor. A device has one session at most, which all API keys
// and console users of the organization share, and an organization has 100.
type LiveResponse struct{ c *core }

// OpenOptions say how patient a session is. The zero value is a good choice.
type OpenOptions struct {
	// CheckInTimeout is how long [Session.Wait] waits for the sensor. After 15 minutes the vendor gives up itself. Defaults to
	// DefaultCheckInTimeout.
	CheckInTimeout time.Duration
	// CommandTimeout is how long a command may take, its time in the queue included. Defaults to DefaultCommandTimeout.
	CommandTimeout time.Duration
	// TransferTimeout is how long the device may take to upload a file in [Session.GetFile]. Reading the file afterwards has no
	// limit but the context. Defaults to DefaultTransferTimeout.
	TransferTimeout time.Duration
	// Replace opens another session with the device where this one has ended, or has taken its 250 commands. A command that the
	// ended session did not take is given to the new one, whatever it is; one whose result was lost only if giving it twice is
	// giving it once. [Session.Info] has the id of the session at hand. Defaults to false: commands end with [ErrSessionEnded].
	Replace bool
}

func (o OpenOptions) withDefaults() OpenOptions {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&o.CheckInTimeout, DefaultCheckInTimeout},
		{&o.CommandTimeout, DefaultCommandTimeout},
		{&o.TransferTimeout, DefaultTransferTimeout},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	return o
}

// Open starts a session with a device and waits until the sensor has joined it: [LiveResponse.Start] and [Session.Wait]. A
// session that does not come about is withdrawn. The sensor must have the state LIVE_RESPONSE_ENABLED ([Device.SensorStates]);
// without it most devices never join, and the wait is in vain. Quarantined devices can be opened.
//
// Errors are a [*SessionError] with [ErrNotConnected], [ErrSessionLimit] or [ErrSessionEnded]; [ErrNotFound] for a device that
// the organization does not have. Open needs org.liveresponse.session (CREATE, READ, DELETE).
func (l *LiveResponse) Open(ctx context.Context, device DeviceID, opts OpenOptions) (*Session, error) {
	s, err := l.Start(ctx, device, opts)
	if err != nil {
		return nil, err
	}
	if err := s.Wait(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Start asks for a session with a device and does not wait for the sensor. If the device has a live session already, that is the
// one, and [Session.Shared] is true. Whoever calls Start owes the session a [Session.Wait], which withdraws what does not come
// about, or a [Session.Close]. It needs org.liveresponse.session (CREATE, READ).
//
// Starting a session sets a state, so it is repeatable: a device with a live session answers with that session.
//
//api:op POST /appservices/v6/orgs/{org_key}/liveresponse/sessions
func (l *LiveResponse) Start(ctx context.Context, device DeviceID, opts OpenOptions) (*Session, error) {
	const op = "live_response.start"
	if device <= 0 {
		return nil, fmt.Errorf("cbc: %s: %d is no device id", op, device)
	}
	before, err := l.List(ctx)
	if err != nil {
		return nil, err
	}
	call := l.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/liveresponse/sessions")
	call.Body = struct {
		DeviceID DeviceID `json:"device_id"`
	}{device}
	call.Repeatable = true
	var w wireSession
	var info SessionInfo
	if err = l.c.do(ctx, call, &w); err == nil {
		info, err = w.info(op)
	}
	if err != nil {
		if outcomeUnknown(err) {
			l.withdrawUnknown(ctx, device, before)
		}
		return nil, startError(op, device, err)
	}
	switch {
	case info.DeviceID != device && info.DeviceID != 0:
		// Whatever this is, commands sent to it would act on another machine.
		return nil, fmt.Errorf("cbc: %s: asked for device %d and got a session of device %d", op, device, info.DeviceID)
	case info.ended():
		return nil, &SessionError{Op: op, DeviceID: device, SessionID: info.ID, Status: info.Status, kind: ErrSessionEnded}
	}
	info.DeviceID = device
	s := &Session{ID: info.ID, DeviceID: device, c: l.c, opts: opts.withDefaults(), line: newLine(info)}
	// A session that is new waits for its sensor and has had no command. The list tells the rest, but for what began between the
	// two calls.
	s.Shared = info.active() || info.CommandIndex > 0 || slices.ContainsFunc(before, func(b SessionInfo) bool {
		return b.ID == info.ID && !b.ended()
	})
	s.line.shared = s.Shared
	return s, nil
}

// Resume picks up a live session by its id, as one that others use too: [Session.Shared] is true. The error for a session that
// has ended is a [*SessionError] with [ErrSessionEnded]. It needs org.liveresponse.session (READ).
func (l *LiveResponse) Resume(ctx context.Context, id SessionID, opts OpenOptions) (*Session, error) {
	s := &Session{ID: id, Shared: true, c: l.c, opts: opts.withDefaults(), line: newLine(SessionInfo{ID: id})}
	s.line.shared = true
	const op = "live_response.resume"
	if err := s.refresh(ctx, op); err != nil {
		return nil, err
	}
	info := s.Info()
	if info.ended() {
		return nil, &SessionError{Op: op, DeviceID: info.DeviceID, SessionID: id, Status: info.Status, kind: ErrSessionEnded}
	}
	s.DeviceID = info.DeviceID
	return s, nil
}

// List returns the sessions of the organization, whoever opened them. It needs org.liveresponse.session (READ).
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions
func (l *LiveResponse) List(ctx context.Context) ([]SessionInfo, error) {
	const op = "live_response.list"
	call := l.c.call(op, http.MethodGet, "/appservices/v6/orgs/{org_key}/liveresponse/sessions")
	call.Repeatable = true
	wire, err := list[wireSession](ctx, l.c, call)
	if err != nil {
		return nil, err
	}
	infos := make([]SessionInfo, len(wire))
	for i, w := range wire {
		if infos[i], err = w.info(op); err != nil {
			return nil, err
		}
	}
	return infos, nil
}

// withdrawUnknown ends a session that a call without an answer may have started: it would hold one of the organization's slots
// and join the device when that wakes up. Whatever was there before, or has its sensor already, is left alone: it may be
// somebody else's. The vendor ends the session within 15 minutes if this fails.
func (l *LiveResponse) withdrawUnknown(ctx context.Context, device DeviceID, before []SessionInfo) {
	ctx, stop := farewell(ctx)
	defer stop()
	now, err := l.List(ctx)
	if err != nil {
		return
	}
	for _, s := range now {
		if s.DeviceID == device && s.pending() && !slices.ContainsFunc(before, func(b SessionInfo) bool { return b.ID == s.ID }) {
			_ = l.end(ctx, "live_response.start", s.ID)
		}
	}
}

// end ends a session for everybody. One that has ended is no error.
//
//api:op DELETE /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}
func (l *LiveResponse) end(ctx context.Context, op string, id SessionID) error {
	call := l.c.call(op, http.MethodDelete, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}", string(id))
	call.Repeatable = true // it sets a state
	return ignoreNotFound(l.c.do(ctx, call, nil))
}

// SessionInfo is a session as the vendor describes it.
type SessionInfo struct {
	ID       SessionID
	DeviceID DeviceID
	// Status is PENDING until the sensor has joined, then ACTIVE, or ERROR. Either case occurs.
	Status string
	// CheckInTimeout is how long the vendor waits for the sensor, IdleTimeout after how long without a command it ends the session.
	CheckInTimeout, IdleTimeout time.Duration
	// CommandIndex rises with the commands, by no documented rule.
	CommandIndex int
	// Created is when the session was asked for.
	Created time.Time
	// CheckedIn can have a value before the sensor has joined.
	CheckedIn time.Time
	// Hostname, Address and OSVersion are usually empty.
	Hostname, Address, OSVersion string
	// WorkingDirectory, SupportedCommands and Drives are empty until the sensor has joined.
	WorkingDirectory  string
	SupportedCommands []string
	Drives            []string
}

func (i SessionInfo) pending() bool { return strings.EqualFold(i.Status, "PENDING") }
func (i SessionInfo) active() bool  { return strings.EqualFold(i.Status, "ACTIVE") }

// ended is true for every other status as well: ERROR is known, others are rumored, and none of them takes commands.
func (i SessionInfo) ended() bool { return !i.pending() && !i.active() }
