package cbc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// RunningProcess is a line of a device's process list. It has no hash and no [ProcessGUID]: whether it is the process that a
// search found, its id and its path must both say, and neither alone.
type RunningProcess struct {
	// PID is the process id. Devices use ids again.
	PID int64
	// Path is the executable, on Windows usually in lower case; empty or a mere name for what the system runs without one.
	Path string
	// CommandLine is what the process was started with.
	CommandLine string
	// Username is the account, on Windows with its domain.
	Username string
	// SID is the account's security identifier.
	SID string
	// ParentPID is the process that started it.
	ParentPID int64
	// Started is the time of the start, as the sensor writes it. Its unit differs from sensor to sensor: good for telling two
	// processes of one device apart, and for nothing else.
	Started string
}

// Processes lists what runs on the device. Errors are a [*CommandError], or a [*SessionError] if the session has ended. It needs
// org.liveresponse.process (READ) and org.liveresponse.session (READ).
func (s *Session) Processes(ctx context.Context) ([]RunningProcess, error) {
	const op = "live_response.processes"
	_, last, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, repeatable: true, body: orderBody{Name: commandProcesses}})
	if err != nil {
		return nil, err
	}
	// A machine that answers runs something. Without this, a list that got lost would say that every process has ended.
	if len(last.Processes) == 0 {
		return nil, answerError(op, http.StatusOK, nil, errors.New("the process list is empty"))
	}
	processes := make([]RunningProcess, 0, len(last.Processes))
	for _, w := range last.Processes {
		p, err := w.process()
		switch {
		case err == nil:
			processes = append(processes, p)
		case p.Path != "":
			return nil, answerError(op, http.StatusOK, nil, fmt.Errorf("a process without a process id: %w", err))
		}
	}
	return processes, nil
}

// Kill ends a process. The id must have been looked up with [Session.Processes] just before, path included: ids are used again.
// A process that does not run is a [*CommandError] with [ErrProcessNotFound]. Kill is never repeated by itself; when it ends
// with an error that is no CommandError, it may have been carried out. It needs org.liveresponse.process (DELETE, READ) and
// org.liveresponse.session (READ).
func (s *Session) Kill(ctx context.Context, pid int64) error {
	const op = "live_response.kill"
	if pid <= 0 { // on other systems than Windows these stand for groups of processes
		return fmt.Errorf("cbc: %s: %d is not the id of a single process", op, pid)
	}
	_, _, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, body: orderBody{Name: commandKill, PID: pid}})
	return err
}

// DeleteFile deletes a file, or an empty directory. The path is absolute and in the form of the device. What does not exist is a
// [*CommandError] with [ErrFileNotFound], and what is open one with [ErrInUse]. DeleteFile is never repeated by itself; when it
// ends with an error that is no CommandError, it may have been carried out. It needs org.liveresponse.file (DELETE, READ) and
// org.liveresponse.session (READ).
func (s *Session) DeleteFile(ctx context.Context, path string) error {
	const op = "live_response.delete_file"
	if err := checkDevicePath(op, path); err != nil {
		return err
	}
	_, _, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, body: orderBody{Name: commandDeleteFile, Path: path}})
	return err
}

// GetFile fetches a file: the device uploads it to the vendor, for up to OpenOptions.TransferTimeout, and the reader streams it
// from there, for as long as ctx lives and bytes arrive. The caller closes the reader. A file that does not exist is a
// [*CommandError] with [ErrFileNotFound]. The vendor keeps its copy for as long as the session lives. GetFile needs
// org.liveresponse.file (READ) and org.liveresponse.session (READ).
func (s *Session) GetFile(ctx context.Context, path string) (io.ReadCloser, error) {
	const op = "live_response.get_file"
	if err := checkDevicePath(op, path); err != nil {
		return nil, err
	}
	first, last, err := s.run(ctx, order{op: op, limit: s.opts.TransferTimeout, repeatable: true, body: orderBody{Name: commandGetFile, Path: path}})
	if err != nil {
		return nil, err
	}
	file := first.file()
	if file == "" {
		file = last.file()
	}
	if file == "" {
		return nil, answerError(op, http.StatusOK, nil, errors.New("the file has no id"))
	}
	return s.content(ctx, op, file)
}

// content streams an uploaded file. The vendor answers with the signed address of an object store on another host, which must not
// get the API key.
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}/content
func (s *Session) content(ctx context.Context, op, file string) (io.ReadCloser, error) {
	call := s.c.call(op, http.MethodGet,
		"/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}/content", string(s.ID), file)
	call.Repeatable = true
	call.OK = []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}
	body, err := s.c.rest.Stream(ctx, call)
	if err != nil {
		return nil, err // 404 says that the file is gone, or the session with it
	}
	if body.Status/100 == 2 {
		return body, nil
	}
	location := body.Header.Get("Location")
	if err := body.Close(); err != nil {
		return nil, fmt.Errorf("cbc: %s: %w", op, err)
	}
	if location == "" {
		return nil, answerError(op, body.Status, nil, errors.New("a redirect to nowhere"))
	}
	stored, err := s.c.rest.Fetch(ctx, op, location)
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// checkDevicePath refuses what no device could open.
func checkDevicePath(op, path string) error {
	switch {
	case strings.TrimSpace(path) == "":
		return fmt.Errorf("cbc: %s: the path is empty", op)
	case strings.ContainsRune(path, 0):
		return fmt.Errorf("cbc: %s: the path has a zero byte", op)
	}
	return nil
}
