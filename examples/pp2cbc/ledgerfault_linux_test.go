package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// nobody is whom root runs the program as where root's own rights would do away with what is tested.
const nobody = 65534

// asNobody makes the stage's processes those of a user whom permissions mean something to.
func (s *stage) asNobody(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	copied := filepath.Join(s.dir, "pp2cbc.test")
	// Not copied here: a file that this process has open for writing while another test forks cannot be run.
	if out, err := exec.Command("cp", s.program[0], copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.program = []string{copied}
	s.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	for dir := s.dir; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.Walk(s.dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
}

type readOnly struct {
	name      string
	ledger    bool
	file, dir os.FileMode
}

func (r readOnly) String() string { return r.name }

func TestLedgerThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	concurrently(t, []readOnly{
		{"a file that is read-only", true, 0o400, 0o755},
		{"a file that cannot be read", true, 0, 0o755},
		{"a directory that is read-only", true, 0o600, 0o555},
		{"a directory that takes no new ledger", false, 0, 0o555},
		{"both read-only", true, 0o400, 0o555},
	}, func(t *testing.T, c readOnly) {
		s := newStage(t, smallWorld(time.Now()))
		dir := filepath.Join(s.dir, "state")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s.ledger = filepath.Join(dir, "app.sql")
		s.env = []string{"PP2CBC_SQLITE3_FILENAME=" + s.ledger, "PP2CBC_ACTIONS_SCRIPT=off"} // nobody may run the test's own binary
		if c.ledger {
			fillLedger(t, s.ledger)
		}
		s.asNobody(t)
		if c.ledger {
			if err := os.Chmod(s.ledger, c.file); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(dir, c.dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
		p := s.start(t, trap{})
		code := p.end(t)
		complaint := p.err.String()
		if code != exitUsage && code != exitFailed || !strings.Contains(complaint, s.ledger) || !strings.Contains(complaint, "cannot be written") {
			t.Errorf("the program ended with %d and complained %q, want 1 or 2, the path of the ledger, and that it cannot be written", code, complaint)
		}
		if changes := s.changes(); len(changes) > 0 {
			t.Errorf("the program sent %q, want nothing", changes)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.sql-*")); len(left) > 0 {
			t.Errorf("the program left %q", left)
		}
		if c.ledger {
			if err := os.Chmod(s.ledger, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p = s.start(t, trap{})
		if code := p.end(t); code != exitDone {
			t.Errorf("when it could be written the program ended with %d: %s", code, p.err.String())
		}
	})
}

// A file of the ledger cannot grow any more, as on a full disk. What the report says is done is recorded, and the next run, with
// room again, finishes.
func TestLedgerThatCannotGrow(t *testing.T) {
	t.Parallel()
	ref := undisturbed(t, newStage(t, smallWorld(time.Now())))
	blocks := []int{0, 24, 64} // of 512 bytes
	if os.Getenv(everyKill) != "" {
		blocks = []int{0, 8, 24, 64, 100, 160, 220, 300, 400}
	}
	concurrently(t, blocks, func(t *testing.T, blocks int) {
		s := newStage(t, smallWorld(time.Now()))
		self := s.program
		s.program = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -f %d; exec "$0" "$@"`, blocks)}, self...)
		p := s.start(t, trap{})
		ref.full(t, s, p)
		s.program = self
		ref.recovers(t, s)
	})
}

// full wants a run that the disk was full for to say so, and to claim no more than what is recorded.
func (ref *reference) full(t *testing.T, s *stage, p *process) {
	t.Helper()
	code := p.end(t)
	s.settle(t)
	complaint := p.err.String()
	t.Logf("ended with %d: %s", code, complaint)
	if code != exitFailed && code != exitUsage || !strings.Contains(complaint, s.ledger) && !strings.Contains(complaint, "app.log") {
		t.Errorf("the program ended with %d and complained %q, want 1 or 2 and the path of the file", code, complaint)
	}
	if p.out.Len() == 0 {
		if changes := s.changes(); len(changes) > 0 {
			t.Errorf("the program gave no report and sent %q, want nothing", changes)
		}
		return
	}
	recorded, effects := s.doneNow(t, ref.done), s.effects()
	said := p.statuses(t)
	for key, status := range said {
		if strings.HasPrefix(status, "done") && !recorded[key] && slices.Contains(ref.done, key) {
			t.Errorf("the report says of %s %q, and the ledger does not have it", key, status)
		}
	}
	for effect, task := range ref.task {
		if status := said[dedupe.Key(task)]; effects[effect] > 0 && !recorded[dedupe.Key(task)] && !strings.Contains(status, "could not record it") {
			t.Errorf("%s came, and the report says of it %q", effect, status)
		}
	}
}

// recovers runs the program until everything is done.
func (ref *reference) recovers(t *testing.T, s *stage) {
	t.Helper()
	crash := s.aftermath(t, ref.done)
	for runs := 1; ; runs++ {
		p := s.start(t, trap{})
		code := p.end(t)
		s.settle(t)
		if code == ref.code && ref.complete(t, s) {
			break
		}
		if runs == 3 {
			t.Errorf("the last of three runs ended with %d: %s", code, p.err.String())
			break
		}
	}
	ref.judge(t, s, crash)
}

// tinyDisk names a directory that holds little: the test below runs itself in a namespace where it is one.
const tinyDisk = "PPHUNT_TINY_DISK"

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := os.Getenv(tinyDisk)
	if dir == "" {
		dir = t.TempDir()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run=^TestFullDisk$", "-test.v", "-test.timeout=2m")
		cmd.Env = append(os.Environ(), tinyDisk+"="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		if len(out) == 0 && err != nil {
			t.Skipf("no disk of our own can be had here: %v", err)
		}
		t.Logf("%s", out)
		if err != nil {
			t.Errorf("on a disk of our own: %v", err)
		}
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("no disk of our own can be had here: %v", err)
	}
	ref := undisturbed(t, newStage(t, smallWorld(time.Now())))
	rooms := []int{12, 40} // KiB
	if os.Getenv(everyKill) != "" {
		rooms = []int{0, 12, 40, 120, 200}
	}
	for i, room := range rooms {
		t.Run(fmt.Sprintf("room for %d KiB", room), func(t *testing.T) {
			s := newStage(t, smallWorld(time.Now()))
			state := filepath.Join(dir, fmt.Sprint(i))
			if err := os.Mkdir(state, 0o700); err != nil {
				t.Fatal(err)
			}
			s.ledger = filepath.Join(state, "app.sql")
			s.env = []string{"PP2CBC_SQLITE3_FILENAME=" + s.ledger}
			release := fill(t, dir, room<<10)
			p := s.start(t, trap{})
			ref.full(t, s, p)
			release()
			ref.recovers(t, s)
			if err := os.RemoveAll(state); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// fill takes all of a disk but some bytes, until release is called.
func fill(t *testing.T, dir string, room int) (release func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for page := make([]byte, 4096); ; size += int64(len(page)) {
		if _, err := f.Write(page); err != nil {
			break
		}
	}
	if err := f.Truncate(size - int64(room)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
