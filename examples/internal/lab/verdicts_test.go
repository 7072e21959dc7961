package lab_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestVerdictIsTurnedAround(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	now := time.Now()
	l := lab.New(lab.World{TAP: proofpointtest.World{Messages: []proofpointtest.Message{{
		Time: now.Add(-time.Hour), Recipients: []string{"a@corp.example"},
		Parts:   []proofpointtest.Part{{Filename: "a.exe", SHA256: hash, SandboxStatus: "THREAT"}},
		Threats: []proofpointtest.Threat{{Artifact: hash, Time: now.Add(-30 * time.Minute)}},
	}}}})
	status := func() string {
		return ask(t, l, http.MethodGet, "/v2/threat/summary/"+hash, "").Body.String()
	}
	if text := status(); !strings.Contains(text, `"active"`) {
		t.Fatalf("the verdict is %s, want active", text)
	}
	for _, wrong := range []struct{ body, want string }{
		{`{"threat":"` + hash + `"}`, "status"},
		{`{"threat":"` + hash + `","status":"fine"}`, "want active, cleared or falsepositive"},
		{`{"threat":"x","status":"cleared"}`, "TAP knows none"},
		{`{"status":"cleared"}`, "want the id"},
		{`{"threat":"` + hash + `","verdict":"cleared"}`, "verdict"},
	} {
		if w := ask(t, l, http.MethodPost, "/_lab/verdicts", wrong.body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), wrong.want) {
			t.Errorf("%s = %d %s, want 400 and %q", wrong.body, w.Code, w.Body, wrong.want)
		}
	}
	if text := status(); !strings.Contains(text, `"active"`) {
		t.Errorf("after refusals the verdict is %s, want active", text)
	}
	for _, want := range []string{"falsepositive", "active"} {
		if w := ask(t, l, http.MethodPost, "/_lab/verdicts", `{"threat":"`+hash+`","status":"`+want+`"}`); w.Code != http.StatusOK {
			t.Errorf("POST /_lab/verdicts = %d %s", w.Code, w.Body)
		}
		if text := status(); !strings.Contains(text, `"`+want+`"`) {
			t.Errorf("the verdict is %s, want %s", text, want)
		}
	}
}
