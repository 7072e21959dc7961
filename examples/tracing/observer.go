package main

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/pphunt/pphunt/hunt"
)

const scope = "github.com/pphunt/pphunt/examples/tracing"

// Observer makes a span of each step of a run, below one of the whole run, and counts them. Files, machines and people are in no attribute: a
// trace is read by many. It is a [hunt.Observer], safe for concurrent use.
type Observer struct {
	tracer trace.Tracer
	took   metric.Float64Histogram
	found  metric.Int64Counter

	mu sync.Mutex
	// runs are the contexts of the runs that are under way, by their ids, next is that of the run that begins next, and other that of runs
	// that were begun without Run.
	runs        map[string]context.Context
	next, other context.Context
}

// NewObserver makes an observer of where spans and metrics go. The context is for the spans of runs that are begun without [Observer.Run].
func NewObserver(ctx context.Context, tracers trace.TracerProvider, meters metric.MeterProvider) (*Observer, error) {
	o := &Observer{tracer: tracers.Tracer(scope), runs: make(map[string]context.Context), other: ctx}
	meter := meters.Meter(scope)
	var err, err2 error
	o.took, err = meter.Float64Histogram("pphunt.step.duration", metric.WithUnit("s"), metric.WithDescription("How long steps of hunts took."))
	o.found, err2 = meter.Int64Counter("pphunt.step.count", metric.WithDescription("Files, sightings and tasks of hunts, by step."))
	return o, errors.Join(err, err2)
}

// Run makes a run of a hunter whose observer this is, in a span of its own. Its calls are below that, because they have its context.
func (o *Observer) Run(ctx context.Context, h *hunt.Hunter, w hunt.Window) (*hunt.Report, error) {
	ctx, span := o.tracer.Start(ctx, "hunt")
	defer span.End()
	o.mu.Lock()
	o.next = ctx
	o.mu.Unlock()
	report, err := h.Run(ctx, w)
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, "something could not be asked or done")
	}
	if report != nil {
		span.SetAttributes(attribute.String("pphunt.run", report.Run), attribute.Int("pphunt.held", report.Held()))
	}
	return report, err
}

// Observe implements [hunt.Observer].
func (o *Observer) Observe(e hunt.Event) {
	ctx := o.of(e)
	// The name of an indicator is its hash: of that there is one value for each file, which no metric must have.
	attributes := []attribute.KeyValue{attribute.String("pphunt.step", string(e.Step))}
	if e.Step == hunt.StepAction || e.Step == hunt.StepGuard || e.Step == hunt.StepProblem {
		attributes = append(attributes, attribute.String("pphunt.name", e.Name))
	}
	labels := metric.WithAttributes(attributes...)
	o.took.Record(ctx, e.Took.Seconds(), labels)
	o.found.Add(ctx, int64(e.Count), labels)
	if e.Step == hunt.StepBegin || e.Step == hunt.StepEnd {
		return // the span of the run tells
	}
	_, span := o.tracer.Start(ctx, string(e.Step), trace.WithTimestamp(e.Time.Add(-e.Took)), trace.WithAttributes(attributes...))
	span.SetAttributes(attribute.Int("pphunt.count", e.Count))
	if e.Err != nil {
		span.RecordError(e.Err, trace.WithTimestamp(e.Time))
		span.SetStatus(codes.Error, string(e.Step)+" failed")
	}
	span.End(trace.WithTimestamp(e.Time))
}

// of is the context of the run that an event belongs to.
func (o *Observer) of(e hunt.Event) context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.runs[e.Run] != nil:
	case o.next != nil:
		o.runs[e.Run], o.next = o.next, nil
	default:
		o.runs[e.Run] = o.other
	}
	ctx := o.runs[e.Run]
	if e.Step == hunt.StepEnd {
		delete(o.runs, e.Run)
	}
	return ctx
}
