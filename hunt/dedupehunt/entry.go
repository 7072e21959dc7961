package dedupehunt

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// entryVersion is what this version of the module writes. Before it there was nothing but the state before.
const entryVersion = 1

// entry is what the ledger keeps about a task, in [dedupe.Record.Before].
type entry struct {
	Version int             `json:"pphunt"`
	Run     string          `json:"run,omitempty"`
	Task    json.RawMessage `json:"task,omitempty"`
	Status  hunt.Status     `json:"status,omitempty"`
	Detail  string          `json:"detail,omitempty"`
	// Attempts are those that were made. The store counts claims, and not each claim becomes an attempt.
	Attempts int       `json:"attempts,omitempty"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	// Failing is when the first failure since the last success was, and Failures how many of the last kind came in a row.
	Failing      time.Time `json:"failing,omitzero"`
	Failures     int       `json:"failures,omitempty"`
	Refused      bool      `json:"refused,omitempty"`
	Next         time.Time `json:"next,omitzero"`
	Acknowledged bool      `json:"acknowledged,omitempty"`
	// Findings are what it was tried for, as hash and process.
	Findings []string `json:"findings,omitempty"`
	// Before is the state before the task. Told means that an outcome told it, and so what came of an attempt.
	Before json.RawMessage `json:"before,omitempty"`
	Told   bool            `json:"told,omitempty"`
}

// readEntry reads what a record keeps. Older versions kept the state before as it was, or nothing.
func readEntry(r dedupe.Record) entry {
	var e entry
	if err := json.Unmarshal(r.Before, &e); err == nil && e.Version > 0 {
		return e
	}
	return entry{Before: jsonOf(r.Before)}
}

// bytes is the entry as the store keeps it. It cannot fail: what comes from outside is JSON already.
func (e entry) bytes() []byte {
	e.Version = entryVersion
	data, err := json.Marshal(e)
	if err != nil {
		e.Task, e.Before, e.Told = nil, nil, false
		data, _ = json.Marshal(e)
	}
	return data
}

// about makes the entry one of a task in a run.
func (e entry) about(run string, t hunt.Task) entry {
	t.Before, t.Released = nil, false // the state has a place of its own, and a person's word counts once
	e.Run, e.Detail = run, strings.ToValidUTF8(e.Detail, "\uFFFD")
	if data, err := hunt.EncodeTask(t); err == nil {
		e.Task = data
	}
	return e
}

// tried counts an attempt for the findings of a task. What failed before for other findings says nothing about the new ones.
func (e entry) tried(t hunt.Task, now time.Time) entry {
	e = e.at(now)
	if e.untried(t) {
		e = e.settled()
	}
	e.Attempts++
	e.Acknowledged = false
	e.Findings = append(slices.Clone(e.Findings), findings(t)...)
	slices.Sort(e.Findings)
	e.Findings = slices.Compact(e.Findings)
	return e
}

// untried tells whether a task rests on something that it was not tried for.
func (e entry) untried(t hunt.Task) bool { return !containsAll(e.Findings, findings(t)) }

// only makes the entry one of the findings of a task alone: what was tried in vain for others is not done for them.
func (e entry) only(t hunt.Task) entry {
	e.Findings = nil
	if all := findings(t); len(all) > 0 {
		slices.Sort(all)
		e.Findings = slices.Compact(all)
	}
	return e
}

func (e entry) at(now time.Time) entry {
	e.Last = now.UTC()
	if e.First.IsZero() {
		e.First = e.Last
	}
	return e
}

// held makes the entry one of a task that is held. It is acknowledged as long as the reason is the same and nothing new was found.
// That it failed before counts no more: it has not been tried since.
func (e entry) held(t hunt.Task, reason string, now time.Time) entry {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	e = e.at(now).settled()
	e.Acknowledged = e.acknowledges(t) && e.Status == hunt.Held && e.Detail == reason
	e.Status, e.Detail = hunt.Held, reason
	return e
}

// acknowledges tells whether a person has taken note of all that a task rests on.
func (e entry) acknowledges(t hunt.Task) bool {
	kept, err := hunt.DecodeTask(e.Task)
	return e.Acknowledged && (len(findings(t)) == 0 || err == nil && containsAll(findings(kept), findings(t)))
}

// settled takes away what is known of failures.
func (e entry) settled() entry {
	e.Failing, e.Next = time.Time{}, time.Time{}
	e.Failures, e.Refused = 0, false
	return e
}

// failed counts a failure.
func (e entry) failed(o hunt.Outcome, now time.Time, retry func(int, bool) time.Duration) entry {
	if e.Failing.IsZero() {
		e.Failing = now.UTC()
	}
	if o.Refused != e.Refused {
		e.Failures = 0
	}
	e.Failures++
	e.Refused = o.Refused
	e.Next = now.UTC().Add(retry(e.Failures, e.Refused))
	e.Status = hunt.Failed
	return e
}

// before takes a state that was noted before an attempt. What an outcome told stays: what is noted knows nothing of what came of it.
func (e entry) before(noted []byte) entry {
	if len(noted) > 0 && !e.Told {
		e.Before = jsonOf(noted)
	}
	return e
}

// told takes a state of an outcome, and keeps the earlier one where there is none.
func (e entry) told(state []byte) entry {
	if len(state) > 0 {
		e.Before, e.Told = jsonOf(state), true
	}
	return e
}

// unmoved forgets the state of an earlier attempt if a look before this one found the target in just that: whatever became of the
// earlier one, nothing of it is left, and what somebody else does later is not to be taken for it.
func (e entry) unmoved(noted []byte) entry {
	if len(noted) == 0 {
		return e
	}
	earlier, _ := json.Marshal(e.Before)
	if now, err := json.Marshal(jsonOf(noted)); err == nil && bytes.Equal(earlier, now) {
		e.Before, e.Told = nil, false
	}
	return e
}

// jsonOf is data that is JSON. What is none becomes a string.
func jsonOf(data []byte) json.RawMessage {
	if len(data) == 0 || json.Valid(data) {
		return slices.Clone(data)
	}
	text, _ := json.Marshal(string(data)) // a string cannot fail
	return text
}

// findings are what a task on a machine rests on: each file in each process. For other scopes the target is the finding.
func findings(t hunt.Task) []string {
	if !rounded(t) {
		return nil
	}
	all := make([]string, len(t.Sightings))
	for i, s := range t.Sightings {
		all[i] = finding(s)
	}
	return all
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(f string) bool { return !slices.Contains(all, f) })
}

func finding(s hunt.Sighting) string { return s.SHA256.String() + "/" + s.Process.GUID }
