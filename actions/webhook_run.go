package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// WebhookReporter posts what became of a run, when it has ended. It is safe for concurrent use.
type WebhookReporter struct {
	hook   *webhook
	events []WebhookEvent
}

// NewWebhookReporter tells of the kinds of events that are given: [WebhookFailed], [WebhookUndone] and [WebhookRun]. Others are for the actions
// of the hunt, and are passed over. The Evidence of the configuration means nothing here.
func NewWebhookReporter(cfg WebhookConfig, events ...WebhookEvent) (*WebhookReporter, error) {
	hook, err := newWebhook(cfg)
	if err != nil {
		return nil, err
	}
	return &WebhookReporter{hook, slices.Clone(events)}, nil
}

const (
	// mostTold is how many tasks and problems one event names.
	mostTold = 50
	// attempts is how often an event is sent while nobody takes it.
	attempts = 3
)

// runEnded is the event run.
type runEnded struct {
	Event       string              `json:"event"`
	EventID     string              `json:"event_id"`
	Run         string              `json:"run"`
	Window      hunt.Window         `json:"window,omitzero"`
	Begun       time.Time           `json:"begun"`
	Ended       time.Time           `json:"ended"`
	Undo        bool                `json:"undo,omitempty"`
	Interrupted bool                `json:"interrupted,omitempty"`
	Files       int                 `json:"files"`
	Machines    int                 `json:"machines"`
	Tasks       map[hunt.Status]int `json:"tasks"`
	GivenUp     int                 `json:"given_up"`
	Problems    int                 `json:"problems"`
	Turned      int                 `json:"turned"`
}

// tasksEnded is the events failed and undone.
type tasksEnded struct {
	Event   string      `json:"event"`
	EventID string      `json:"event_id"`
	Run     string      `json:"run"`
	Total   int         `json:"total"`
	Tasks   []taskEnded `json:"tasks"`
	// Problems are what could not be asked.
	Problems []problemTold `json:"problems,omitempty"`
}

type taskEnded struct {
	EventID string      `json:"event_id"`
	Action  string      `json:"action"`
	Target  string      `json:"target"`
	Device  hunt.Device `json:"device,omitzero"`
	Error   string      `json:"error,omitempty"`
	Detail  string      `json:"detail,omitempty"`
}

type problemTold struct {
	Stage string `json:"stage"`
	Files int    `json:"files,omitempty"`
	Error string `json:"error"`
}

// Report posts what there is to tell of a run that has ended, each event up to three times until the receiver takes it. What failed, and what
// was taken back, are one event each, and none where nothing did; what an earlier run has told is left out. Of a dry run nothing is told.
//
//	{"event": "failed", "event_id": …, "run": …, "total": the number of tasks, "tasks": [{"event_id", "action", "target", "device", "error",
//	 "detail"}], "problems": [{"stage", "files", "error"}]}
//	{"event": "undone", …the same without problems}
//	{"event": "run", "event_id": …, "run": …, "window": {…}, "begun": …, "ended": …, "files": …, "machines": …,
//	 "tasks": {"done": …, "held": …}, "given_up": …, "problems": …, "turned": …, "interrupted": …}
//
// A task that is given up has been told as failed for days, and is only counted from then on. The first fifty tasks and problems are named.
// The event id is that of the run, the kind and the end: a receiver that gets one twice knows it.
func (w *WebhookReporter) Report(ctx context.Context, r *hunt.Report) error {
	if r.DryRun {
		return nil
	}
	news := r.News()
	var failures []error
	for _, event := range w.events {
		id := fmt.Sprintf("%s/%s/%d", r.Run, event, r.Ended.Unix()) // a plan that is applied again is the same run
		var content message
		switch event {
		case WebhookFailed:
			content = ended(id, event, r, hunt.Failed, news.Outcomes)
		case WebhookUndone:
			content = ended(id, event, r, hunt.Undone, news.Outcomes)
		case WebhookRun:
			content = summary(id, r, news)
		case WebhookFinding, WebhookHeld:
		}
		if n, ok := content.(tasksEnded); content == nil || ok && n.Total+len(n.Problems) == 0 {
			continue
		}
		if err := w.deliver(ctx, id, content); err != nil {
			failures = append(failures, fmt.Errorf("the event %s: %w", event, err))
		}
	}
	return errors.Join(failures...)
}

// deliver sends an event until somebody takes it.
func (w *WebhookReporter) deliver(ctx context.Context, id string, content message) error {
	for n := 1; ; n++ {
		_, refused, err := w.hook.send(ctx, id, content)
		if err == nil || refused || n == attempts || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(time.Duration(n*n) * time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

func ended(id string, event WebhookEvent, r *hunt.Report, status hunt.Status, outcomes []hunt.Outcome) tasksEnded {
	n := tasksEnded{Event: string(event), EventID: id, Run: r.Run, Tasks: []taskEnded{}}
	for _, o := range outcomes {
		if o.Status != status || o.Acknowledged || errors.Is(o.Err, hunt.ErrGivenUp) {
			continue
		}
		if n.Total++; len(n.Tasks) == mostTold {
			continue
		}
		t := taskEnded{EventID: o.Task.EventID(), Action: o.Task.Action, Target: o.Task.Target, Detail: o.Detail}
		t.Device, _ = o.Task.Device()
		if o.Err != nil {
			t.Error = o.Err.Error()
		}
		n.Tasks = append(n.Tasks, t)
	}
	if status == hunt.Failed {
		for _, p := range r.Problems[:min(len(r.Problems), mostTold)] {
			n.Problems = append(n.Problems, problemTold{p.Stage, len(p.Hashes), p.Err.Error()})
		}
	}
	return n
}

func summary(id string, r, news *hunt.Report) runEnded {
	s := runEnded{
		Event: string(WebhookRun), EventID: id, Run: r.Run, Window: r.Window, Begun: r.Begun, Ended: r.Ended, Undo: r.Undo, Interrupted: r.Interrupted,
		Files: len(news.Indicators), Tasks: make(map[hunt.Status]int), Problems: len(r.Problems), Turned: len(r.Turned),
	}
	seen := make(map[int64]bool)
	for _, sg := range news.Sightings {
		seen[sg.Device.ID] = true
	}
	s.Machines = len(seen)
	for _, o := range news.Outcomes {
		switch {
		case o.Acknowledged:
		case errors.Is(o.Err, hunt.ErrGivenUp):
			s.GivenUp++
		default:
			s.Tasks[o.Status]++
		}
	}
	return s
}
