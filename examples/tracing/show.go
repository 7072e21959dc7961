package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// show prints spans as a tree, and the names of metrics, as far as a reader wants to see that they are there.
func show(out io.Writer, spans tracetest.SpanStubs, numbers metricdata.ResourceMetrics) {
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var tree func(parent trace.SpanID, depth int)
	tree = func(parent trace.SpanID, depth int) {
		for _, s := range spans {
			if s.Parent.SpanID() != parent {
				continue
			}
			var told []string
			for _, a := range s.Attributes {
				switch a.Key {
				case "pphunt.name", "pphunt.count", "http.response.status_code", "url.full":
					told = append(told, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
				}
			}
			fmt.Fprintf(out, "%s%s  %s  %s\n", strings.Repeat("  ", depth), s.Name, s.EndTime.Sub(s.StartTime).Round(100*time.Microsecond), strings.Join(told, " "))
			tree(s.SpanContext.SpanID(), depth+1)
		}
	}
	tree(trace.SpanID{}, 0)
	fmt.Fprintln(out, "\nmetrics:")
	for _, scope := range numbers.ScopeMetrics {
		for _, m := range scope.Metrics {
			fmt.Fprintf(out, "  %s\n", m.Name)
		}
	}
}
