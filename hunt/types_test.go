package hunt_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

func TestParseSHA256(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("aB", 32)
	h, err := hunt.ParseSHA256(good)
	if err != nil || h.String() != strings.ToLower(good) {
		t.Errorf("ParseSHA256(%q) = %v, %v; want the same in lower case", good, h, err)
	}
	for _, bad := range []string{"", "ab", good + "00", " " + good[1:], strings.Repeat("zz", 32), good[:62] + "\n\n"} {
		if h, err := hunt.ParseSHA256(bad); err == nil {
			t.Errorf("ParseSHA256(%q) = %v, want an error", bad, h)
		}
	}
}

func FuzzParseSHA256(f *testing.F) {
	f.Add(strings.Repeat("0f", 32))
	f.Add("0f")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := hunt.ParseSHA256(s)
		if err == nil && h.String() != strings.ToLower(s) {
			t.Errorf("ParseSHA256(%q) = %s", s, h)
		}
	})
}

func TestEvidenceText(t *testing.T) {
	t.Parallel()
	for e := hunt.None; e <= hunt.Executed; e++ {
		if got, err := hunt.ParseEvidence(e.String()); err != nil || got != e {
			t.Errorf("ParseEvidence(%q) = %v, %v; want %v", e.String(), got, err, e)
		}
	}
	if _, err := hunt.ParseEvidence("rumor"); err == nil {
		t.Error("ParseEvidence(rumor) gave no error")
	}
}

func TestEventIDIsMadeOfTheKeyAlone(t *testing.T) {
	t.Parallel()
	a := hunt.Task{Action: "webhook", Scope: hunt.ScopeProcess, Target: "G/1"}
	b := a
	b.Sightings = []hunt.Sighting{sighting(1, 7, hunt.Executed)}
	c := a
	c.Target = "G/2"
	if a.EventID() != b.EventID() || a.EventID() == c.EventID() {
		t.Errorf("event ids %s, %s, %s: want the first two equal and the third another", a.EventID(), b.EventID(), c.EventID())
	}
	if parts := strings.Split(a.EventID(), "-"); len(parts) != 5 || len(a.EventID()) != 36 {
		t.Errorf("event id %s does not look like a UUID", a.EventID())
	}
}

func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	task := hunt.Task{Action: "isolate", Scope: hunt.ScopeDevice, Target: "7", Indicators: []hunt.Indicator{indicator(1)}}
	r := hunt.Report{
		Problems: []hunt.Problem{{Stage: "search", Hashes: []hunt.SHA256{hash(1)}, Err: errors.New("broke")}},
		Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Failed, Err: errors.New("no route")}},
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Problems []struct{ Stage, Error string }
		Outcomes []struct {
			Key, Status, Error string
			EventID            string `json:"event_id"`
			Hashes             []string
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := got
	want.Problems = []struct{ Stage, Error string }{{"search", "broke"}}
	want.Outcomes[0].Key, want.Outcomes[0].Status, want.Outcomes[0].Error = "isolate/device/7", "failed", "no route"
	want.Outcomes[0].EventID, want.Outcomes[0].Hashes = task.EventID(), []string{hash(1).String()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report as JSON mismatch (-want +got):\n%s\n%s", diff, text)
	}
}
