package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.works(t)
	if err := r.stop(); err != nil {
		t.Errorf("run = %v after its context ended, want nil", err)
	}
	if _, err := os.Stat(r.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ready file is still there: %v", err)
	}
	address := strings.TrimPrefix(r.URL, "http://")
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Errorf("%s is still listened on", address)
	}
}

// The ready file of another lab is left alone.
func TestReadyFileOfAnother(t *testing.T) {
	t.Parallel()
	r := start(t)
	if err := os.WriteFile(r.file, []byte("another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(r.file); string(text) != "another\n" {
		t.Errorf("the file is now %q, %v", text, err)
	}
}

func TestEndsWithASignal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals to send")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		signal os.Signal
		tls    bool
	}{{os.Interrupt, false}, {syscall.SIGTERM, true}} {
		t.Run(c.signal.String(), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "ready.json")
			cmd := exec.CommandContext(t.Context(), self, fmt.Sprintf("--tls=%v", c.tls), "--ready-file", file)
			cmd.Env = append(os.Environ(), asLab+"=1", "TMPDIR="+filepath.Dir(file))
			var complaints strings.Builder
			cmd.Stderr = &complaints
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var r ready
			if err := json.NewDecoder(out).Decode(&r); err != nil {
				t.Fatalf("the lab has not started: %v; %s", err, complaints.String())
			}
			if !c.tls {
				// A connection that says nothing must not keep the lab.
				conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
			}
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || complaints.Len() > 0 {
				t.Errorf("the lab ended with %v and said %q", err, complaints.String())
			}
			for _, path := range []string{file, r.CA} {
				if path == "" {
					continue
				}
				if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there: %v", path, err)
				}
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		line string // on standard error
	}{
		"help":                {[]string{"--help"}, 0, "-ready-file"},
		"an unknown flag":     {[]string{"--prot", "1"}, 2, "-prot"},
		"a file that is gone": {[]string{"--world", "gone.json"}, 1, "gone.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), self, c.args...)
			cmd.Env = append(os.Environ(), asLab+"=1")
			var complaints strings.Builder
			cmd.Stderr = &complaints
			_ = cmd.Run() // the exit code says it
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(complaints.String(), c.line) {
				t.Errorf("lab %q ends with %d and %q, want %d and %s", c.args, code, complaints.String(), c.code, c.line)
			}
			if lines := strings.Count(complaints.String(), "\n"); c.code != 0 && lines != 1 {
				t.Errorf("lab %q complains in %d lines: %s", c.args, lines, complaints.String())
			}
		})
	}
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	r := start(t)
	address := strings.TrimPrefix(r.URL, "http://")
	file := filepath.Join(t.TempDir(), "ready.json")
	err := run(t.Context(), []string{"--listen", address, "--ready-file", file}, io.Discard, io.Discard)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), address) {
		t.Errorf("a second lab on %s = %v", address, err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lab that did not start wrote its ready file: %v", err)
	}
	r.works(t)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	world := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		args  []string
		want  string
		usage bool
	}{
		"every address":              {[]string{"--listen", "0.0.0.0:0"}, "loopback", true},
		"no address":                 {[]string{"--listen", ":0"}, "loopback", true},
		"every IPv6 address":         {[]string{"--listen", "[::]:0"}, "loopback", true},
		"an address of the network":  {[]string{"--listen", "192.0.2.1:0"}, "loopback", true},
		"a name":                     {[]string{"--listen", "lab.example:0"}, "loopback", true},
		"a name that begins well":    {[]string{"--listen", "localhost.example:0"}, "loopback", true},
		"an address without a port":  {[]string{"--listen", "127.0.0.1"}, "port", true},
		"a port that is none":        {[]string{"--listen", "127.0.0.1:70000"}, "70000", false},
		"--ca-out without --tls":     {[]string{"--ca-out", filepath.Join(dir, "ca.pem")}, "--tls", true},
		"an argument":                {[]string{"world.json"}, "world.json", true},
		"an unknown flag":            {[]string{"--tsl"}, "-tsl", true},
		"a missing world":            {[]string{"--world", filepath.Join(dir, "gone.json")}, "gone.json", false},
		"a world that is no JSON":    {[]string{"--world", world("a.json", "tap: {}")}, "world file", false},
		"a world with a typing slip": {[]string{"--world", world("b.json", `{"cbc":{"devcies":[]}}`)}, "devcies", false},
		"a world at odds":            {[]string{"--world", world("c.json", `{"cbc":{"processes":[{"device_id":9}]}}`)}, "device 9", false},
		"a directory as ready file":  {[]string{"--ready-file", dir}, "--ready-file", false},
		"no place for the authority": {[]string{"--tls", "--ca-out", filepath.Join(dir, "none", "ca.pem")}, "--ca-out", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Who is not refused serves until the context ends, and that is now.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var out, help strings.Builder
			err := run(ctx, c.args, &out, &help)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "lab: ") {
				t.Errorf("run(%q) = %v, want an error of the lab with %s", c.args, err, c.want)
			}
			if errors.Is(err, errUsage) != c.usage {
				t.Errorf("run(%q) = %v; a matter of usage: %v", c.args, err, !c.usage)
			}
			if out.Len()+help.Len() > 0 {
				t.Errorf("run(%q) said %s%s", c.args, out.String(), help.String())
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "ca.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an authority was written: %v", err)
	}
	var help strings.Builder
	if err := run(t.Context(), []string{"-h"}, io.Discard, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-world") {
		t.Errorf("-h = %v, %s", err, help.String())
	}
}
