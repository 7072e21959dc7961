package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/pphunt/pphunt/hunt"
)

// TestRun runs the example, and looks at the tree.
func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	roots := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "hunt  ") {
			roots++
		} else if strings.HasPrefix(line, "HTTP") || strings.HasPrefix(line, "search") {
			t.Errorf("a span is below no run: %s", line)
		}
	}
	if roots != 1 {
		t.Errorf("there are %d runs", roots)
	}
	for _, want := range []string{"\n  search  ", "\n  action  ", "pphunt.name=isolate", "\n  HTTP POST", "\n  HTTP GET", "http.response.status_code=200", "pphunt.step.duration", "http.client.request.duration"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "pphunt.name=f7113fb4") {
		t.Error("a hash is a name, which makes one series of metrics for each file")
	}
}

// TestStepsHaveTheirTimes gives events as a run would.
func TestStepsHaveTheirTimes(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	o, err := NewObserver(t.Context(), trace.NewTracerProvider(trace.WithSyncer(spans)), metric.NewMeterProvider())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	o.next = t.Context()
	for _, e := range []hunt.Event{
		{Run: "r", Time: at, Step: hunt.StepBegin},
		{Run: "r", Time: at.Add(5 * time.Second), Step: hunt.StepSearch, Count: 2, Took: 3 * time.Second},
		{Run: "r", Time: at.Add(6 * time.Second), Step: hunt.StepProblem, Name: "search", Err: errors.New("refused")},
		{Run: "r", Time: at.Add(7 * time.Second), Step: hunt.StepEnd, Took: 7 * time.Second},
	} {
		o.Observe(e)
	}
	all := spans.GetSpans()
	if len(all) != 2 {
		t.Fatalf("there are %d spans", len(all))
	}
	if s := all[0]; s.Name != "search" || !s.StartTime.Equal(at.Add(2*time.Second)) || !s.EndTime.Equal(at.Add(5*time.Second)) {
		t.Errorf("the search is %s from %s to %s", s.Name, s.StartTime, s.EndTime)
	}
	if s := all[1]; s.Name != "problem" || s.Status.Code != codes.Error || len(s.Events) != 1 {
		t.Errorf("the problem is %+v", s)
	}
	if len(o.runs) != 0 {
		t.Errorf("runs that have ended are kept: %v", o.runs)
	}
}
