package cbchunt_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

// again searches as a later run does: with what the earlier ones were asked to keep. It tells what was found by this search alone.
func again(t *testing.T, s *cbchunt.Searcher, files []hunt.Indicator) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for sg, err := range s.Search(t.Context(), slices.Clone(files), time.Now().Add(-week)) {
		if err != nil {
			t.Fatal(err)
		}
		if sg.Evidence == hunt.None && !sg.Keep {
			t.Errorf("%s is told, which is no sighting and nothing to be kept", sg.Process.GUID)
		}
		found[fmt.Sprintf("%s %d", sg.Process.GUID, sg.SHA256[1])] = sg.Evidence.String()
		for i := range files {
			if sg.Keep && files[i].SHA256 == sg.SHA256 {
				files[i].Seen = append(files[i].Seen, sg)
			}
		}
	}
	return found
}

func asked(srv *cbctest.Server) int {
	n := 0
	for _, r := range srv.Requests() {
		if strings.Contains(r.Operation, "/events/") {
			n++
		}
	}
	return n
}

// What an earlier search has told is not asked for again, and everything that is new is found all the same.
func TestOpenFilesThatWereTouched(t *testing.T) {
	t.Parallel()
	const name = "Krause Umbau 2231987.docm"
	sha := func(n byte) string { return hash(n).String() }
	wrote := func(path, sha string) cbctest.Event {
		return cbctest.Event{Type: "filemod", Time: time.Now().UTC(), Name: path, SHA256: sha}
	}
	for _, c := range []struct {
		name string
		// before is what the process did when it was searched for first, and after what it did when it was searched for last.
		before, after []cbctest.Event
		first, last   map[string]string
		later         time.Duration
		// events is how often its events were asked for by the searches after the first.
		events int
	}{
		{
			name: "nothing more", before: []cbctest.Event{wrote(`c:\a.dll`, sha(2))},
			first: map[string]string{"MAIL 2": "touched"}, last: map[string]string{},
		},
		{
			name: "another file", before: []cbctest.Event{wrote(`c:\a.dll`, sha(2))}, after: []cbctest.Event{wrote(`c:\b.dll`, sha(3))},
			first: map[string]string{"MAIL 2": "touched"}, last: map[string]string{"MAIL 2": "touched", "MAIL 3": "touched"}, events: 1,
		},
		{
			name: "a file of the name, and then the file itself", before: []cbctest.Event{wrote(`c:\`+name, "")}, after: []cbctest.Event{wrote(`c:\b.dll`, sha(1))},
			first: map[string]string{"MAIL 1": "named"}, last: map[string]string{"MAIL 1": "touched"}, events: 1,
		},
		{
			name: "another file of the name", before: []cbctest.Event{wrote(`c:\`+name, sha(9))}, after: []cbctest.Event{wrote(`c:\x\`+name, "")},
			first: map[string]string{"MAIL 1": "none"}, last: map[string]string{},
		},
		{
			name: "another file of the name, and hours later one of it", before: []cbctest.Event{wrote(`c:\`+name, sha(9))}, after: []cbctest.Event{wrote(`c:\x\`+name, "")},
			later: 6 * time.Hour, first: map[string]string{"MAIL 1": "none"}, last: map[string]string{"MAIL 1": "named"}, events: 1,
		},
		{
			name: "another file of the name, and then the file itself", before: []cbctest.Event{wrote(`c:\`+name, sha(9))}, after: []cbctest.Event{wrote(`c:\b.dll`, sha(1))},
			first: map[string]string{"MAIL 1": "none"}, last: map[string]string{"MAIL 1": "touched"}, events: 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := ran("MAIL", md5, strings.Repeat("e", 64))
				p.Events = c.before
				srv := cbctest.New(world(p))
				files, s := sent(name), complete(t, srv, nil)
				if diff := cmp.Diff(c.first, again(t, s, files)); diff != "" {
					t.Errorf("first search mismatch (-want +got):\n%s", diff)
				}
				before := asked(srv)
				if found := again(t, s, files); len(found) > 0 {
					t.Errorf("a second search found %v anew", found)
				}
				if !srv.AddEvents("MAIL", c.after...) {
					t.Fatal("the process is gone")
				}
				time.Sleep(c.later)
				if diff := cmp.Diff(c.last, again(t, s, files)); diff != "" {
					t.Errorf("last search mismatch (-want +got):\n%s", diff)
				}
				if n := asked(srv) - before; n != c.events {
					t.Errorf("the events were asked for %d times again, want %d", n, c.events)
				}
			})
		})
	}
}

// A row that the vendor says is about the file, and that does not show it, comes back each time. Nobody is asked about it again, and what it
// shows at last counts.
func TestOpenFileOfARowThatDoesNotShowIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(world(ran("HIDDEN", md5, hash(1).String())))
		shy := true
		srv.Inject(func(r *http.Request) bool { return shy && answers("GET", "/results")(r) }, -1, withoutHashes("HIDDEN"))
		files, s := batch(3), complete(t, srv, nil)
		if diff := cmp.Diff(map[string]string{"HIDDEN 1": "touched"}, again(t, s, files)); diff != "" {
			t.Errorf("first search mismatch (-want +got):\n%s", diff)
		}
		before := len(srv.SearchJobs())
		if found := again(t, s, files); len(found) > 0 || len(srv.SearchJobs()) != before+1 {
			t.Errorf("the second search found %v anew, in %d jobs", found, len(srv.SearchJobs())-before)
		}
		shy = false
		if diff := cmp.Diff(map[string]string{"HIDDEN 1": "executed"}, again(t, s, files)); diff != "" {
			t.Errorf("last search mismatch (-want +got):\n%s", diff)
		}
	})
}

// Nothing is concluded about a process whose events could not be had: it is asked about again.
func TestOpenFileWhoseEventsCannotBeHad(t *testing.T) {
	t.Parallel()
	const name = "Krause Umbau 2231987.docm"
	synctest.Test(t, func(t *testing.T) {
		p := wrote("MAIL", hash(2))
		p.CmdLine = `word.exe c:\my ` + name + `x`
		srv := cbctest.New(world(p))
		srv.Inject(answers("POST", "/_search"), 2, status(http.StatusForbidden))
		files, s := sent(name), complete(t, srv, nil)
		for _, want := range []map[string]string{{"MAIL 2": "touched"}, {"MAIL 2": "touched"}, {"MAIL 1": "none", "MAIL 2": "touched"}, {}} {
			if diff := cmp.Diff(want, again(t, s, files)); diff != "" {
				t.Errorf("search mismatch (-want +got):\n%s", diff)
			}
		}
	})
}
