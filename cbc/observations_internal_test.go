package cbc

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDecodeObservation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file   string
		script bool
		want   Observation
	}{
		{"observation.json", true, Observation{
			ID: "8fbccc2da75f11ed937ae3cb089984c6:be6ff259-88e3-6286-789f-74defa192e2e", Type: "CB_ANALYTICS",
			Description: "The application invoice.exe started a shell.", EventID: "8fbccc2da75f11ed937ae3cb089984c6", EventTypes: []string{"childproc"},
			Process: Process{
				GUID: "7QRST4UV-0045c1d2-00001a2c-00000000-1db7c3f1a2b4c5d", PIDs: []int64{6700}, Name: `c:\users\pat\invoice.exe`,
				Hashes:   []string{"0f343b0931126a20f133d67c2b018a3b", "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"},
				DeviceID: 4571602, DeviceName: `corp\lap-0417`, Time: time.Date(2025, 2, 11, 8, 15, 30, 123e6, time.UTC),
				AlertIDs: []string{"be6ff259-88e3-6286-789f-74defa192e2e"},
			},
			ChildGUID: "G-2", ChildName: `c:\windows\cmd.exe`, ChildHashes: []string{"0f343b0931126a20f133d67c2b018a3b"}, ChildCommandLines: []string{"cmd /c"},
			ScriptHashes: []string{"b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"}, ScriptNames: []string{`c:\a.js`},
		}},
		{"observation_odd.json", false, Observation{
			ID: "O-1", Type: "SOMETHING_NEW", EventTypes: []string{"netconn"}, Process: Process{DeviceID: 4571602, PIDs: []int64{7}}, ScriptNames: []string{`c:\a.js`},
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			raw := sample(t, "investigate/"+tt.file)
			got, err := decodeObservation(raw, forgiving())
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Observation{}, "Process.Raw")); err != nil || diff != "" {
				t.Errorf("decodeObservation, error %v (-want +got):\n%s", err, diff)
			}
			if string(got.Raw) != string(raw) || got.HasScriptSHA256(sampleHash) != tt.script || got.HasSHA256(sampleHash) != tt.script {
				t.Errorf("Raw, or whether the hash is there, is wrong: %+v", got)
			}
		})
	}
	for _, raw := range []string{`{}`, `null`, `7`, `{"observation_id":""}`, `{"observation_id":"O"`} {
		if got, err := decodeObservation([]byte(raw), forgiving()); err == nil {
			t.Errorf("decodeObservation(%s) = %+v, want an error", raw, got)
		}
	}
}

func TestDecodeGroups(t *testing.T) {
	t.Parallel()
	var answer struct {
		Groups []wireGroup `json:"group_results"`
	}
	if err := json.Unmarshal(sample(t, "investigate/groups.json"), &answer, forgiving()); err != nil {
		t.Fatal(err)
	}
	got, unreadable, err := decodeGroups(answer.Groups)
	want := []ObservationGroup{
		{
			Field: "device_name", Value: `corp\lap-0417`, Start: time.Date(2025, 2, 11, 8, 15, 30, 123e6, time.UTC), End: time.Date(2025, 2, 11, 9, 15, 30, 123e6, time.UTC),
			Total: 3, Observations: []Observation{{ID: "O-1", Type: "TAMPER"}},
		},
		{Field: "device_name", Value: "7", Total: 1},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Observation{}, "Process.Raw")); err != nil || unreadable != 0 || diff != "" {
		t.Errorf("decodeGroups = %d unreadable, error %v (-want +got):\n%s", unreadable, err, diff)
	}
}

func FuzzDecodeObservation(f *testing.F) {
	for _, name := range []string{"observation.json", "observation_odd.json"} {
		f.Add(sample(f, "investigate/"+name))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := decodeObservation(raw, forgiving())
		switch {
		case err != nil && !cmp.Equal(o, Observation{}):
			t.Errorf("decodeObservation(%q) = %+v together with %v", raw, o, err)
		case err == nil && (o.ID == "" || string(o.Raw) != string(raw)):
			t.Errorf("decodeObservation(%q) = %+v", raw, o)
		}
	})
}
