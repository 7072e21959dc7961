package audit_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pphunt/pphunt/hunt/audit"
)

func TestOpenCreatesForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("the log has the mode %v, want 0600", info.Mode())
	}
	if _, err := audit.Open(filepath.Join(t.TempDir(), "no", "audit.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open in a directory that is not there = %v", err)
	}
}

func TestOpenGoesOn(t *testing.T) {
	t.Parallel()
	path, text, heads := written(t, 2)
	log := open(t, path)
	if log.Head() != heads[2] {
		t.Errorf("Head = %v, want %v", log.Head(), heads[2])
	}
	if err := log.Append(t.Context(), entry(3)); err != nil {
		t.Fatal(err)
	}
	got := contents(t, path)
	if summary, err := verify(got, append(heads, log.Head())...); err != nil || summary.Entries != 3 || !bytes.HasPrefix(got, text) {
		t.Errorf("Verify = %+v, %v", summary, err)
	}
}

// A long log is not read from its beginning, and goes on all the same.
func TestOpenALongLog(t *testing.T) {
	t.Parallel()
	path, _, _ := written(t, 1)
	log := open(t, path)
	for range 3 {
		if err := log.Append(t.Context(), entries(1000)...); err != nil {
			t.Fatal(err)
		}
	}
	text := contents(t, path)
	if len(text) < 5*audit.MaxLine {
		t.Fatalf("the log has %d bytes, too few to test with", len(text))
	}
	got := append1(t, text[:len(text)-50])
	if summary, err := verify(got); err != nil || summary.Entries != 3002 || summary.Torn != 1 {
		t.Errorf("Verify = %+v, %v", summary, err)
	}
	for _, broken := range [][]byte{
		bytes.Replace(text, []byte(`"seq":1,`), []byte(`"seq":7,`), 1),
		append(bytes.Clone(text), bytes.Repeat([]byte("x"), 5*audit.MaxLine)...),
		append(bytes.Clone(text), bytes.Repeat([]byte("{}\n"), 2*audit.MaxLine)...),
		append(bytes.Clone(text), bytes.SplitAfter(text, []byte("\n"))[2]...),
		append(bytes.Clone(text), "{}\n"...),
	} {
		path := holding(t, broken)
		if _, err := audit.Open(path); err == nil {
			t.Errorf("Open takes a log that ends with %q", broken[len(broken)-20:])
		}
		if !bytes.Equal(contents(t, path), broken) {
			t.Error("a broken log was touched")
		}
	}
}

func TestOpenRefusesWhatIsNoLog(t *testing.T) {
	t.Parallel()
	if _, err := audit.Open(t.TempDir()); !errors.Is(err, audit.ErrNotLog) {
		t.Errorf("Open of a directory = %v, want ErrNotLog", err)
	}
	if _, err := audit.VerifyFile(t.Context(), t.TempDir()); !errors.Is(err, audit.ErrNotLog) {
		t.Errorf("VerifyFile of a directory = %v, want ErrNotLog", err)
	}
	if _, err := audit.VerifyFile(t.Context(), filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("VerifyFile of nothing = %v", err)
	}
	for _, text := range []string{
		"hello", "hello\n", "\n", "{}\n", "[1,2]\n", `{"seq":1}` + "\n", `{"seq":2,"prev":"`, "\x7fELF", "SQLite format 3\x00", "[guard]\nx = 1\n",
	} {
		path := holding(t, []byte(text))
		_, err := audit.Open(path)
		if !errors.Is(err, audit.ErrNotLog) {
			t.Errorf("Open of %q = %v, want ErrNotLog", text, err)
		}
		if got := contents(t, path); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got := append1(t, nil); len(got) == 0 {
		t.Error("an empty file is a log that has nothing in it yet")
	}
}

func TestOpenSaysWhenTheFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	path, text, _ := written(t, 1)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(path); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Open = %v, want a missing permission", err)
	}
	if summary, err := audit.VerifyFile(t.Context(), path); err != nil || summary.Entries != 1 {
		t.Errorf("VerifyFile of a log that can only be read = %+v, %v", summary, err)
	}
	if !bytes.Equal(contents(t, path), text) {
		t.Error("the log was touched")
	}
}
