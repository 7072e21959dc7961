package lab_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
)

// outcome is what a caller sees of a call.
type outcome struct {
	Status     int
	RetryAfter string
	Body       string
	Failed     bool // no answer, or not all of it
	After      time.Duration
	Acted      bool // the device is isolated now
}

// isolate isolates device 7 in process.
func isolate(t *testing.T, l *lab.Lab) outcome {
	t.Helper()
	start := time.Now()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cbctest.URL+actions,
		strings.NewReader(`{"action_type":"QUARANTINE","device_id":[7],"options":{"toggle":"ON"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	sign(r)
	var o outcome
	answer, err := l.CBC.Client().Do(r)
	if err == nil {
		o.Status, o.RetryAfter = answer.StatusCode, answer.Header.Get("Retry-After")
		o.Body, err = text(t, answer)
	}
	o.Failed, o.After = err != nil, time.Since(start)
	device, _ := l.CBC.Device(7)
	o.Acted = device.Quarantined
	return o
}

func TestFaultKinds(t *testing.T) {
	t.Parallel()
	ok := outcome{Status: 204, Acted: true}
	for name, c := range map[string]struct {
		fault string
		want  []outcome
	}{
		"a status, once": {`{"service":"cbc","status":503}`, []outcome{{Status: 503}, ok}},
		"a status with all it can have": {
			`{"service":"cbc","kind":"status","status":429,"retry_after":"7","body":"slow down","method":"POST","path_contains":"device_actions","count":2}`,
			[]outcome{{Status: 429, RetryAfter: "7", Body: "slow down"}, {Status: 429, RetryAfter: "7", Body: "slow down"}, ok},
		},
		"for ever":               {`{"service":"cbc","status":500,"count":-1}`, []outcome{{Status: 500}, {Status: 500}, {Status: 500}}},
		"act, then a status":     {`{"service":"cbc","kind":"act_then_status","status":502}`, []outcome{{Status: 502, Body: "Bad Gateway (injected fault)\n", Acted: true}, ok}},
		"no answer":              {`{"service":"cbc","kind":"drop"}`, []outcome{{Failed: true}, ok}},
		"act, then no answer":    {`{"service":"cbc","kind":"act_then_drop"}`, []outcome{{Failed: true, Acted: true}, ok}},
		"half an answer":         {`{"service":"cbc","kind":"truncate","bytes":0}`, []outcome{{Status: 204, Failed: true, Acted: true}, ok}},
		"a late answer":          {`{"service":"cbc","kind":"delay","delay":"2s"}`, []outcome{{Status: 204, Acted: true, After: 2 * time.Second}, ok}},
		"another service":        {`{"service":"nsx","status":503}`, []outcome{ok}},
		"another method":         {`{"service":"cbc","status":503,"method":"GET"}`, []outcome{ok}},
		"another path":           {`{"service":"cbc","status":503,"path_contains":"policies"}`, []outcome{ok}},
		"the kind by its length": {`{"service":"cbc","kind":"delay","delay":"0s","count":1}`, []outcome{ok}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := lab.New(lab.World{CBC: cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}}})
				if w := ask(t, l, "POST", "/_lab/faults", c.fault); w.Code != http.StatusOK {
					t.Fatalf("POST /_lab/faults %s = %d %s", c.fault, w.Code, w.Body)
				}
				var got []outcome
				for range c.want {
					got = append(got, isolate(t, l))
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.fault, diff)
				}
			})
		})
	}
}

func TestFaultAnswer(t *testing.T) {
	t.Parallel()
	w := ask(t, lab.New(lab.World{}), "POST", "/_lab/faults", `{"service":"tap","status":503}`)
	want := lab.Fault{Service: "tap", Kind: "status", Count: 1, Status: 503}
	if diff := cmp.Diff(want, decode[lab.Fault](t, w)); diff != "" {
		t.Errorf("the answer says what was set, defaults included (-want +got):\n%s", diff)
	}
}

// curl -d calls what it sends a form.
func TestFaultWithoutALabel(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/_lab/faults", strings.NewReader(`{"service":"tap","status":503}`))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	lab.New(lab.World{}).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("POST /_lab/faults of a form = %d %s", w.Code, w.Body)
	}
}

func TestFaultsAreTakenBack(t *testing.T) {
	t.Parallel()
	l := lab.New(lab.World{CBC: cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}}})
	for _, body := range []string{`{"service":"cbc","status":503,"count":-1}`, `{"service":"cbc","kind":"drop","count":3}`} {
		ask(t, l, "POST", "/_lab/faults", body)
	}
	if got := isolate(t, l); got.Status != http.StatusServiceUnavailable {
		t.Errorf("the first call = %+v, want 503", got)
	}
	if w := ask(t, l, "DELETE", "/_lab/faults", ""); w.Code != http.StatusNoContent {
		t.Errorf("DELETE /_lab/faults = %d %s", w.Code, w.Body)
	}
	if got := isolate(t, l); got.Status != http.StatusNoContent {
		t.Errorf("after DELETE /_lab/faults = %+v, want 204", got)
	}
	ask(t, l, "POST", "/_lab/faults", `{"service":"cbc","status":500}`)
	if got := isolate(t, l); got.Status != http.StatusInternalServerError {
		t.Errorf("a fault set after DELETE = %+v, want 500", got)
	}
}

func TestFaultRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                   "empty",
		`status=503`:                         "invalid character",
		`{"status":503}`:                     "service",
		`{"service":"mail","status":503}`:    `"mail"`,
		`{"service":"cbc"}`:                  "status",
		`{"service":"cbc","status":99}`:      "status",
		`{"service":"cbc","status":101}`:     "status",
		`{"service":"cbc","kind":"explode"}`: `"explode"`,
		`{"service":"cbc","kind":"delay"}`:   "delay",
		`{"service":"cbc","stauts":503}`:     `"stauts"`,
		`{"service":"cbc","status":503} {}`:  "after",
		`{"service":"cbc","status":"503"}`:   "status",
		`{"service":"cbc","kind":"act_then_status","status":503,"retry_after":"7"}`: "retry_after",
		`{"service":"cbc","kind":"drop","status":503}`:                              "status",
		`{"service":"cbc","kind":"drop","body":"x"}`:                                "body",
		`{"service":"cbc","kind":"truncate","delay":"1s"}`:                          "delay",
		`{"service":"cbc","kind":"truncate","bytes":-1}`:                            "bytes",
		`{"service":"cbc","kind":"delay","delay":"-1s"}`:                            "delay",
		`{"service":"cbc","kind":"delay","delay":"2"}`:                              "delay",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			l := lab.New(lab.World{})
			w := ask(t, l, "POST", "/_lab/faults", body)
			problem := decode[struct{ Error string }](t, w).Error
			if w.Code != http.StatusBadRequest || !strings.Contains(problem, want) {
				t.Errorf("POST /_lab/faults %s = %d %s, want 400 and %s", body, w.Code, w.Body, want)
			}
			if w := ask(t, l, "GET", policies, ""); w.Code != http.StatusOK {
				t.Errorf("a fault that was refused strikes: %d %s", w.Code, w.Body)
			}
		})
	}
}
