package cbctest_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// serviceJobs is the path of the job service.
const serviceJobs = "/jobs/v1/orgs/" + cbctest.OrgKey + "/jobs"

// export starts an export of devices and returns the path of its job.
func (c *console) export(body string) string {
	c.t.Helper()
	id, ok := c.call("POST", devices+"/_export", body, 200)["id"].(float64)
	if !ok {
		c.t.Fatal("the export has no numeric id")
	}
	return fmt.Sprintf("%s/%.0f", serviceJobs, id)
}

func TestServiceJobLife(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	job := c.export(`{"format":"CSV"}`)
	want := map[string]any{
		"id": 12077.0, "type": "ENDPOINTS", "status": "CREATED", "job_parameters": map[string]any{},
		"connector_id": cbctest.KeyID, "org_key": cbctest.OrgKey,
		"create_time": "2025-02-11T12:00:00.000Z", "last_update_time": "2025-02-11T12:00:00.000Z",
		"progress": map[string]any{"num_total": 5.0, "num_completed": 0.0, "message": nil},
	}
	if diff := cmp.Diff(want, c.call("GET", job, "", 200)); diff != "" {
		t.Errorf("at the start (-want +got):\n%s", diff)
	}
	c.raw("GET", job+"/download", "", 404)
	c.wait(450 * time.Millisecond)
	want["status"], want["last_update_time"] = "IN_PROGRESS", "2025-02-11T12:00:00.450Z"
	want["progress"] = map[string]any{"num_total": 5.0, "num_completed": 2.0, "message": nil}
	if diff := cmp.Diff(want, c.call("GET", job, "", 200)); diff != "" {
		t.Errorf("halfway (-want +got):\n%s", diff)
	}
	c.wait(450 * time.Millisecond)
	want["status"], want["last_update_time"] = "COMPLETED", "2025-02-11T12:00:00.900Z"
	want["progress"] = map[string]any{"num_total": 5.0, "num_completed": 5.0, "message": nil}
	if diff := cmp.Diff(map[string]any{"num_found": 1.0, "results": []any{want}}, c.call("GET", serviceJobs, "", 200)); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want["progress"], any(c.call("GET", job+"/progress", "", 200))); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	out := string(c.raw("GET", job+"/download", "", 200))
	if lines := strings.Split(out, "\n"); len(lines) != 6 || !strings.HasPrefix(lines[0], "id,name,status,") ||
		!strings.HasPrefix(lines[1], `1,CORP\LAP-0417,REGISTERED,WINDOWS,`) {
		t.Errorf("download = %s", out)
	}
	c.wait(30 * 24 * time.Hour)
	c.raw("GET", job, "", 404)
	if got := c.srv.State().ServiceJobs; len(got) != 1 || got[0].Status != "COMPLETED" || got[0].Owner != cbctest.KeyID {
		t.Errorf("State().ServiceJobs = %+v", got)
	}
}

func TestServiceJobBelongsToItsKey(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Keys = []cbctest.Key{{ID: "ONE", Secret: "S"}, {ID: "TWO", Secret: "S"}, {ID: "NONE", Secret: "S", Permissions: []string{}}}
	c := newConsole(t, world)
	c.token = "S/ONE"
	job := c.export(`{"format":"CSV"}`)
	c.wait(finished)
	c.raw("GET", job+"/download", "", 200)
	c.token = "S/TWO"
	for _, path := range []string{job, job + "/progress", job + "/download"} {
		c.raw("GET", path, "", 404)
	}
	if got := c.call("GET", serviceJobs, "", 200)["num_found"]; got != 0.0 {
		t.Errorf("another key sees %v jobs", got)
	}
	c.token = "S/NONE"
	for _, path := range []string{serviceJobs, job, job + "/progress", job + "/download"} {
		c.raw("GET", path, "", 403)
	}
}

func TestServiceJobStrict(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	c.raw("GET", serviceJobs+"?rows=1", "", 400)
	c.raw("GET", serviceJobs+"/one", "", 400)
	c.raw("GET", serviceJobs+"/1", "", 404)
	for body, reason := range map[string]string{
		`{}`:                                     "INVALID_ENUM_VALUE",
		`{"format":"JSON"}`:                      "CSV",
		`{"format":"CSV","fields":["id"]}`:       "fields",
		`{"format":"CSV","query":"(name:a"}`:     "query",
		`{"format":"CSV","criteria":{"x":[""]}}`: "criteria.x",
	} {
		if got := string(c.raw("POST", devices+"/_export", body, 400)); !strings.Contains(got, reason) {
			t.Errorf("export of %s = %s, want a reason with %q", body, got, reason)
		}
	}
}

// The numbers are what they are; a client that goes by them gets it wrong.
func TestServiceJobProgressLies(t *testing.T) {
	t.Parallel()
	for lie, want := range map[string][3]string{
		"":      {"0/5 CREATED", "3/5 IN_PROGRESS", "5/5 COMPLETED"},
		"early": {"5/5 CREATED", "5/5 IN_PROGRESS", "5/5 COMPLETED"},
		"stuck": {"0/5 CREATED", "0/5 IN_PROGRESS", "0/5 COMPLETED"},
	} {
		world := fleet()
		world.Switches.Jobs = cbctest.JobSwitches{Progress: lie, StartDelay: time.Second, Duration: 10 * time.Second}
		c := newConsole(t, world)
		job := c.export(`{"format":"CSV"}`)
		var got [3]string
		for i := range got {
			j := c.call("GET", job, "", 200)
			p, _ := j["progress"].(map[string]any)
			got[i] = fmt.Sprintf("%v/%v %v", p["num_completed"], p["num_total"], j["status"])
			c.wait(6 * time.Second)
		}
		if got != want {
			t.Errorf("with progress %q: %q, want %q", lie, got, want)
		}
	}
}

func TestServiceJobFails(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	c.srv.SetJobs(cbctest.JobSwitches{Fail: true})
	job := c.export(`{"format":"CSV"}`)
	c.srv.SetJobs(cbctest.JobSwitches{})
	c.wait(finished)
	got := c.call("GET", job, "", 200)
	if p, _ := got["progress"].(map[string]any); got["status"] != "FAILED" || p["message"] != "the job failed" || p["num_completed"] != 0.0 {
		t.Errorf("a failed job = %v", got)
	}
	c.raw("GET", job+"/download", "", 404)
	second := c.export(`{"format":"CSV"}`)
	c.wait(finished)
	c.raw("GET", second+"/download", "", 200)
}

func TestServiceJobCompressed(t *testing.T) {
	t.Parallel()
	c := newConsole(t, fleet())
	job := c.export(`{"format":"CSV"}`)
	c.wait(finished)
	plain := string(c.raw("GET", job+"/download", "", 200))
	for accept, want := range map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "gzip", "gzip;q=0": "", "identity": ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cbctest.URL+job+"/download", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", c.token)
		r.Header.Set("Accept-Encoding", accept)
		res, err := c.srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := res.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding: %s gives %q, want %q", accept, got, want)
		}
		body := io.Reader(res.Body)
		if want == "gzip" {
			if body, err = gzip.NewReader(res.Body); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(body)
		if err != nil || strings.TrimSpace(string(got)) != plain {
			t.Errorf("Accept-Encoding: %s gives %s, %v; want %s", accept, got, err, plain)
		}
	}
}

// Without a thing to do, the numbers of an unfinished job must not look like those of a finished one.
func TestServiceJobOfNothing(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{})
	job := c.export(`{"format":"CSV","criteria":{"id":[1]}}`)
	if diff := cmp.Diff(map[string]any{"num_total": 1.0, "num_completed": 0.0, "message": nil}, c.call("GET", job+"/progress", "", 200)); diff != "" {
		t.Errorf("unfinished (-want +got):\n%s", diff)
	}
	c.wait(finished)
	if diff := cmp.Diff(map[string]any{"num_total": 0.0, "num_completed": 0.0, "message": nil}, c.call("GET", job+"/progress", "", 200)); diff != "" {
		t.Errorf("finished (-want +got):\n%s", diff)
	}
}

func TestExportRedirects(t *testing.T) {
	t.Parallel()
	world := fleet()
	world.Switches.Devices.ExportRedirects = true
	c := newConsole(t, world)
	res := c.do("POST", devices+"/_export", `{"format":"CSV","criteria":{"status":["ALL"]}}`)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != serviceJobs+"/12077" {
		t.Fatalf("export = %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	if got := c.call("GET", res.Header.Get("Location"), "", 200)["type"]; got != "ENDPOINTS" {
		t.Errorf("type of the job = %v", got)
	}
}
