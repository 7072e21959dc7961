package audit

import (
	"context"

	"github.com/pphunt/pphunt/hunt"
)

var _ hunt.Auditor = (*Log)(nil)

// Audit appends an entry for each decision, see [Decision]. It makes the log the [hunt.Auditor] of a hunt.
func (l *Log) Audit(ctx context.Context, decisions ...hunt.Decision) error {
	entries := make([]Entry, len(decisions))
	for i, d := range decisions {
		entries[i] = Decision(d)
	}
	return l.Append(ctx, entries...)
}

// Decision is the entry of a decision. Of the mails that carried a file it has nothing: they are in the report, and are personal.
func Decision(d hunt.Decision) Entry {
	o, t := d.Outcome, d.Outcome.Task
	e := Entry{
		Time: d.Time, Run: d.Run, Event: EventDecision, Key: t.Key(), EventID: t.EventID(), Action: t.Action, Scope: t.Scope, Target: t.Target,
		Status: o.Status, Detail: o.Detail, Evidence: t.Evidence().String(), Before: o.Before, Requests: o.Requests, By: d.By,
		Released: t.Released,
	}
	if len(e.Before) == 0 {
		e.Before = t.Before
	}
	if e.Detail == "" {
		e.Detail = t.Reason
	}
	if o.Err != nil {
		e.Error = o.Err.Error()
	}
	if device, ok := t.Device(); ok {
		e.Device = Device{ID: device.ID, Name: device.Name}
	}
	for _, ind := range t.Indicators {
		e.Hashes = append(e.Hashes, ind.SHA256)
		e.Threats = append(e.Threats, Threat{ID: ind.Threat.ID, Status: ind.Threat.Status, Classification: ind.Threat.Classification})
	}
	for _, s := range t.Sightings {
		e.Findings = append(e.Findings, Finding{
			SHA256: s.SHA256, ProcessGUID: s.Process.GUID, Path: s.Process.Path, Evidence: s.Evidence.String(), Field: s.Field, Time: s.Time,
		})
	}
	return e
}
