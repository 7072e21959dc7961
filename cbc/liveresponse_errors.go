package cbc

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What callers ask of an error of Live Response, with [errors.Is].
var (
	// ErrNotConnected means that the sensor did not join the session in time: the device is off or offline, or its policy does
	// not allow Live Response.
	ErrNotConnected = errors.New("the sensor did not join the session")
	// ErrSessionEnded means that the session is no more: closed by anybody, idle for 15 minutes, or failed.
	ErrSessionEnded = errors.New("the session has ended")
	// ErrSessionLimit means that the organization has as many sessions as it may have.
	ErrSessionLimit = errors.New("no session is left")
	// ErrUnfinished means that a command had no result when waiting for it ended. It may still be carried out, unless
	// [CommandError.Withdrawn] says otherwise.
	ErrUnfinished = errors.New("the command is not finished")
	// ErrFileNotFound means that a file, or the directory it should be in, does not exist.
	ErrFileNotFound = errors.New("file not found")
	// ErrProcessNotFound means that no process has the id. On Windows sensors use the code for any invalid argument.
	ErrProcessNotFound = errors.New("process not found")
	// ErrAccessDenied means that the device did not allow a command, for example on a protected process.
	ErrAccessDenied = errors.New("access denied by the device")
	// ErrInUse means that a file is open, such as the program of a running process.
	ErrInUse = errors.New("file in use")
	// ErrExists means that there is a file, directory or registry value of that name already.
	ErrExists = errors.New("exists already")
	// ErrNotEmpty means that a directory has something in it.
	ErrNotEmpty = errors.New("directory not empty")
	// ErrRegistryNotFound means that a registry key or value does not exist.
	ErrRegistryNotFound = errors.New("registry key or value not found")
	// ErrCommandTooLarge means that a command is larger than the 10 KB that the vendor takes. It was not sent.
	ErrCommandTooLarge = errors.New("the command is too large")
)

// SessionError says why there is no session with a device, or no longer one.
type SessionError struct {
	// Op is the operation, such as "live_response.wait".
	Op string
	// DeviceID is the device.
	DeviceID DeviceID
	// SessionID is the session; empty if none was started.
	SessionID SessionID
	// Status is what was last heard of the session, such as "PENDING".
	Status string
	// Waited is how long the sensor was waited for.
	Waited time.Duration
	// Left tells that the session could not be withdrawn, and holds one of the organization's slots for up to 15 minutes.
	Left bool

	kind  error // what it means: one of the sentinels, or nil
	cause error // what it was noticed by, or nil
}

// Error names the device, the session and the reason.
func (e *SessionError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cbc: %s: device %d", e.Op, e.DeviceID)
	if e.SessionID != "" {
		fmt.Fprintf(&b, ": session %s", printable(string(e.SessionID)))
	}
	if e.Status != "" {
		b.WriteString(" (" + printable(e.Status))
		if e.Waited > 0 {
			fmt.Fprintf(&b, " after %v", e.Waited.Round(time.Second))
		}
		b.WriteString(")")
	}
	for _, err := range []error{e.kind, e.cause} {
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*SessionError](err); ok && e.kind != nil {
			continue // it would name the same session again
		}
		b.WriteString(": " + strings.TrimPrefix(err.Error(), "cbc: "+e.Op+": "))
	}
	if e.Left {
		b.WriteString("; the session could not be withdrawn")
	}
	return b.String()
}

// Unwrap returns what it means and what it was noticed by.
func (e *SessionError) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.kind, e.cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// Retryable tells whether another session may succeed later, without any change on this side.
func (e *SessionError) Retryable() bool {
	if e.kind != nil {
		return true
	}
	again, ok := errors.AsType[interface {
		error
		Retryable() bool
	}](e.cause)
	return ok && again.Retryable()
}

// startError explains why a session was not started.
func startError(op string, device DeviceID, err error) error {
	e, ok := errors.AsType[*APIError](err)
	if ok && e.StatusCode == http.StatusForbidden && aboutLimit(e) {
		return &SessionError{Op: op, DeviceID: device, kind: ErrSessionLimit, cause: err}
	}
	return err
}

// aboutLimit tells a limit from a missing permission, which are both a 403. The vendor documents the sense of the text and not
// its form.
func aboutLimit(e *APIError) bool {
	text := strings.ToLower(e.Code + " " + e.Message)
	return strings.Contains(text, "session") && strings.Contains(text, "limit")
}

// outcomeUnknown tells whether a call may have acted although it failed.
func outcomeUnknown(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return !ok || e.StatusCode/100 == 2 || e.StatusCode/100 == 5
}

// ignoreNotFound is for what is to be gone anyway.
func ignoreNotFound(err error) error {
	if saysNotFound(err) {
		return nil
	}
	return err
}

// saysNotFound tells the vendor's word for what is not there from the 404 of a gateway, which knows nothing about it: a session
// that is taken for ended is not closed, and a command in it not taken back.
func saysNotFound(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return ok && errors.Is(e, ErrNotFound) && (strings.EqualFold(e.Code, "NOT_FOUND") || aboutSession(e))
}

func aboutSession(e *APIError) bool {
	return strings.EqualFold(strings.TrimSuffix(e.Message, "."), "session not found")
}
