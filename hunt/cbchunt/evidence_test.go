package cbchunt_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

// complete is a searcher that asks for events too.
func complete(t testing.TB, srv *cbctest.Server, warn func(string)) *cbchunt.Searcher {
	t.Helper()
	processes := connect(t, srv.Client()).Processes
	return newSearcher(t, srv, func(cfg *cbchunt.Config) { cfg.Processes, cfg.Events, cfg.Warn = processes, processes, warn })
}

// sightings are those of a search of the last week, without what the fixtures do not vary.
func sightings(ctx context.Context, t testing.TB, s hunt.Searcher, files []hunt.Indicator) ([]hunt.Sighting, error) {
	t.Helper()
	var all []hunt.Sighting
	for sg, err := range s.Search(ctx, files, time.Now().Add(-week)) {
		if err != nil {
			return all, err
		}
		if sg.Evidence == hunt.None {
			continue // TestOpenFilesThatWereTouched is about those
		}
		sg.Process, sg.Device, sg.Time = hunt.Process{GUID: sg.Process.GUID}, hunt.Device{}, time.Time{}
		all = append(all, sg)
	}
	slices.SortFunc(all, func(a, b hunt.Sighting) int {
		return strings.Compare(a.Process.GUID+a.SHA256.String(), b.Process.GUID+b.SHA256.String())
	})
	return all, nil
}

func TestEventsTellWhereAndWhen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(-2 * time.Hour).UTC()
		mail := ran("MAIL", md5, strings.Repeat("e", 64))
		mail.Events = []cbctest.Event{
			{Type: "filemod", Time: at.Add(time.Minute), Name: `c:\users\kim\again.dll`, SHA256: hash(3).String()},
			{Type: "filemod", Time: at, Name: `c:\users\kim\first.dll`, SHA256: hash(3).String()},
			{Type: "filemod", Time: at, Name: `c:\users\kim\other.dll`, SHA256: strings.Repeat("d", 64)},
			{Type: "modload", Time: at, Name: `c:\users\kim\loaded.dll`, SHA256: hash(7).String()},
		}
		script := ran("WSCRIPT", md5, strings.Repeat("c", 64))
		script.Events = []cbctest.Event{{Type: "scriptload", Time: at, Name: `c:\users\kim\run.js`, SHA256: hash(9).String()}}
		srv := cbctest.New(world(mail, script))
		got, err := sightings(t.Context(), t, complete(t, srv, nil), batch(50))
		if err != nil {
			t.Fatal(err)
		}
		touch := func(n byte, guid, what, path string) hunt.Sighting {
			return hunt.Sighting{
				SHA256: hash(n), Evidence: hunt.Touched, Field: what + "_hash", Process: hunt.Process{GUID: guid},
				File: hunt.FileEvent{Path: path, What: what, Time: at}, Keep: true,
			}
		}
		want := []hunt.Sighting{
			touch(3, "MAIL", "filemod", `c:\users\kim\first.dll`), touch(7, "MAIL", "modload", `c:\users\kim\loaded.dll`),
			touch(9, "WSCRIPT", "scriptload", `c:\users\kim\run.js`),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sightings mismatch (-want +got):\n%s", diff)
		}
		if n := len(srv.SearchJobs()); n != 1 {
			t.Errorf("%d searches were made, want one: the events say the rest", n)
		}
	})
}

// An organization may have no events. What touched a file is then told by halving, and is not lost.
func TestNoEvents(t *testing.T) {
	t.Parallel()
	none := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"results":[],"num_found":0,"num_available":0,"total_segments":0,"processed_segments":0}`)
		})
	}
	for name, fault := range map[string]func(http.Handler) http.Handler{"none": none, "forbidden": status(http.StatusForbidden)} {
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(world(wrote("MAIL", hash(3))))
			warned := 0
			srv.Inject(answers("POST", "/_search"), -1, fault)
			got, err := sightings(t.Context(), t, complete(t, srv, func(string) { warned++ }), batch(8))
			want := []hunt.Sighting{{SHA256: hash(3), Evidence: hunt.Touched, Process: hunt.Process{GUID: "MAIL"}, Keep: name == "none"}}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("Search: %v, mismatch (-want +got):\n%s", err, diff)
			}
			if (warned > 0) != (name == "forbidden") {
				t.Errorf("%s: %d warnings", name, warned)
			}
		})
	}
}

func TestMD5(t *testing.T) {
	t.Parallel()
	known, other := hunt.MD5{1, 2, 3}, strings.Repeat("9", 64)
	for _, c := range []struct {
		name string
		row  func(*cbctest.Process)
		want []hunt.Sighting
		warn bool
	}{
		{"alone", func(p *cbctest.Process) { p.Hashes = []string{known.String()} }, []hunt.Sighting{{Evidence: hunt.Executed, Field: "process_hash", ByMD5: true}}, false},
		{"beside its SHA-256", func(p *cbctest.Process) { p.Hashes = []string{known.String(), hash(1).String()} }, []hunt.Sighting{{Evidence: hunt.Executed, Field: "process_hash"}}, false},
		{"beside another SHA-256", func(p *cbctest.Process) { p.Hashes = []string{known.String(), other} }, nil, true},
		{
			"of a file that was written",
			func(p *cbctest.Process) {
				p.Hashes = []string{other}
				p.Events = []cbctest.Event{{Type: "filemod", Name: `c:\a.doc`, MD5: known.String()}}
			},
			[]hunt.Sighting{{Evidence: hunt.Touched, Field: "filemod_hash", ByMD5: true, File: hunt.FileEvent{Path: `c:\a.doc`, What: "filemod"}, Keep: true}},
			false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := ran("P")
				c.row(&p)
				files := batch(3)
				files[0].MD5 = known
				var warnings []string
				got, err := sightings(t.Context(), t, complete(t, cbctest.New(world(p)), func(s string) { warnings = append(warnings, s) }), files)
				for i := range got {
					got[i].File.Time = time.Time{}
				}
				for i := range c.want {
					c.want[i].SHA256, c.want[i].Process.GUID = hash(1), "P"
				}
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("Search: %v, mismatch (-want +got):\n%s", err, diff)
				}
				if (len(warnings) > 0) != c.warn {
					t.Errorf("warnings %q", warnings)
				}
			})
		})
	}
}

// sent is the first indicator, whose mail came a day ago under a name.
func sent(name string) []hunt.Indicator {
	files := batch(3)
	files[0].Mails = []hunt.Mail{{ID: "m", FileName: name, Time: time.Now().Add(-24 * time.Hour), Recipients: []string{"kim@corp.example"}}}
	return files
}

func TestNames(t *testing.T) {
	t.Parallel()
	const name = `Krause Umbau 2231987 "x" (a+b) [*].docm`
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		ago := func(d time.Duration) time.Time { return now.Add(-d) }
		process := func(guid, line string, start time.Time) cbctest.Process {
			p := ran(guid, md5, strings.Repeat("e", 64))
			p.CmdLine, p.Start, p.Time = line, start, start.Add(time.Minute)
			return p
		}
		reader := process("READER", `winword.exe /n "c:\users\kim\`+strings.ToLower(name)+`"`, ago(time.Hour))
		early := process("EARLY", `winword.exe /n "c:\users\kim\`+name+`"`, ago(25*time.Hour))
		part := process("PART", `winword.exe /n "c:\users\kim\My `+name+`x"`, ago(time.Hour))
		writer := process("WRITER", "outlook.exe", ago(time.Hour))
		writer.Events = []cbctest.Event{
			{Type: "filemod", Time: ago(26 * time.Hour), Name: `c:\temp\` + name},
			{Type: "filemod", Time: ago(time.Hour), Name: `c:\users\kim\` + name},
		}
		another := process("ANOTHER", "explorer.exe", ago(time.Hour))
		another.Events = []cbctest.Event{{Type: "filemod", Time: ago(time.Hour), Name: `c:\users\kim\` + name, SHA256: strings.Repeat("b", 64)}}
		got, err := sightings(t.Context(), t, complete(t, cbctest.New(world(reader, early, part, writer, another)), nil), sent(name))
		want := []hunt.Sighting{
			{SHA256: hash(1), Evidence: hunt.Named, Field: "process_cmdline", Process: hunt.Process{GUID: "READER"}, Keep: true},
			{
				SHA256: hash(1), Evidence: hunt.Named, Field: "filemod_name", Process: hunt.Process{GUID: "WRITER"},
				File: hunt.FileEvent{Path: strings.ToLower(`c:\users\kim\` + name), What: "filemod", Time: ago(time.Hour)}, Keep: true,
			},
		}
		for i := range got {
			got[i].File.Path = strings.ToLower(got[i].File.Path)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Search: %v, mismatch (-want +got):\n%s", err, diff)
		}
	})
}

func TestHowMuchEvidence(t *testing.T) {
	t.Parallel()
	const name = "Krause Umbau 2231987.docm"
	for _, c := range []struct {
		weakest hunt.Evidence
		want    []string
	}{
		{hunt.Executed, []string{"A"}}, {hunt.Touched, []string{"A", "B"}}, {hunt.Named, []string{"A", "B", "C"}}, {hunt.None, []string{"A", "B", "C"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			reader := ran("C", strings.Repeat("e", 64))
			reader.CmdLine = `winword.exe c:\` + name
			srv := cbctest.New(world(ran("A", hash(1).String()), wrote("B", hash(2)), reader))
			got, err := search(t.Context(), t, newSearcher(t, srv, func(cfg *cbchunt.Config) { cfg.Evidence = c.weakest }), sent(name))
			var guids []string
			for key := range got {
				guids = append(guids, key[:1])
			}
			slices.Sort(guids)
			if diff := cmp.Diff(c.want, guids); diff != "" || err != nil {
				t.Errorf("%s: %v, mismatch (-want +got):\n%s", c.weakest, err, diff)
			}
		})
	}
}

// A file that is nearly everywhere is searched for piece by piece of time.
func TestOneFileWithTooManyRowsIsSplitByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var processes []cbctest.Process
		for n := range 40 {
			p := ran(fmt.Sprint("P", n), hash(1).String())
			p.Time = time.Now().Add(-time.Duration(n) * 4 * time.Hour)
			processes = append(processes, p)
		}
		srv := cbctest.New(world(processes...))
		real := connect(t, srv.Client()).Processes
		s, err := cbchunt.New(cbchunt.Config{Processes: starter(func(ctx context.Context, q cbc.ProcessQuery) (*cbc.SearchJob, error) {
			if q.Rows == 0 {
				q.Rows = 6
			}
			return real.Start(ctx, q)
		})})
		if err != nil {
			t.Fatal(err)
		}
		got, err := search(t.Context(), t, s, batch(2))
		if err != nil || len(got) != 40 {
			t.Errorf("%d of 40 processes were found, %v", len(got), err)
		}
	})
}

// A vendor who takes shorter searches than expected gets shorter ones.
func TestRefusedSearchIsSplit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(world(ran("A", hash(1).String()), ran("B", hash(60).String())))
		real := connect(t, srv.Client()).Processes
		s, err := cbchunt.New(cbchunt.Config{Processes: starter(func(ctx context.Context, q cbc.ProcessQuery) (*cbc.SearchJob, error) {
			if q.Query.Clauses() > 100 {
				return nil, &cbc.APIError{Op: "processes.start", StatusCode: http.StatusBadRequest}
			}
			return real.Start(ctx, q)
		})})
		if err != nil {
			t.Fatal(err)
		}
		got, err := search(t.Context(), t, s, batch(60))
		if err != nil || len(got) != 2 {
			t.Errorf("Search = %v, %v; want two sightings", got, err)
		}
		srv.Inject(answers("POST", "/search_jobs"), -1, status(http.StatusBadRequest))
		before := len(srv.Requests())
		if _, err := search(t.Context(), t, s, batch(8)); err == nil {
			t.Error("a search that is always refused passed for one that found nothing")
		}
		if n := len(srv.Requests()) - before; n > 15 {
			t.Errorf("%d calls were made for 8 files that are refused one by one", n)
		}
	})
}

// A command line that has the name says nothing against the hash: what was touched is told, also where there are no events.
func TestNameHidesNoTouch(t *testing.T) {
	t.Parallel()
	const name = "Krause Umbau 2231987.docm"
	for _, events := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := wrote("BOTH", hash(1))
			p.CmdLine = `winword.exe c:\` + name
			srv := cbctest.New(world(p))
			if events {
				srv.Inject(answers("POST", "/_search"), -1, status(http.StatusForbidden))
			}
			got, err := search(t.Context(), t, newSearcher(t, srv, func(cfg *cbchunt.Config) {
				if events {
					cfg.Events = connect(t, srv.Client()).Processes
				}
			}), sent(name))
			if err != nil || !strings.Contains(got["BOTH 1"], "touched") {
				t.Errorf("Search = %v, %v; want the touch", got, err)
			}
		})
	}
}

// Of many machines that have two of the files each is told with both, also those whose events nobody asks for.
func TestManyMachinesWithTwoFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var processes []cbctest.Process
		want := make(map[string]bool)
		for n := range 30 {
			p := wrote(fmt.Sprintf("P%02d", n), hash(2), hash(7))
			if n < 25 {
				p = wrote(p.GUID, hash(2)) // the newest ones have one alone
			}
			p.Time = time.Now().Add(-time.Duration(n) * time.Minute)
			processes = append(processes, p)
			want[p.GUID+" 2"] = true
			want[p.GUID+" 7"] = n >= 25
		}
		srv := cbctest.New(world(processes...))
		got, err := search(t.Context(), t, complete(t, srv, nil), batch(50))
		for key, there := range want {
			if (got[key] != "") != there {
				t.Errorf("%s is told: %q, want %t", key, got[key], there)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
}
