package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestActionKeepsACopyAndIsAudited(t *testing.T) {
	t.Parallel()
	const path, content = `c:\users\dana\downloads\invoice_0417.exe`, "made-up malware: the freight invoice"
	c := newShortCompany(t, "evidence_dir = evidence")
	if err := os.Mkdir(filepath.Join(c.dir, "evidence"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"action", "--device_id", "4571601", "--pid", "6700", "--file_path", path, "--sha256", digestOf(content)}
	c.command(t, append(args, "--dry-run")...).is(t, exitDone, nil, nil)
	if _, err := os.Stat(filepath.Join(c.dir, "audit.jsonl")); err == nil {
		t.Error("the dry run wrote an audit log")
	}
	c.command(t, args...).is(t, exitDone, []string{"killed process 6700"}, nil)
	if kept, err := os.ReadFile(filepath.Join(c.dir, "evidence", digestOf(content)+".evidence")); err != nil || string(kept) != content {
		t.Errorf("the copy is %q (%v), want the file", kept, err)
	}
	c.command(t, "action", "--device_id", "1", "--pid", "1", "--file_path", path).is(t, exitFailed, nil, nil)
	c.command(t, "status", "--verify-audit").is(t, exitDone, []string{"2 entries (done 1, failed 1)"}, nil)
	text, err := os.ReadFile(filepath.Join(c.dir, "audit.jsonl"))
	if err != nil || !strings.Contains(string(text), `"device":{"id":4571601}`) || !strings.Contains(string(text), "killed process 6700") || !strings.Contains(string(text), `"by":"`) {
		t.Errorf("the audit log is %s (%v)", text, err)
	}
	c.write(t, "audit.jsonl", "nothing of ours\n")
	calls := len(c.lab.Requests())
	c.command(t, args...).is(t, exitUsage, nil, []string{"audit.filename"})
	if n := len(c.lab.Requests()); n != calls {
		t.Errorf("%d calls were sent without an audit log", n-calls)
	}
}
