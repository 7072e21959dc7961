package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/ini.v1"
)

const unitFile = "deploy/pp2cbc.service"

// TestUnit checks that the service of systemd starts what there is, with keys that there are.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit, err := ini.LoadSources(ini.LoadOptions{AllowShadows: true, IgnoreInlineComment: true}, unitFile)
	if err != nil {
		t.Fatal(err)
	}
	service := unit.Section("Service")
	command, err := splitCommand(service.Key("ExecStart").String())
	if err != nil || filepath.Base(command[0]) != "pp2cbc" {
		t.Fatalf("ExecStart is %q: %v", command, err)
	}
	o, err := parseFlags(command[1:])
	if err != nil || o.every <= 0 || o.listen == "" {
		t.Errorf("ExecStart does not start a service: %v", err)
	}
	if got := service.Key("Type").String(); got != "notify" {
		t.Errorf("the type is %s, but the program says when it is ready", got)
	}
	if watch, err := service.Key("WatchdogSec").Duration(); err == nil && watch <= 0 {
		t.Errorf("WatchdogSec is %s", watch)
	}
	for _, pair := range service.Key("Environment").ValueWithShadows() {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.ContainsFunc(schema(), func(k key) bool { return k.env() == name }) {
			t.Errorf("the program knows no %s", name)
		}
	}
	if got := service.Key("RestartPreventExitStatus").String(); got != "2" || exitUsage != 2 {
		t.Errorf("a wrong configuration is tried again and again: %s", got)
	}
}

// TestUnitAsSystemdReadsIt asks systemd itself, where it is.
func TestUnitAsSystemdReadsIt(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pp2cbc.service")
	text := strings.ReplaceAll(contents(t, unitFile), "/usr/local/bin/pp2cbc", self)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), path) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
