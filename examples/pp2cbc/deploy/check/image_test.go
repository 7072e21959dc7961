package check

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/pphunt/pphunt/examples/internal/lab"
)

// image is what the last stage of the Dockerfile makes.
type image struct {
	user, group uint32
	env         []string
	entrypoint  []string
	cmd         []string
	copies      map[string]bool // where files go
}

// readImage reads the Dockerfile by the parser of the engine.
func readImage(t *testing.T) image {
	t.Helper()
	f, err := os.Open("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	var complaints []string
	lint := linter.New(&linter.Config{Warn: func(rule, description, _, text string, _ []parser.Range) {
		complaints = append(complaints, rule+": "+text)
	}})
	stages, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	if len(complaints) > 0 || len(parsed.Warnings) > 0 {
		t.Errorf("the engine's linter says %q, %v", complaints, parsed.Warnings)
	}
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		t.Errorf("the image is built on %s", last.BaseName)
	}
	img := image{copies: make(map[string]bool)}
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user, group, _ := strings.Cut(c.User, ":")
			img.user, img.group = number(t, user), number(t, group)
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				img.env = append(img.env, pair.Key+"="+pair.Value)
			}
		case *instructions.EntrypointCommand:
			img.entrypoint = c.CmdLine
		case *instructions.CmdCommand:
			img.cmd = c.CmdLine
		case *instructions.CopyCommand:
			img.copies[c.DestPath] = true
		}
	}
	return img
}

func number(t *testing.T, text string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%q is no number, so that nobody can check that it is not root", text)
	}
	return uint32(n)
}

func TestImage(t *testing.T) {
	t.Parallel()
	img := readImage(t)
	if img.user == 0 || img.group == 0 {
		t.Error("the program runs as root")
	}
	for _, path := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/passwd", "/tmp", "/data", "/pp2cbc"} {
		if !img.copies[path] {
			t.Errorf("the image has no %s", path)
		}
	}
	if !slices.Equal(img.entrypoint, []string{"/pp2cbc"}) {
		t.Errorf("the entry point is %q", img.entrypoint)
	}
}

// program builds the program as the image does.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pp2cbc")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, "./examples/pp2cbc")
	build.Dir, build.Env = "../../../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// container is a folder with what the image has and nothing else, in which the program runs as the user of the image. Nothing but /data
// and /tmp can be written there.
type container struct {
	image
	root string
}

func newContainer(t *testing.T, config string) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can run a program in a root of its own")
	}
	c := &container{readImage(t), t.TempDir()}
	text, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"data": 0o700, "tmp": 0o777, "config": 0o755, "etc": 0o755, "dev": 0o755, "proc/self": 0o755, "run/secrets/pp2cbc": 0o755} {
		if err := os.MkdirAll(filepath.Join(c.root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(c.root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(c.root, "data"), int(c.user), int(c.group)); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"pp2cbc": string(text), "config/config.conf": config, "etc/passwd": "pp2cbc:x:65532:65532::/data:/none\n",
		"run/secrets/pp2cbc/cbc": "not used", "run/secrets/pp2cbc/tap": "not used",
	} {
		if err := os.WriteFile(filepath.Join(c.root, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// An engine mounts /dev and /proc; this much of them is asked for: an empty input, and where the program itself is.
	null := filepath.Join(c.root, "dev/null")
	if err := errors.Join(os.WriteFile(null, nil, 0o600), os.Chmod(null, 0o666)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/pp2cbc", filepath.Join(c.root, "proc/self/exe")); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *container) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.entrypoint[0], args...)
	cmd.Dir, cmd.Env = "/data", append(slices.Clone(c.env), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: c.user, Gid: c.group}}
	return cmd
}

func TestDemoInTheImage(t *testing.T) {
	t.Parallel()
	c := newContainer(t, "")
	out, err := c.command(t.Context(), nil, "--demo").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("── It ended with the exit code")) {
		t.Errorf("the demonstration: %v\n%s", err, out)
	}
}

// TestServiceInTheImage runs what the image runs, against the lab.
func TestServiceInTheImage(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile("../config.example.conf")
	if err != nil {
		t.Fatal(err)
	}
	c := newContainer(t, string(config))
	world := lab.Company(time.Now())
	services := httptest.NewServer(lab.New(world))
	defer services.Close()
	tap, cbc, _ := lab.Accounts(world)
	for name, secret := range map[string]string{"cbc": cbc.APIKey, "tap": tap.Secret} {
		if err := os.WriteFile(filepath.Join(c.root, "run/secrets/pp2cbc", name), []byte(secret+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{
		"PP2CBC_CARBONBLACK_URL=" + services.URL, "PP2CBC_CARBONBLACK_ORG_KEY=" + cbc.OrgKey, "PP2CBC_CARBONBLACK_CUSTOM_API_ID=" + cbc.APIID,
		"PP2CBC_PROOFPOINT_URL=" + services.URL, "PP2CBC_PROOFPOINT_PRINCIPAL=" + tap.Principal,
	}
	address := freeAddress(t)
	args := slices.Clone(c.cmd)
	if i := slices.Index(args, ":9090"); i < 0 {
		t.Fatalf("the image runs %q, which answers nobody", args)
	} else {
		args[i] = address
	}
	cmd := c.command(t.Context(), env, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); !answers(t, "http://"+address+"/readyz"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("it was never ready: %s%s", out.String(), log.String())
		}
	}
	if !answers(t, "http://"+address+"/healthz") || !answers(t, "http://"+address+"/metrics") {
		t.Error("it is ready, and not healthy")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, log.String())
	}
	if !strings.HasPrefix(log.String(), `{"time":`) {
		t.Errorf("the log is no JSON, or there is a warning: %s", log.String())
	}
	for _, name := range []string{"app.sql", "audit.jsonl"} {
		info, err := os.Stat(filepath.Join(c.root, "data", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("/data/%s: %v, %v", name, info, err)
		}
	}
	if left, err := os.ReadDir(filepath.Join(c.root, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("it left %v in /tmp: %v", left, err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func answers(t *testing.T, address string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}
