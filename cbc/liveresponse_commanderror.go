package cbc

import (
	"fmt"
	"strings"
)

// CommandError says that a device did not do what it was told, or that nobody knows. It is not an [*APIError]: the vendor passed
// the command on.
type CommandError struct {
	// Op is the operation, such as "live_response.kill".
	Op string
	// DeviceID is the device.
	DeviceID DeviceID
	// SessionID and ID identify the command. Ids begin with 0.
	SessionID SessionID
	ID        int
	// Command is the vendor's name of the command, such as "delete file".
	Command string
	// Status is the vendor's word, in either case: ERROR, or another one for a command that was canceled or is not finished.
	Status string
	// Code is the number that the sensor gives as the reason: an HRESULT on Windows, such as 0x80070002. Zero if it gives none.
	Code uint32
	// ResultType is the kind of Code: "WinHresult" on Windows.
	ResultType string
	// Desc is the sensor's text, often empty.
	Desc string
	// Withdrawn tells that a command that was not finished was taken back and is not going to be carried out.
	Withdrawn bool

	cause error // why waiting ended, for a command that is not finished
}

// Error names the device, the command and the reason.
func (e *CommandError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cbc: %s: device %d: command %d (%s)", e.Op, e.DeviceID, e.ID, e.Command)
	if e.Status != "" {
		b.WriteString(": " + printable(e.Status))
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, ": 0x%08X", e.Code)
	}
	if text := e.text(); text != "" {
		b.WriteString(": " + text)
	}
	if e.cause != nil {
		b.WriteString(": " + strings.TrimPrefix(e.cause.Error(), "cbc: "+e.Op+": "))
	}
	if e.Withdrawn {
		b.WriteString("; it was taken back")
	}
	return b.String()
}

// text is the sensor's own, or what the number means.
func (e *CommandError) text() string {
	if e.Desc != "" {
		return printable(e.Desc)
	}
	for _, known := range []error{
		ErrUnfinished, ErrFileNotFound, ErrProcessNotFound, ErrRegistryNotFound, ErrAccessDenied, ErrInUse, ErrExists, ErrNotEmpty,
	} {
		if e.Is(known) {
			return known.Error()
		}
	}
	return ""
}

// Is maps the result to the sentinels of this package. Beyond Windows the numbers are not documented; those of POSIX are
// understood, where a sensor sends them.
func (e *CommandError) Is(target error) bool {
	const (
		fileNotFound, pathNotFound, accessDenied = 0x80070002, 0x80070003, 0x80070005
		sharingViolation, invalidParameter       = 0x80070020, 0x80070057
		dirNotEmpty, fileExists, alreadyExists   = 0x80070091, 0x80070050, 0x800700B7
		eperm, enoent, esrch, eacces, eexist     = 1, 2, 3, 13, 17
		etxtbsy, enotempty, enotemptyMac         = 26, 39, 66
	)
	if target == ErrUnfinished {
		return e.cause != nil
	}
	if !strings.EqualFold(e.Status, "ERROR") && !strings.EqualFold(e.Status, "COMPLETE") {
		return false
	}
	posix := !e.windows()
	kill, registry := e.Command == commandKill, strings.HasPrefix(e.Command, "reg ")
	switch target {
	case ErrFileNotFound:
		return !kill && !registry && (e.Code == fileNotFound || e.Code == pathNotFound || posix && e.Code == enoent)
	case ErrRegistryNotFound:
		return registry && (e.Code == fileNotFound || e.Code == pathNotFound)
	case ErrExists:
		return e.Code == alreadyExists || e.Code == fileExists || posix && e.Code == eexist
	case ErrNotEmpty:
		return e.Code == dirNotEmpty || posix && (e.Code == enotempty || e.Code == enotemptyMac)
	case ErrProcessNotFound:
		return kill && (e.Code == invalidParameter || posix && e.Code == esrch)
	case ErrAccessDenied:
		return e.Code == accessDenied || posix && (e.Code == eacces || e.Code == eperm)
	case ErrInUse:
		return e.Code == sharingViolation || posix && e.Code == etxtbsy
	}
	return false
}

// Win32 is the Windows error code, such as 2 for a file that is not there; false where Code is none.
func (e *CommandError) Win32() (code uint16, ok bool) {
	const facility = 0x80070000
	return uint16(e.Code & 0xFFFF), e.Code&^0xFFFF == facility
}

func (e *CommandError) windows() bool { return strings.EqualFold(e.ResultType, "WinHresult") }

// Unwrap returns why waiting ended, for a command that is not finished.
func (e *CommandError) Unwrap() error { return e.cause }

// Retryable is false: whether a command may be given again depends on the command.
func (e *CommandError) Retryable() bool { return false }
