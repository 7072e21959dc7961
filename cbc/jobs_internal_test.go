package cbc

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

func TestDecodeServiceJob(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		want ServiceJobInfo
	}{
		{"job.json", ServiceJobInfo{
			ID: 12077, Type: "ENDPOINTS", Status: ServiceJobInProgress, Progress: ServiceJobProgress{Total: 10, Completed: 4},
			Parameters: []byte(`{"format": "CSV", "criteria": {"status": ["ALL"]}}`), Connector: "A1B2C3D4E5", OrgKey: "7QRST4UV",
			Created: time.Date(2025, 2, 11, 8, 21, 9, 114e6, time.UTC), Updated: time.Date(2025, 2, 11, 8, 21, 12, 5e8, time.UTC),
		}},
		{"job_odd.json", ServiceJobInfo{ID: 9007199254740993, Status: "PAUSED", Created: time.Date(2025, 2, 11, 8, 21, 9, 114e6, time.UTC)}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			var w wireServiceJob
			if err := json.Unmarshal(sample(t, "platform/"+tt.file), &w, forgiving()); err != nil {
				t.Fatal(err)
			}
			got, err := w.info("op")
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("job mismatch, error %v (-want +got):\n%s", err, diff)
			}
			if got.Finished() {
				t.Errorf("a job that is %s counts as finished", got.Status)
			}
		})
	}
}

func FuzzServiceJob(f *testing.F) {
	for _, name := range []string{"job.json", "job_odd.json"} {
		f.Add(sample(f, "platform/"+name))
	}
	f.Add([]byte(`{"id":["7"],"status":["FAILED"],"progress":[{"message":"a\nb"}],"job_parameters":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var w wireServiceJob
		if json.Unmarshal(data, &w, forgiving()) != nil {
			return
		}
		info, err := w.info("op")
		if err != nil {
			if info.ID != 0 {
				t.Errorf("%s decodes to %+v together with %v", data, info, err)
			}
			return
		}
		if info.ID <= 0 || info.Status == "" {
			t.Errorf("%s decodes to a job without an identity or a status", data)
		}
		if text := (&ServiceJobError{Op: "op", Job: info}).Error(); strings.ContainsAny(text, "\n\r") {
			t.Errorf("the error of %s has more than one line: %q", data, text)
		}
	})
}

func TestNextPause(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	pause := time.Duration(0)
	for range 5 {
		pause = nextPause(pause, 2*time.Second, 5*time.Second)
		got = append(got, pause)
	}
	want := []time.Duration{2 * time.Second, 3 * time.Second, 4500 * time.Millisecond, 5 * time.Second, 5 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nextPause (-want +got):\n%s", diff)
	}
}
