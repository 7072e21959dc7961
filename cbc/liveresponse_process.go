package cbc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// cleanup is how long the file may take to be deleted that a command has left on the device, whatever becomes of the caller's
// context: it can be a copy of the whole memory.
const cleanup = 15 * time.Second

// ProcessSpec is a process to start on a device.
type ProcessSpec struct {
	// CommandLine is the program with its arguments. Required.
	CommandLine CommandLine
	// WorkingDirectory is where it runs. Defaults to what the sensor takes.
	WorkingDirectory string
	// OutputFile is a file on the device that gets what it writes to its standard output and error, for [Session.StartProcess] and
	// [Session.RunProcess]. Defaults to none.
	OutputFile string
	// Timeout is how long it may run if it is waited for. It is not ended afterwards. Defaults to OpenOptions.CommandTimeout.
	Timeout time.Duration
}

// ProcessResult is a process that has ended.
type ProcessResult struct {
	// PID was its process id.
	PID int64
	// ExitCode is what it ended with, as the sensor reports it. Zero is success to most programs.
	ExitCode int64
}

// StartProcess starts a process and does not wait for its end. It returns its process id. A program that does not exist is a
// [*CommandError] with [ErrFileNotFound]. StartProcess is never repeated by itself; when it ends with an error that is no
// CommandError, the process may have been started. It needs org.liveresponse.process (EXECUTE, READ) and org.liveresponse.session
// (READ).
func (s *Session) StartProcess(ctx context.Context, spec ProcessSpec) (pid int64, err error) {
	result, err := s.createProcess(ctx, "live_response.start_process", spec, false)
	return result.PID, err
}

// RunProcess starts a process and waits for its end, whatever it ends with: that is in the result, and no error. One that takes
// longer than it may is a [*CommandError] with [ErrUnfinished], and may go on. Otherwise it is [Session.StartProcess].
func (s *Session) RunProcess(ctx context.Context, spec ProcessSpec) (ProcessResult, error) {
	return s.createProcess(ctx, "live_response.run_process", spec, true)
}

// RunOutput is [Session.RunProcess] with what the process writes to its standard output and error: the sensor puts it into a file in
// the system's directory for temporary files, which is fetched once the process has ended, written to out, and deleted on the
// device and at the vendor's. If that fails, as it does for a process that goes on, the error says so and names the file. RunOutput
// also needs org.liveresponse.file (READ, DELETE).
func (s *Session) RunOutput(ctx context.Context, spec ProcessSpec, out io.Writer) (result ProcessResult, err error) {
	const op = "live_response.run_output"
	if spec.OutputFile != "" {
		return ProcessResult{}, fmt.Errorf("cbc: %s: OutputFile is chosen by RunOutput", op)
	}
	if err := errors.Join(s.usable(op), s.supports(op, commandGetFile), s.supports(op, commandDeleteFile)); err != nil {
		return ProcessResult{}, err
	}
	if spec.OutputFile, err = s.temporary(op, "", ".txt"); err != nil {
		return ProcessResult{}, err
	}
	result, err = s.createProcess(ctx, op, spec, true)
	if err != nil && !mayHaveStarted(err) {
		return result, err
	}
	if err == nil {
		err = s.copyFile(ctx, op, spec.OutputFile, out)
	}
	return result, errors.Join(err, s.tidy(ctx, op, spec.OutputFile))
}

func (s *Session) createProcess(ctx context.Context, op string, spec ProcessSpec, wait bool) (ProcessResult, error) {
	if err := checkDevicePath(op, string(spec.CommandLine)); err != nil {
		return ProcessResult{}, fmt.Errorf("cbc: %s: the command line is empty or has a zero byte", op)
	}
	limit := s.opts.CommandTimeout
	if spec.Timeout > 0 {
		limit = spec.Timeout
	}
	last, err := s.run(ctx, order{op: op, limit: limit, body: orderBody{
		Name: commandCreateProcess, Path: string(spec.CommandLine), Wait: wait,
		OutputFile: spec.OutputFile, WorkingDirectory: spec.WorkingDirectory,
	}})
	if err != nil {
		return ProcessResult{}, err
	}
	return last.started(), nil
}

// started is the process that was created, under its names and those of the older API.
func (w wireCommand) started() ProcessResult {
	details := w.ProcessDetails.is
	return ProcessResult{PID: either(details.PID, w.PID), ExitCode: either(details.ReturnCode, w.ReturnCode)}
}

// mayHaveStarted tells whether a command may have left something on the device although it ended with an error.
func mayHaveStarted(err error) bool {
	switch {
	case errors.Is(err, ErrCommandTooLarge), errors.Is(err, errors.ErrUnsupported):
		return false
	}
	if e, ok := errors.AsType[*CommandError](err); ok {
		return !e.Withdrawn
	}
	if _, ok := errors.AsType[*SessionError](err); ok {
		return false
	}
	return outcomeUnknown(err)
}

// copyFile fetches a file of the device.
func (s *Session) copyFile(ctx context.Context, op, path string, out io.Writer) error {
	r, err := s.fetch(ctx, order{op: op, body: orderBody{Path: path}})
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // what was read was read
	if _, err := io.Copy(out, r); err != nil {
		return fmt.Errorf("cbc: %s: the output: %w", op, err)
	}
	return nil
}

// temporary is a path for a file in a directory, or in the system's one for such files, under a name that no other file has.
func (s *Session) temporary(op, directory, extension string) (string, error) {
	windows, known := s.system()
	name := "pphunt-" + strings.ToLower(rand.Text()) + extension
	switch {
	case directory != "":
		return join(directory, name), checkDevicePath(op, directory)
	case !known:
		return "", fmt.Errorf("cbc: %s: device %d does not say what system it has", op, s.DeviceID)
	case windows:
		return join(windowsTemp(s.Info().WorkingDirectory), name), nil
	}
	return "/tmp/" + name, nil
}

// windowsTemp is the directory for temporary files beside the one of the system in which sensors begin.
func windowsTemp(workingDirectory string) string {
	const system = `\system32`
	if n := len(workingDirectory) - len(system); n > 0 && strings.EqualFold(workingDirectory[n:], system) {
		return workingDirectory[:n] + `\Temp`
	}
	return `C:\Windows\Temp`
}

// tidy deletes a file that a command has left on the device, even when ctx is over.
func (s *Session) tidy(ctx context.Context, op, path string) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer stop()
	o := order{op: op, limit: cleanup, body: orderBody{Name: commandDeleteFile, Path: path}}
	_, err := s.run(ctx, o)
	if err == nil || errors.Is(err, ErrFileNotFound) {
		return nil
	}
	return fmt.Errorf("cbc: %s: device %d: the file %q is left on the device: %w", op, s.DeviceID, path, err)
}
