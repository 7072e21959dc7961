package actions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pphunt/pphunt/hunt"
)

// ScriptConfig says which command is run.
type ScriptConfig struct {
	// Command is the program and its arguments. Each {placeholder} in an argument is replaced by its value, which stays part of
	// that one argument whatever it contains: {device_id} {device_name} {pid} {file_path} {process_guid} {sha256} {event_id}.
	// The program itself has no placeholder, and neither has anything that an interpreter would take for code, see [NewScript].
	Command []string
	// Env is the environment of the command. Defaults to that of the process, with all the secrets that are in it.
	Env []string
	// Dir is where the command runs. Defaults to the current directory.
	Dir string
	// Timeout ends a command that does not end by itself. Defaults to 5 min.
	Timeout time.Duration
	// InFlight is how many commands run at once. Defaults to 4.
	InFlight int
}

var placeholder = regexp.MustCompile(`\{[a-z0-9_]+\}`)

// NewScript runs a command for each file that was executed in a process. No shell is involved and no value is split. A value
// that is not known, or that the program could take for an option because it begins with a dash, stops the command from being
// run. The outcome tells the exit code; any but 0 is a failure, and the next run tries again. Then it also has the first
// 300 bytes of what the command wrote to standard error, without the values of variables and of options of the command whose names
// say that they are secret. A program that is not there or may not be run is a refusal, and so is a value that stops it. A finding
// about the empty file is held.
//
// A command is refused if a placeholder stands where its value would be run:
//
//   - in the code of an interpreter or before it, such as sh -c (or -lc), python -c, perl -e, ruby -e, node --eval, php -r, awk or
//     sed, or in the name of its script;
//   - anywhere behind powershell or pwsh, except as an argument of the script that -File names;
//   - anywhere behind cmd, ssh, eval, xargs, parallel, watch, su and the like, which make one text of their arguments;
//   - in any of these behind env, sudo, nohup, timeout and the like, in the program that those run, or in a command that env -S splits.
//
// Interpreters are known by their names, in any directory and case, with .exe and with a version. Behind the code or the script a
// placeholder is an argument of its own, and allowed: sh -c 'contain "$1"' - {file_path}. What an interpreter is not known for
// remains the operator's to know: a program that runs its arguments runs the values.
//
// What a command leaves running when it ends is not waited for.
//
// When ctx or the time ends, the command is asked to end (SIGTERM, on Unix its whole process group; on Windows it is killed), and
// killed after 300 ms.
func NewScript(cfg ScriptConfig) (hunt.Action, error) {
	s := &script{command: cfg.Command, env: cfg.Env, dir: cfg.Dir, timeout: cfg.Timeout}
	if s.timeout <= 0 {
		s.timeout = 5 * time.Minute
	}
	n := cfg.InFlight
	if n <= 0 {
		n = 4
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	spec := hunt.Spec{Name: "script", Scope: hunt.ScopeProcess, Impact: hunt.Destroys, Evidence: hunt.Executed, Batch: hunt.BatchTask, InFlight: n}
	return hunt.NewAction(spec, func(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
		return each(ctx, tasks, n, s.run)
	}), nil
}

type script struct {
	command []string
	env     []string
	dir     string
	timeout time.Duration
}

func (s *script) check() error {
	if len(s.command) == 0 || s.command[0] == "" {
		return errors.New("actions: the script has no command")
	}
	if placeholder.MatchString(s.command[0]) {
		return errors.New("actions: the script's program must not come from a placeholder")
	}
	if isBatch(s.command[0]) {
		return errBatch
	}
	known := scriptValues(hunt.Task{})
	for _, arg := range s.command[1:] {
		for _, p := range placeholder.FindAllString(arg, -1) {
			if _, ok := known[p]; !ok {
				return fmt.Errorf("actions: the script has the unknown placeholder %s", p)
			}
		}
	}
	return checkCode(s.command)
}

// How long a command has to end after it was asked to, and after how long nothing of it is waited for.
const (
	endGrace = 300 * time.Millisecond
	endWait  = 500 * time.Millisecond
)

var errBatch = errors.New("actions: script: a batch file cannot be given arguments safely: name a program")

// isBatch tells a batch file, whose interpreter would read its arguments again as commands.
func isBatch(program string) bool {
	ext := filepath.Ext(program)
	return strings.EqualFold(ext, ".bat") || strings.EqualFold(ext, ".cmd")
}

// scriptValues are the values of the placeholders. A value that nobody knows is empty.
func scriptValues(t hunt.Task) map[string]string {
	var s hunt.Sighting
	if len(t.Sightings) > 0 {
		s = t.Sightings[0]
	}
	pid := ""
	if len(s.Process.PIDs) > 0 {
		pid = strconv.FormatInt(s.Process.PIDs[0], 10)
	}
	return map[string]string{
		"{device_id}":    strconv.FormatInt(s.Device.ID, 10),
		"{device_name}":  s.Device.Name,
		"{pid}":          pid,
		"{file_path}":    s.Process.Path,
		"{process_guid}": s.Process.GUID,
		"{sha256}":       s.SHA256.String(),
		"{event_id}":     t.EventID(),
	}
}

// args fills the placeholders in.
func (s *script) args(t hunt.Task) ([]string, error) {
	values := scriptValues(t)
	args := make([]string, 0, len(s.command)-1)
	var problem error
	for _, arg := range s.command[1:] {
		filled := placeholder.ReplaceAllStringFunc(arg, func(p string) string {
			v := values[p]
			switch {
			case v == "":
				problem = fmt.Errorf("the value of %s is not known", p)
			case strings.HasPrefix(arg, p) && strings.HasPrefix(v, "-"):
				problem = fmt.Errorf("the value of %s begins with a dash", p)
			case strings.ContainsRune(v, 0):
				problem = fmt.Errorf("the value of %s has a zero byte", p)
			}
			return v
		})
		args = append(args, filled)
	}
	return args, problem
}

func (s *script) run(ctx context.Context, t hunt.Task) hunt.Outcome {
	if len(t.Sightings) > 0 && isEmptyFile(t.Sightings[0].SHA256) {
		return held(t, emptyFileWords)
	}
	args, err := s.args(t)
	if err != nil {
		return refusal(t, fmt.Errorf("actions: script: not run: %w", err)) // the task has the same values the next time
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("it took longer than %s", s.timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, s.command[0], args...) //nolint:gosec // the operator's own command; values stay single arguments
	// Windows finds contain.bat for "contain".
	if isBatch(cmd.Path) {
		return refusal(t, errBatch)
	}
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.WaitDelay = endWait
	complaint := &firstBytes{most: 4096}
	cmd.Stderr = complaint
	end := endGently(cmd)
	begun := time.Now()
	err = cmd.Run()
	end()
	took := time.Since(begun).Round(time.Millisecond)
	if errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success() {
		err = nil // it has left something running that holds its standard error
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return failed(t, fmt.Errorf("actions: script: ended after %s: %w", took, cause))
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed(t, fmt.Errorf("actions: script: exit code %d after %s%s", exit.ExitCode(), took, complaint.text(scriptSecrets(cmd.Environ(), s.command))))
	}
	switch {
	case err == nil:
		return done(t, fmt.Sprintf("exit code 0 after %s", took))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound), errors.Is(err, exec.ErrDot):
		return refusal(t, fmt.Errorf("actions: script: %w", err)) // it was not begun, and somebody has to mend that
	}
	return failed(t, fmt.Errorf("actions: script: %w", err))
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	most int
	kept bytes.Buffer
}

func (f *firstBytes) Write(p []byte) (int, error) {
	if room := f.most - f.kept.Len(); room > 0 {
		f.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// maxComplaint is how much of a complaint an outcome has, in bytes.
const maxComplaint = 300

// text is what was kept, without secrets, on one line, behind a colon.
func (f *firstBytes) text(s secrets) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s.blank(f.kept.String()), " "))
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(text[:min(len(text), maxComplaint)], "")
}
