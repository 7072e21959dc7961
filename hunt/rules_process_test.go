package hunt_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

func TestRule5TheRightProcess(t *testing.T) {
	t.Parallel()
	image := strings.ToLower(invoiceAt)
	type processes = []cbctest.RunningProcess
	type files = []cbctest.File
	const bystander program = "made-up software: it came later"
	for _, c := range []struct {
		name    string
		running processes
		files   files
		want    processes // what runs afterwards
		gone    bool      // the file
		status  hunt.Status
		detail  string
	}{
		{
			name:    "id and path agree",
			running: processes{{PID: invoicePID, Path: image}}, files: files{{Path: invoiceAt, Content: string(invoice)}},
			gone: true, status: hunt.Done, detail: "killed process 4711",
		},
		{
			name:    "the path is written in another case",
			running: processes{{PID: invoicePID, Path: `C:\USERS\ADA\INVOICE.EXE`}}, files: files{{Path: invoiceAt, Content: string(invoice)}},
			gone: true, status: hunt.Done, detail: "killed process 4711",
		},
		{
			name:    "the id belongs to another process now",
			running: processes{{PID: invoicePID, Path: `c:\windows\system32\lsass.exe`}}, files: files{{Path: invoiceAt, Content: string(invoice)}},
			want: processes{{PID: invoicePID, Path: `c:\windows\system32\lsass.exe`}},
			gone: true, status: hunt.Done, detail: `process 4711 is c:\windows\system32\lsass.exe now: not killed`,
		},
		{
			name:    "the id belongs to a process that only begins with the path",
			running: processes{{PID: invoicePID, Path: image + ".old"}},
			want:    processes{{PID: invoicePID, Path: image + ".old"}},
			status:  hunt.Already, gone: true, detail: "not killed",
		},
		{
			name:    "another process has the same path and another content",
			running: processes{{PID: 5000, Path: image}}, files: files{{Path: invoiceAt, Content: string(bystander)}},
			want:   processes{{PID: 5000, Path: image}},
			status: hunt.Already, detail: "process 5000 runs the same path but is not the one that was found: not killed",
		},
		{
			name:    "the file was replaced by another after the process had ended",
			running: processes{{PID: 4, Path: `c:\windows\explorer.exe`}}, files: files{{Path: invoiceAt, Content: string(bystander)}},
			want:   processes{{PID: 4, Path: `c:\windows\explorer.exe`}},
			status: hunt.Already, detail: "is another one now (" + bystander.sha() + "): left alone",
		},
		{
			name: "everything is gone",
			gone: true, status: hunt.Already, detail: "the process does not run any more; the file is gone",
		},
		{
			name:    "the process is gone and the file is there",
			running: processes{{PID: 4, Path: `c:\windows\explorer.exe`}}, files: files{{Path: invoiceAt, Content: string(invoice)}, {Path: invoiceAt + ".bak", Content: string(invoice)}},
			want: processes{{PID: 4, Path: `c:\windows\explorer.exe`}},
			gone: true, status: hunt.Done, detail: "deleted",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := plainWorld()
				w.cbc.Devices[0].Running, w.cbc.Devices[0].Files = c.running, c.files
				o := newOffice(t, w)
				r := o.run(t, crew{actions: []string{"live_response"}})
				if diff := cmp.Diff(c.want, append(processes(nil), o.cbc.Running(ranIt)...)); diff != "" {
					t.Errorf("what runs on the device mismatch (-want +got):\n%s", diff)
				}
				there := slices.ContainsFunc(o.cbc.Files(ranIt), func(f cbctest.File) bool { return strings.EqualFold(f.Path, invoiceAt) })
				if there == c.gone {
					t.Errorf("the file is there: %t, want %t", there, !c.gone)
				}
				if len(r.Outcomes) != 1 || r.Outcomes[0].Status != c.status || !strings.Contains(r.Outcomes[0].Detail, c.detail) {
					t.Errorf("outcomes = %v, want %s: …%s…", details(r), c.status, c.detail)
				}
				for _, f := range c.files {
					if f.Path == invoiceAt {
						continue
					}
					if !slices.ContainsFunc(o.cbc.Files(ranIt), func(have cbctest.File) bool { return have.Path == f.Path }) {
						t.Errorf("the file %s beside it was deleted", f.Path)
					}
				}
			})
		})
	}
}

func TestRule5AnotherProcessOfTheSameFileIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		image := strings.ToLower(invoiceAt)
		w := plainWorld()
		w.cbc.Devices[0].Running = []cbctest.RunningProcess{{PID: 5000, Path: image}}
		o := newOffice(t, w)
		r, err := o.hunter(t, crew{actions: []string{"live_response"}}).Run(t.Context(), o.window)
		if diff := cmp.Diff([]int64{5000}, o.pids(ranIt)); diff != "" {
			t.Errorf("processes mismatch (-want +got):\n%s", diff)
		}
		// Windows does not delete what runs, so that the task stays open and says why.
		if err == nil || r.Count(hunt.Failed) != 1 || !strings.Contains(details(r)["live_response"], "5000 runs the same path") {
			t.Errorf("Run = %v, error %v; want one failed task that names the process", details(r), err)
		}
	})
}
