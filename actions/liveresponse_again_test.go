package actions_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

// hide leaves a process out of the lists of a device until somebody has tried to delete a file there.
func hide(t *testing.T, srv *cbctest.Server, pid float64) {
	t.Helper()
	var shown atomic.Bool
	srv.Inject(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/commands") }, -1, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			maps.Copy(w.Header(), rec.Header())
			w.Header().Del("Content-Length")
			w.WriteHeader(rec.Code)
			var answer map[string]any
			if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
				_, _ = w.Write(rec.Body.Bytes())
				return
			}
			if list, ok := answer["processes"].([]any); ok && !shown.Load() {
				answer["processes"] = slices.DeleteFunc(list, func(p any) bool {
					p, ok := p.(map[string]any)["process_pid"]
					return ok && p == pid
				})
			}
			if bytes.Contains(body, []byte(`"delete file"`)) {
				shown.Store(true)
			}
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		})
	})
}

// What the first go killed and what the second one did is all recorded.
func TestLiveResponseRecordsWhatBothGoesKilled(t *testing.T) {
	t.Parallel()
	head := `{"path":"` + strings.ReplaceAll(evilPath, `\`, `\\`) + `","sha256":"` + evilHash().String() + `"`
	for _, c := range []struct {
		name   string
		second int64 // what of the task shows itself between the two
		status hunt.Status
		want   string
	}{
		{"and the second one killed more", 5124, hunt.Done, head + `,"deleted":true,"killed":[5120,5124]}`},
		{"and the second one did nothing", 0, hunt.Failed, head + `,"deleted":false,"killed":[5120]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab(
					[]cbctest.RunningProcess{{PID: 5120, Path: evilPath}, {PID: 5124, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil},
				)}})
				hide(t, srv, 5124)
				task := fileTask("live_response", 7, found, evil, 5120)
				if c.second > 0 {
					task = fileTask("live_response", 7, found, evil, 5120, c.second)
				}
				o := only(t, newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), []hunt.Task{task}))
				expect(t, o, c.status, "killed process 5120", "again")
				if diff := cmp.Diff(strings.ToLower(c.want), strings.ToLower(string(o.Before))); diff != "" {
					t.Errorf("state before mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A path alone is no reason to delete what is there.
func TestLiveResponseWithoutAHash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{lab([]cbctest.RunningProcess{{PID: 5120, Path: evilPath}}, cbctest.File{Path: evilPath, Content: evil})}})
		task := fileTask("live_response", 7, found, evil, 5120)
		task.Sightings[0].SHA256 = hunt.SHA256{}
		o := only(t, newLiveResponse(t, connect(t, srv.Client()), "").Do(t.Context(), []hunt.Task{task}))
		expect(t, o, hunt.Failed, "hash of the file is not known")
		if running, files := left(srv); len(running) != 1 || len(files) != 1 || !o.Refused {
			t.Errorf("left: %v, %v, refused: %t; want nothing done", running, files, o.Refused)
		}
	})
}
