package actions_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

// runScript runs the test binary as the command, in a mode of TestMain.
func runScript(t *testing.T, mode string, timeout time.Duration, task hunt.Task, args ...string) hunt.Outcome {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PPHUNT_TEST_COMMAND", mode)
	a, err := actions.NewScript(actions.ScriptConfig{Command: append([]string{exe}, args...), Timeout: timeout})
	if err != nil {
		t.Fatalf("NewScript: %v", err)
	}
	o := a.Do(t.Context(), []hunt.Task{task})
	if len(o) != 1 {
		t.Fatalf("Do returned %d outcomes, want 1", len(o))
	}
	return o[0]
}

func TestScriptKeepsEachValueOneArgument(t *testing.T) {
	out := filepath.Join(t.TempDir(), "args")
	t.Setenv("PPHUNT_TEST_OUT", out)
	evil := `c:\a b\"; rm -rf / #{pid} $(id) %PATH%.exe`
	task := processTask("script", 1, 7, evil, 4711)
	o := runScript(t, "args", time.Minute, task, "--device_id", "{device_id}", "--pid={pid}", "--file_path", "{file_path}")
	if o.Status != hunt.Done || !strings.HasPrefix(o.Detail, "exit code 0") {
		t.Fatalf("outcome = %s %q (%v), want done with exit code 0", o.Status, o.Detail, o.Err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"--device_id", "7", "--pid=4711", "--file_path", evil}, got); diff != "" {
		t.Errorf("arguments mismatch (-want +got):\n%s", diff)
	}
}

func TestScriptFailures(t *testing.T) {
	t.Setenv("PPHUNT_TEST_OUT", filepath.Join(t.TempDir(), "args"))
	for _, c := range []struct {
		name, mode string
		timeout    time.Duration
		task       hunt.Task
		want       string
	}{
		{"an exit code is told, with the complaint on one line", "fail", time.Minute, processTask("script", 1, 7, "/x", 1), "exit code 3"},
		{"a command that hangs is ended", "hang", 50 * time.Millisecond, processTask("script", 1, 7, "/x", 1), "took longer than 50ms"},
		{"an unknown process id stops the command", "args", time.Minute, processTask("script", 1, 7, "/x"), "{pid} is not known"},
		{"a value that looks like an option stops the command", "args", time.Minute, processTask("script", 1, 7, "--delete-all", 1), "begins with a dash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := runScript(t, c.mode, c.timeout, c.task, "{pid}", "{file_path}")
			if o.Status != hunt.Failed || !strings.Contains(o.Detail, c.want) || strings.ContainsAny(o.Detail, "\x1b\n") {
				t.Errorf("outcome = %s %q, want failed, one clean line with %q", o.Status, o.Detail, c.want)
			}
			if stopped := c.mode == "args"; o.Refused != stopped {
				t.Errorf("Refused = %t, want %t", o.Refused, stopped)
			}
			if _, err := os.Stat(os.Getenv("PPHUNT_TEST_OUT")); err == nil {
				t.Error("the command was run")
			}
		})
	}
}

// What a command leaves running holds its standard error: the command has ended well all the same, and is not to be run again.
func TestScriptThatLeavesSomethingRunning(t *testing.T) {
	o := runScript(t, "leave", time.Minute, processTask("script", 1, 7, "/x", 1))
	expect(t, o, hunt.Done, "exit code 0")
}

func TestNewScriptRefuses(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"no command":               nil,
		"a program from the wire":  {"{file_path}"},
		"a batch file":             {`c:\tools\contain.BAT`, "{pid}"},
		"an unknown placeholder":   {"contain", "{passwort}"},
		"an empty program's name ": {"", "x"},
	} {
		if _, err := actions.NewScript(actions.ScriptConfig{Command: command}); err == nil {
			t.Errorf("NewScript with %s gave no error", name)
		}
	}
}
