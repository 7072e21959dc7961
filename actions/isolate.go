package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// Quarantiner cuts devices off the network and lets them back. *cbc.Devices is one.
type Quarantiner interface {
	DeviceLister
	Quarantine(ctx context.Context, ids ...cbc.DeviceID) error
	Release(ctx context.Context, ids ...cbc.DeviceID) error
}

// IsolateConfig wires the action. Devices is required.
type IsolateConfig struct {
	Devices Quarantiner
	// Evidence is the least that is needed: hunt.Executed, which is the default, or hunt.Touched.
	Evidence hunt.Evidence
	// Audit tells who else has isolated a device, before it is released. Without it a release does not ask, and takes a quarantine
	// along that somebody has put on top of ours.
	Audit AuditReader
	// Actor is the id of our own API key, as the audit log names it. It is required with Audit.
	Actor string
}

// NewIsolate is [NewIsolateWith] without the audit log: an undo does not ask who else has isolated a device.
func NewIsolate(devices Quarantiner, evidence hunt.Evidence) (hunt.Action, error) {
	return NewIsolateWith(IsolateConfig{Devices: devices, Evidence: evidence})
}

// NewIsolateWith quarantines the devices on which a condemned file was seen with at least the given evidence. Devices that are isolated
// already are left as they are. A device acts on it at its next check-in, an absent one when it comes back. It needs the permissions
// device.quarantine (EXECUTE) and device (READ).
//
// Undo releases a device that was not isolated before, unless the audit log has somebody else as the last one who asked for a
// quarantine of it, or an entry about quarantines that cannot be told to be about other devices: then it is held. What the vendor
// writes into the log is not documented: an entry counts if it has the word and the id or the name of the device, or no number at all.
// Undo needs org.audits (READ) too, and is held without it.
func NewIsolateWith(cfg IsolateConfig) (hunt.Action, error) {
	spec, err := deviceSpec("isolate", cfg.Evidence, "the device can be released from quarantine")
	if err != nil {
		return nil, err
	}
	if cfg.Devices == nil {
		return nil, errors.New("actions: isolate: the devices are missing")
	}
	if cfg.Audit != nil && cfg.Actor == "" {
		return nil, errors.New("actions: isolate: Actor is required with Audit: without it our own entries look like somebody else's")
	}
	i := isolation{cfg}
	return &deviceAction{
		spec: spec, devices: cfg.Devices, apply: cfg.Devices.Quarantine,
		detail: "quarantine requested; it takes effect when the sensor checks in",
		plan:   func(cbc.Device) string { return "would be quarantined" },
		judge: func(t hunt.Task, d cbc.Device) (hunt.Outcome, bool) {
			return already(t, "the device is isolated already"), d.Quarantined
		},
		before: func(d cbc.Device) any { return isolateBefore{Quarantined: new(d.Quarantined)} },
		after:  askedNow,
		back:   i.back,
		restore: func(ctx context.Context, _ cbc.PolicyID, ids ...cbc.DeviceID) error {
			return cfg.Devices.Release(ctx, ids...)
		},
	}, nil
}

// isolateBefore is the state before. Asked is when the quarantine was asked for, and is known only once it was.
type isolateBefore struct {
	Quarantined *bool     `json:"quarantined,omitempty"`
	Asked       time.Time `json:"asked,omitzero"`
}

func askedNow(before []byte) []byte {
	var b isolateBefore
	if json.Unmarshal(before, &b) != nil {
		return before
	}
	b.Asked = time.Now().UTC().Truncate(time.Second)
	return state(b)
}

type isolation struct{ cfg IsolateConfig }

// skew is how far the clocks of this machine and of the vendor may be apart, one of them an hour wrong for the summer. To withdraw a
// quarantine that is not on its way any more costs nothing.
const skew = 65 * time.Minute

// back parts the devices that may be released from those that may not.
func (i isolation) back(ctx context.Context, tasks []deviceTask) (open []restoration, outcomes []hunt.Outcome) {
	var ours, unknown []deviceTask // unknown when they were asked for
	var since time.Time
	for _, t := range tasks {
		var b isolateBefore
		known := parseBefore(t.Task, &b) && b.Quarantined != nil
		// A sensor that has not checked in since will still cut its machine off.
		pending := b.Asked.IsZero() || t.device.LastContact.Before(b.Asked.Add(skew))
		switch {
		case !known:
			outcomes = append(outcomes, held(t.Task, noBefore))
			continue
		case *b.Quarantined:
			outcomes = append(outcomes, already(t.Task, "stays isolated: it was so before"))
			continue
		case !t.device.Quarantined && !pending:
			outcomes = append(outcomes, already(t.Task, "the device is not isolated any more"))
			continue
		}
		if b.Asked.IsZero() {
			unknown = append(unknown, t)
			continue
		}
		if since.IsZero() || b.Asked.Before(since) {
			since = b.Asked
		}
		ours = append(ours, t)
	}
	// The whole log may be more than can be read: that must not hold the others.
	others := i.others(ctx, since, ours)
	maps.Copy(others, i.others(ctx, time.Time{}, unknown))
	for _, t := range append(ours, unknown...) {
		if o, ok := others[t.Target]; ok {
			o.Task = t.Task
			outcomes = append(outcomes, o)
			continue
		}
		r := restoration{deviceTask: t, detail: "released from quarantine; it takes effect when the sensor checks in"}
		if !t.device.Quarantined {
			r.detail = "not isolated; a quarantine that was still on its way to the sensor is withdrawn"
		}
		open = append(open, r)
	}
	return open, outcomes
}

// others are the outcomes of devices that somebody else has isolated, or may have.
func (i isolation) others(ctx context.Context, since time.Time, tasks []deviceTask) map[string]hunt.Outcome {
	all := make(map[string]hunt.Outcome, len(tasks))
	if i.cfg.Audit == nil || len(tasks) == 0 {
		return all
	}
	devices := make([]cbc.Device, len(tasks))
	for n, t := range tasks {
		devices[n] = t.device
	}
	found, err := quarantinedByOthers(ctx, i.cfg.Audit, i.cfg.Actor, since, devices)
	for _, t := range tasks {
		e, ok := found[t.device.ID]
		switch {
		case errors.Is(err, cbc.ErrForbidden):
			all[t.Target] = held(t.Task, "stays isolated: whether somebody else wants it so is not known, because the API key may not read the audit log: it needs org.audits (READ)")
		case errors.Is(err, cbc.ErrTruncated):
			all[t.Target] = held(t.Task, "stays isolated: whether somebody else wants it so is not known, because the audit log has more entries than can be read")
		case err != nil:
			all[t.Target] = failed(t.Task, fmt.Errorf("actions: isolate: undo: the audit log could not be read: %w", err))
		case ok:
			all[t.Target] = held(t.Task, fmt.Sprintf("stays isolated: %s wrote of a quarantine on %s: %q", e.Actor, e.Time.UTC().Format(time.RFC3339), shortened(e.Description, 200)))
		}
	}
	return all
}
