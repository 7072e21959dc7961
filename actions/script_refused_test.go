package actions_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/hunt"
)

func TestScriptThatCannotBeRun(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"not there": plain + ".no", "not executable": plain, "not on the path": "pphunt-no-such-program"} {
		a, err := actions.NewScript(actions.ScriptConfig{Command: []string{program, "{event_id}"}})
		if err != nil {
			t.Fatal(err)
		}
		o := only(t, a.Do(t.Context(), []hunt.Task{processTask("script", 1, 7, `c:\a.exe`)}))
		expect(t, o, hunt.Failed, "script")
		if !o.Refused {
			t.Errorf("a script that is %s is not refused: %+v", name, o)
		}
	}
}

func TestScriptLeavesTheEmptyFileAlone(t *testing.T) {
	t.Parallel()
	a, err := actions.NewScript(actions.ScriptConfig{Command: []string{"pphunt-no-such-program"}})
	if err != nil {
		t.Fatal(err)
	}
	task := processTask("script", 1, 7, `c:\a.exe`)
	task.Sightings[0].SHA256 = sha256.Sum256(nil)
	expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Held, "empty file")
}
