package cbc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestCommandErrorSentinels(t *testing.T) {
	t.Parallel()
	all := []error{ErrFileNotFound, ErrProcessNotFound, ErrAccessDenied, ErrInUse, ErrUnfinished}
	for _, tt := range []struct {
		name string
		err  CommandError
		want error
	}{
		{"delete of a missing file", CommandError{Command: commandDeleteFile, Status: "ERROR", Code: 0x80070002, ResultType: "WinHresult"}, ErrFileNotFound},
		{"delete in a missing directory", CommandError{Command: commandDeleteFile, Status: "ERROR", Code: 0x80070003, ResultType: "WinHresult"}, ErrFileNotFound},
		{"old status, no type", CommandError{Command: commandGetFile, Status: "error", Code: 0x80070002}, ErrFileNotFound},
		{"ENOENT elsewhere", CommandError{Command: commandDeleteFile, Status: "ERROR", Code: 2, ResultType: "Errno"}, ErrFileNotFound},
		{"kill of no process", CommandError{Command: commandKill, Status: "ERROR", Code: 0x80070057, ResultType: "WinHresult"}, ErrProcessNotFound},
		{"ESRCH elsewhere", CommandError{Command: commandKill, Status: "ERROR", Code: 3, ResultType: "Errno"}, ErrProcessNotFound},
		{"a bad argument of delete", CommandError{Command: commandDeleteFile, Status: "ERROR", Code: 0x80070057, ResultType: "WinHresult"}, nil},
		{"file not found for kill", CommandError{Command: commandKill, Status: "ERROR", Code: 0x80070002, ResultType: "WinHresult"}, nil},
		{"access denied", CommandError{Command: commandKill, Status: "ERROR", Code: 0x80070005, ResultType: "WinHresult"}, ErrAccessDenied},
		{"EACCES elsewhere", CommandError{Command: commandKill, Status: "ERROR", Code: 13}, ErrAccessDenied},
		{"sharing violation", CommandError{Command: commandDeleteFile, Status: "ERROR", Code: 0x80070020, ResultType: "WinHresult"}, ErrInUse},
		{"a small number on Windows", CommandError{Command: commandDeleteFile, Status: "ERROR", Code: 2, ResultType: "WinHresult"}, nil},
		{"not finished", CommandError{Command: commandDeleteFile, Status: "PENDING", cause: context.Canceled}, ErrUnfinished},
		{"taken back", CommandError{Command: commandDeleteFile, Status: "CANCELLED", Code: 0x80070002, ResultType: "WinHresult"}, nil}, //nolint:misspell // the service's own spelling
		{"no number", CommandError{Command: commandDeleteFile, Status: "ERROR"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, sentinel := range all {
				if got, want := errors.Is(&tt.err, sentinel), errors.Is(tt.want, sentinel); got != want {
					t.Errorf("errors.Is(%v, %v) = %t, want %t", &tt.err, sentinel, got, want)
				}
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	api := &APIError{Op: "live_response.kill", StatusCode: 404, Code: "NOT_FOUND", Message: "Session not found"}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{
			&CommandError{Op: "live_response.kill", DeviceID: 7, ID: 0, Command: "kill", Status: "ERROR", Code: 0x80070057, ResultType: "WinHresult"},
			"cbc: live_response.kill: device 7: command 0 (kill): ERROR: 0x80070057: process not found",
		},
		{
			&CommandError{Op: "live_response.kill", DeviceID: 7, ID: 1, Command: "kill", Status: "PENDING", Withdrawn: true, cause: context.Canceled},
			"cbc: live_response.kill: device 7: command 1 (kill): PENDING: the command is not finished: context canceled; it was taken back",
		},
		{
			&SessionError{Op: "live_response.kill", DeviceID: 7, SessionID: "1:7", Status: "ACTIVE", kind: ErrSessionEnded, cause: api},
			"cbc: live_response.kill: device 7: session 1:7 (ACTIVE): the session has ended: 404 Not Found: NOT_FOUND: Session not found",
		},
		{
			&SessionError{Op: "live_response.wait", DeviceID: 7, SessionID: "1:7", Status: "PENDING", Waited: 6 * time.Minute, Left: true, kind: ErrNotConnected},
			"cbc: live_response.wait: device 7: session 1:7 (PENDING after 6m0s): the sensor did not join the session; the session could not be withdrawn",
		},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("text:\n got %s\nwant %s", got, tt.want)
		}
	}
}

func TestSessionLimitIsToldFromPermission(t *testing.T) {
	t.Parallel()
	for message, limit := range map[string]bool{
		"session limit reached": true, "Session Limit reached for org": true, "missing org.liveresponse.session": false, "": false, "rate limit": false,
	} {
		err := startError("op", 7, &APIError{StatusCode: 403, Message: message})
		if got := errors.Is(err, ErrSessionLimit); got != limit {
			t.Errorf("403 %q: errors.Is(ErrSessionLimit) = %t, want %t", message, got, limit)
		}
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("403 %q is no ErrForbidden", message)
		}
		again, ok := errors.AsType[interface {
			error
			Retryable() bool
		}](err)
		if !ok || again.Retryable() != limit {
			t.Errorf("403 %q: retryable = %t, want %t", message, ok && again.Retryable(), limit)
		}
	}
}

func TestSessionErrorIsRetryableIfItsCauseIs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  SessionError
		want bool
	}{
		{SessionError{kind: ErrNotConnected}, true},
		{SessionError{cause: &APIError{StatusCode: 503}}, true},
		{SessionError{cause: &APIError{StatusCode: 403}}, false},
		{SessionError{cause: context.Canceled}, false},
	} {
		if got := tt.err.Retryable(); got != tt.want {
			t.Errorf("Retryable of %v = %t, want %t", &tt.err, got, tt.want)
		}
	}
}

func TestFarewellOutlivesTheCallerShortly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after time.Duration // when the caller's context ends, and when the farewell's must
	}{
		"over already":   {0, lastWord},
		"over meanwhile": {time.Second, time.Second + lastWord},
		"alive":          {time.Hour, patience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, stop := context.WithTimeout(t.Context(), tt.before)
				defer stop()
				longer, end := farewell(ctx)
				defer end()
				<-longer.Done()
				if got := time.Since(start); got != tt.after {
					t.Errorf("the farewell ended after %v, want %v", got, tt.after)
				}
			})
		})
	}
}
