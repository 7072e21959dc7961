package actions

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// NewHoldWebhook posts to a URL what is held, once for each file and reason, so that a person hears of it. The body is JSON:
//
//	{"event": "held", "event_id": …, "sha256": …, "reason": why, "held": the event ids of the tasks, "devices": [{…}], "threat": {…}}
//
// Of many tasks the first fifty are named. Everything else is as with [NewWebhook].
func NewHoldWebhook(cfg WebhookConfig) (hunt.Action, error) {
	w, err := newWebhook(cfg)
	if err != nil {
		return nil, err
	}
	spec := hunt.Spec{Name: w.name + "_held", Scope: hunt.ScopeHold, Impact: hunt.Tells, Batch: hunt.BatchTask}
	return hunt.NewAction(spec, func(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
		return each(ctx, tasks, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
			n, err := newNotice(t)
			if err != nil {
				return refusal(t, err)
			}
			return w.post(ctx, t, n)
		})
	}), nil
}

// notice is the body of a call about tasks that are held.
type notice struct {
	Event   string        `json:"event"`
	EventID string        `json:"event_id"`
	SHA256  hunt.SHA256   `json:"sha256"`
	Reason  string        `json:"reason"`
	Held    []string      `json:"held"`
	Devices []hunt.Device `json:"devices"`
	Threat  hunt.Threat   `json:"threat"`
	// SecondStageOf is the attachment that brought the file, if it did not come by mail itself.
	SecondStageOf hunt.SHA256 `json:"second_stage_of,omitzero"`
}

func newNotice(t hunt.Task) (notice, error) {
	text, _, _ := strings.Cut(t.Target, "/")
	hash, err := hunt.ParseSHA256(text)
	if err != nil || len(t.Indicators) == 0 {
		return notice{}, errors.New("actions: webhook_held: the task is about no file")
	}
	n := notice{
		Event: string(WebhookHeld), EventID: t.EventID(), SHA256: hash, Reason: t.Reason, Threat: t.Indicators[0].Threat, SecondStageOf: t.Indicators[0].Of,
		Held: append([]string{}, t.Held...), Devices: []hunt.Device{},
	}
	for _, s := range t.Sightings {
		if !slices.ContainsFunc(n.Devices, func(d hunt.Device) bool { return d.ID == s.Device.ID }) {
			n.Devices = append(n.Devices, s.Device)
		}
	}
	return n, nil
}
