package audit_test

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/pphunt/pphunt/hunt/audit"
)

// limit makes the files of this process end at a size, as a full disk does: in the middle of a write.
func limit(size string) {
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	path, text, _ := written(t, 2)
	for _, room := range []int{0, 1, 100, 300} {
		cmd := child(t, path, 1, fmt.Sprintf("%s_LIMIT=%d", childLog, len(text)+room))
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Run(); err == nil || !bytes.Contains(said.Bytes(), []byte("file too large")) {
			t.Fatalf("with room for %d bytes the process said %q, %v; want an error", room, said.String(), err)
		}
		full := contents(t, path)
		if len(full) != len(text)+room {
			t.Fatalf("the log has %d bytes, want %d", len(full), len(text)+room)
		}
		log := open(t, path)
		if err := log.Append(t.Context(), entry(9)); err != nil {
			t.Fatal(err)
		}
		text = contents(t, path)
		summary, err := audit.VerifyFile(t.Context(), path, log.Head())
		if err != nil || !bytes.HasPrefix(text, full) {
			t.Errorf("with room for %d bytes: %+v, %v", room, summary, err)
		}
	}
}
