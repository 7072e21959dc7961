// Tracing shows how a service that embeds a hunt sees it in its traces and metrics: each step through [hunt.Observer], and each call through
// the HTTP client of each service, with OpenTelemetry. It is a module of its own, so that nobody else needs OpenTelemetry.
//
//	cd examples/tracing && go run .
//
// hunts in a made-up company, on the fakes of the three services, and prints what a collector would get.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tracing:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	// What a service has already: where its spans and its metrics go. Here both stay in memory.
	spans := tracetest.NewInMemoryExporter()
	tracers := trace.NewTracerProvider(trace.WithSyncer(spans))
	reader := metric.NewManualReader()
	meters := metric.NewMeterProvider(metric.WithReader(reader))

	world := lab.Company(time.Now())
	services := httptest.NewServer(lab.New(world))
	defer services.Close()
	// Every client takes an HTTP client. This one makes a span of each attempt of a call, and sends the trace on.
	traced := &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport,
		otelhttp.WithTracerProvider(tracers), otelhttp.WithMeterProvider(meters))}

	observer, err := NewObserver(ctx, tracers, meters)
	if err != nil {
		return err
	}
	hunter, err := newHunter(world, services.URL, traced, observer)
	if err != nil {
		return err
	}
	end := time.Now().Add(-time.Minute)
	report, err := observer.Run(ctx, hunter, hunt.Window{Start: end.Add(-time.Hour), End: end})
	if err != nil {
		return err
	}
	var numbers metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &numbers); err != nil {
		return err
	}
	fmt.Fprintf(out, "The run %s found %d files and %d sightings, and has %d tasks done.\n\n", report.Run, len(report.Indicators), len(report.Sightings), report.Count(hunt.Done))
	show(out, spans.GetSpans(), numbers)
	return nil
}

// newHunter is the hunt of the service, as it would be without tracing but for the HTTP client and the observer.
func newHunter(world lab.World, address string, traced *http.Client, observer hunt.Observer) (*hunt.Hunter, error) {
	tapAccount, cbcAccount, _ := lab.Accounts(world)
	tap, err := proofpoint.New(proofpoint.Config{
		BaseURL: address, Credentials: proofpoint.Basic(tapAccount.Principal, tapAccount.Secret), HTTPClient: traced,
	})
	if err != nil {
		return nil, err
	}
	carbonBlack, err := cbc.New(cbc.Config{
		BaseURL: address, OrgKey: cbcAccount.OrgKey, Credentials: cbc.APIKey(cbcAccount.APIID, cbcAccount.APIKey), HTTPClient: traced,
	})
	if err != nil {
		return nil, err
	}
	ledger, err := dedupehunt.New(dedupehunt.Config{Store: new(dedupe.Memory)})
	if err != nil {
		return nil, err
	}
	source, err := proofpointhunt.New(tap, proofpointhunt.Options{Delivered: true})
	if err != nil {
		return nil, err
	}
	searcher, err := cbchunt.New(cbchunt.Config{Processes: carbonBlack.Processes, Events: carbonBlack.Processes})
	if err != nil {
		return nil, err
	}
	isolate, err := actions.NewIsolate(carbonBlack.Devices, hunt.Executed)
	if err != nil {
		return nil, err
	}
	return hunt.New(hunt.Config{
		Source: source, Searcher: searcher, Ledger: ledger, Verifier: source, Actions: []hunt.Action{isolate}, Observer: observer,
	})
}
