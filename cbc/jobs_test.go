package cbc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

const (
	opServiceJobs        = "GET /jobs/v1/orgs/{org_key}/jobs"
	opServiceJob         = "GET /jobs/v1/orgs/{org_key}/jobs/{job_id}"
	opServiceJobProgress = "GET /jobs/v1/orgs/{org_key}/jobs/{job_id}/progress"
	opServiceJobDownload = "GET /jobs/v1/orgs/{org_key}/jobs/{job_id}/download"
)

func platformSample(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/platform/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestJobsList(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opServiceJobs: {
		platformSample(t, "jobs.json"), `{"num_found":3,"results":[{"id":1,"status":"CREATED"}]}`, `{"results":[{"status":"CREATED"}],"num_found":1}`,
		`{"results":[{"id":7}],"num_found":1}`, `{}`,
	}})
	got, err := client.Jobs.List(t.Context())
	want := []cbc.ServiceJobInfo{
		{ID: 12077, Type: "ENDPOINTS", Status: cbc.ServiceJobCompleted, Progress: cbc.ServiceJobProgress{Total: 10, Completed: 7}},
		{ID: 12078, Type: "AUDIT_LOG", Status: cbc.ServiceJobFailed, Progress: cbc.ServiceJobProgress{Message: "no\nspace"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("List mismatch, error %v (-want +got):\n%s", err, diff)
	}
	if got, err := client.Jobs.List(t.Context()); len(got) != 1 || !errors.Is(err, cbc.ErrTruncated) || !strings.Contains(err.Error(), "1 of 3") {
		t.Errorf("List = %v, %v, want one job and ErrTruncated", got, err)
	}
	for _, want := range []string{"without an id", "no status", "neither results nor num_found"} {
		if got, err := client.Jobs.List(t.Context()); got != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("List = %v, %v, want %q", got, err, want)
		}
	}
	if n := len(srv.Requests()); n != 5 {
		t.Errorf("%d calls, want 5", n)
	}
}

func TestJobsGet(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{
		opServiceJob:         {`{"id":"7","status":"COMPLETED"}`, `{"id":8,"status":"COMPLETED"}`, `404 {"error_code":"NOT_FOUND"}`},
		opServiceJobProgress: {`{"num_total":"10","num_completed":4,"message":null}`},
	})
	if got, err := client.Jobs.Get(t.Context(), 7); err != nil || got.ID != 7 || !got.Finished() {
		t.Errorf("Get(7) = %+v, %v", got, err)
	}
	if got, err := client.Jobs.Get(t.Context(), 7); err == nil || got.ID != 0 || !strings.Contains(err.Error(), "about job 8") {
		t.Errorf("Get(7) = %+v, %v, want an error about job 8", got, err)
	}
	if _, err := client.Jobs.Get(t.Context(), 7); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Get(7) = %v, want ErrNotFound", err)
	}
	if got, err := client.Jobs.Progress(t.Context(), 7); err != nil || got != (cbc.ServiceJobProgress{Total: 10, Completed: 4}) {
		t.Errorf("Progress(7) = %+v, %v", got, err)
	}
	calls := len(srv.Requests())
	_, get := client.Jobs.Get(t.Context(), 0)
	_, progress := client.Jobs.Progress(t.Context(), -1)
	_, wait := client.Jobs.Job(0).Wait(t.Context())
	_, download := client.Jobs.Job(0).Download(t.Context())
	if get == nil || progress == nil || wait == nil || download == nil || len(srv.Requests()) != calls {
		t.Errorf("ids that are none: %v, %v, %v, %v after %d calls, want errors and no call", get, progress, wait, download, len(srv.Requests())-calls)
	}
}

func TestServiceJobWaitDecidesOnTheStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, srv := scripted(t, map[string][]string{opServiceJob: {
			`{"id":7,"status":"CREATED","progress":{"num_total":0,"num_completed":0}}`,
			`{"id":7,"status":"IN_PROGRESS","progress":{"num_total":5,"num_completed":5}}`,
			`{"id":7,"status":"FINISHING","progress":{"num_total":5,"num_completed":5}}`,
			`{"id":7,"status":"COMPLETED","progress":{"num_total":5,"num_completed":3}}`,
		}})
		began := time.Now()
		job := client.Jobs.Job(7)
		got, err := job.Wait(t.Context())
		want := cbc.ServiceJobInfo{ID: 7, Status: cbc.ServiceJobCompleted, Progress: cbc.ServiceJobProgress{Total: 5, Completed: 3}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Wait mismatch, error %v (-want +got):\n%s", err, diff)
		}
		wait(t, began, 2100*time.Millisecond, 2700*time.Millisecond) // 0.5, 0.75 and 1.125 s
		if _, err := job.Wait(t.Context()); err != nil || len(srv.Requests()) != 4 {
			t.Errorf("Wait again = %v after %d calls, want no further call", err, len(srv.Requests()))
		}
	})
}

func TestServiceJobFails(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opServiceJob: {`{"id":7,"status":"FAILED","progress":{"num_total":5,"num_completed":2,"message":"out of\nspace"}}`}})
	job := client.Jobs.Job(7)
	_, err := job.Wait(t.Context())
	failed, ok := errors.AsType[*cbc.ServiceJobError](err)
	if !ok || !errors.Is(err, cbc.ErrJobFailed) || errors.Is(err, cbc.ErrIncomplete) || failed.Retryable() || failed.Job.ID != 7 {
		t.Errorf("Wait = %v, want a ServiceJobError that is ErrJobFailed", err)
	}
	if want := "cbc: jobs.wait: job 7 (FAILED, 2 of 5): out of space"; err != nil && err.Error() != want {
		t.Errorf("Wait = %q, want %q", err, want)
	}
	if out, err := job.Download(t.Context()); out != nil || !errors.Is(err, cbc.ErrJobFailed) || len(srv.Requests()) != 1 {
		t.Errorf("Download = %v, %v, want the failure of the job and no call", out, err)
	}
}

func TestServiceJobWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, srv := scripted(t, map[string][]string{opServiceJob: {`{"id":7,"status":"IN_PROGRESS","progress":{"num_total":10,"num_completed":4}}`}})
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		began := time.Now()
		got, err := client.Jobs.Job(7).Wait(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cbc.ErrIncomplete) || errors.Is(err, cbc.ErrJobFailed) || got.Progress.Completed != 4 {
			t.Errorf("Wait = %+v, %v, want the end of the context with the numbers", got, err)
		}
		if want := "cbc: jobs.wait: job 7 (IN_PROGRESS, 4 of 10): context deadline exceeded"; err != nil && err.Error() != want {
			t.Errorf("Wait = %q, want %q", err, want)
		}
		wait(t, began, 10*time.Minute, 10*time.Minute)
		if n := len(srv.Requests()); n < 25 || n > 35 {
			t.Errorf("%d calls in ten minutes, want about 30: the pauses grow to half a minute", n)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = client.Jobs.Job(7).Wait(done)
		if want := "cbc: jobs.wait: job 7 (not seen yet): context canceled"; err == nil || err.Error() != want {
			t.Errorf("Wait = %v, want %q", err, want)
		}
	})
}

// downloads is a client of a server with one completed job, whose output has the given headers.
func downloads(t *testing.T, header http.Header, body []byte) *cbc.ServiceJob {
	t.Helper()
	srv := fake.New(fake.Config{Name: "downloads", URL: cbctest.URL})
	srv.Handle(opServiceJob, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":7,"status":"COMPLETED"}`)
	})
	srv.Handle(opServiceJobDownload, func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		_, _ = w.Write(body)
	})
	return connect(t, srv.Client()).Jobs.Job(7)
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestServiceJobDownload(t *testing.T) {
	t.Parallel()
	const csv = "id,name\n7,LAP-7\n"
	packed := gzipped(t, csv)
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, tt := range []struct {
		name   string
		header http.Header
		body   []byte
		want   string
		fails  string
	}{
		{name: "plain", header: header("Content-Type", "text/csv"), body: []byte(csv), want: csv},
		{name: "an odd content type", header: header("Content-Type", ";;"), body: []byte(csv), want: csv},
		{name: "compressed for the transfer", header: header("Content-Type", "text/csv", "Content-Encoding", "GZIP"), body: packed, want: csv},
		{name: "kept compressed", header: header("Content-Type", "application/gzip"), body: packed, want: csv},
		{name: "both", header: header("Content-Type", "application/x-gzip", "Content-Encoding", "gzip"), body: gzipped(t, string(packed)), want: csv},
		{name: "compressed once, and both headers say so", header: header("Content-Type", "application/gzip", "Content-Encoding", "gzip"), body: packed, want: csv},
		{name: "not compressed, and it says so", header: header("Content-Type", "text/csv", "Content-Encoding", "identity"), body: []byte(csv), want: csv},
		{name: "empty", header: header("Content-Type", "text/csv")},
		{name: "empty, and compressed by its headers", header: header("Content-Encoding", "gzip")},
		{name: "a compression nobody knows", header: header("Content-Encoding", "br"), body: packed, fails: `compressed as "br"`},
		{name: "a login page", header: header("Content-Type", "text/html; charset=utf-8"), body: []byte("<html>"), fails: "a page instead of the output"},
		{name: "compressed by its headers alone", header: header("Content-Encoding", "gzip"), body: []byte(csv), fails: "jobs.download: the output cannot be decompressed"},
		{name: "cut within the header", header: header("Content-Encoding", "gzip"), body: packed[:5], fails: "unexpected EOF"},
		{name: "cut off", header: header("Content-Encoding", "gzip"), body: packed[:len(packed)-9], fails: "unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := downloads(t, tt.header, tt.body).Download(t.Context())
			var got []byte
			if err == nil {
				got, err = io.ReadAll(out)
				if err := out.Close(); err != nil {
					t.Errorf("Close = %v", err)
				}
			}
			if tt.fails != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "cbc: jobs.download: ") || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("Download = %q, %v, want an error that says %q", got, err, tt.fails)
				}
				return
			}
			if err != nil || string(got) != tt.want {
				t.Errorf("Download = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
