package main

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// metrics count what a service that hunts for ever has done. Those of nobody count nothing.
type metrics struct {
	registry   *prometheus.Registry
	runs       *prometheus.CounterVec
	indicators prometheus.Counter
	sightings  *prometheus.CounterVec
	outcomes   *prometheus.CounterVec
	waiting    *prometheus.GaugeVec
	calls      *prometheus.CounterVec
	latency    *prometheus.HistogramVec
	took       prometheus.Gauge
	complete   prometheus.Gauge
	asked      prometheus.Gauge
	now        func() time.Time

	mu sync.Mutex
	// quota counts the calls of the last run that was wired.
	quota *proofpoint.Quota
	// ended is when the last run did, and code its exit code.
	ended time.Time
	code  int
}

func newMetrics(now func() time.Time) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "pphunt", Name: name, Help: help}
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
	}
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		now:        now,
		runs:       counters("runs_total", "Runs that ended, by their exit code.", "code"),
		indicators: prometheus.NewCounter(prometheus.CounterOpts(opts("indicators_total", "Condemned files that were new."))),
		sightings:  counters("sightings_total", "Processes in which condemned files were seen, by the evidence, each run for itself.", "evidence"),
		outcomes:   counters("outcomes_total", "What became of tasks, without what earlier runs did.", "action", "status"),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("waiting_tasks", "Tasks of the last run that are held or have failed.")),
			[]string{"status"}),
		calls: counters("calls_total", "Attempts of calls, by the status of the answer, or by why there was none.", "service", "operation", "status"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "pphunt", Name: "call_duration_seconds", Help: "How long answers took, without waiting for a turn.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"service", "operation"}),
		took:     gauge("last_run_duration_seconds", "How long the last run took."),
		complete: gauge("last_complete_run_timestamp_seconds", "When the last run ended in which everything could be asked and done."),
		asked:    gauge("last_tap_answer_timestamp_seconds", "When Proofpoint TAP last answered a question for messages."),
	}
	m.registry.MustRegister(m.runs, m.indicators, m.sightings, m.outcomes, m.waiting, m.calls, m.latency, m.took, m.complete, m.asked, budget{m})
	return m
}

// ran counts a run that ended. Without a report it could not be begun.
func (m *metrics) ran(code int, took time.Duration) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended, m.code = m.now(), code
	m.runs.WithLabelValues(strconv.Itoa(code)).Inc()
	m.took.Set(took.Seconds())
	if code == exitDone || code == exitHeld {
		m.complete.Set(float64(m.ended.Unix()))
	}
}

// report counts what a run found and did.
func (m *metrics) report(r *hunt.Report) {
	if m == nil || r.DryRun {
		return
	}
	news := r.News()
	m.indicators.Add(float64(len(news.Indicators) - len(news.Rehunted)))
	for _, s := range news.Sightings {
		m.sightings.WithLabelValues(s.Evidence.String()).Inc()
	}
	for _, o := range news.Outcomes {
		m.outcomes.WithLabelValues(o.Task.Action, string(o.Status)).Inc()
	}
	m.waiting.WithLabelValues("held").Set(float64(r.Held()))
	m.waiting.WithLabelValues("failed").Set(float64(r.Count(hunt.Failed)))
}

// called counts an attempt of a call of a service.
func (m *metrics) called(service string, a attempt) {
	if m == nil {
		return
	}
	result := strconv.Itoa(a.status)
	if a.failure != "" {
		result = a.failure
	}
	m.calls.WithLabelValues(service, a.op, result).Inc()
	if a.took > 0 {
		m.latency.WithLabelValues(service, a.op).Observe(a.took.Seconds())
	}
	if a.failure == "" && a.status/100 == 2 && strings.HasPrefix(a.op, "siem.") {
		m.asked.Set(float64(m.now().Unix()))
	}
}

// counts tells which quota counts the calls from now on.
func (m *metrics) counts(q *proofpoint.Quota) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.quota = q
}

// last is how the last run ended, and when, and false if none has.
func (m *metrics) last() (code int, ended time.Time, any bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.code, m.ended, !m.ended.IsZero()
}

// budget collects how many calls TAP has left, at the moment of the question.
type budget struct{ m *metrics }

func budgetDesc() *prometheus.Desc {
	return prometheus.NewDesc("pphunt_tap_calls_left", "Calls that Proofpoint TAP allows still in the present 24 hours, as far as they were counted.", []string{"bucket"}, nil)
}

// Describe implements [prometheus.Collector].
func (b budget) Describe(to chan<- *prometheus.Desc) { to <- budgetDesc() }

// Collect implements [prometheus.Collector].
func (b budget) Collect(to chan<- prometheus.Metric) {
	b.m.mu.Lock()
	quota := b.m.quota
	b.m.mu.Unlock()
	if quota == nil {
		return
	}
	for _, u := range quota.Usage(b.m.now()) {
		if u.Limit != proofpoint.NoLimit {
			to <- prometheus.MustNewConstMetric(budgetDesc(), prometheus.GaugeValue, float64(u.Left()), string(u.Bucket))
		}
	}
}
