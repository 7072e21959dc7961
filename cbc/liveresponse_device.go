package cbc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
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
	last, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, repeatable: true, body: orderBody{Name: commandProcesses}})
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
	// On other systems than Windows those below stand for groups of processes; what has more bits than an id may lose them.
	if pid <= 0 || pid > math.MaxUint32 {
		return fmt.Errorf("cbc: %s: %d is not the id of a single process", op, pid)
	}
	_, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, body: orderBody{Name: commandKill, PID: pid}})
	return err
}
