package actions_test

import (
	"strings"
	"testing"

	"github.com/pphunt/pphunt/actions"
)

func TestScriptGivesNoInterpreterCodeFromTheWire(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"sh -c {file_path}", "/bin/bash -lc {file_path}", "python3 -c {file_path}", "perl -e {file_path}", "ruby -e {file_path}",
		"node --eval {file_path}", "php -r {file_path}", "cmd /c del {file_path}", "powershell.exe -Command Remove-Item {file_path}",
		"pwsh -c {file_path}", "ssh host rm {file_path}", "env sh -c {file_path}", "sudo bash -c {file_path}", "xargs {file_path}", "python3 {file_path}",
	} {
		if _, err := actions.NewScript(actions.ScriptConfig{Command: strings.Fields(command)}); err == nil {
			t.Errorf("NewScript(%s) gave no error", command)
		}
	}
	for _, command := range []string{
		"python3 action.py --device_id {device_id} --pid {pid} --file_path {file_path}", "contain {file_path}", "./contain.sh {pid}",
		"sh contain.sh {file_path}", "powershell -File contain.ps1 {file_path}",
	} {
		if _, err := actions.NewScript(actions.ScriptConfig{Command: strings.Fields(command)}); err != nil {
			t.Errorf("NewScript(%s) = %v, want it to be taken", command, err)
		}
	}
}
