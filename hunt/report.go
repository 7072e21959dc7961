package hunt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Report is what one run found, did and left.
type Report struct {
	Run    string    `json:"run"`
	Window Window    `json:"window"`
	Begun  time.Time `json:"begun"`
	Ended  time.Time `json:"ended"`
	DryRun bool      `json:"dry_run"`
	// Undo means that the run took back what earlier ones did, and hunted nothing.
	Undo       bool        `json:"undo,omitempty"`
	Indicators []Indicator `json:"indicators"`
	Sightings  []Sighting  `json:"sightings"`
	// Outcomes has one entry for each task of the plan, in its order. What was left out of a task because it is held has one of its own,
	// behind those of the same action and with the next round.
	Outcomes []Outcome `json:"outcomes"`
	// HuntedUntil is until when each of Indicators is hunted on. Those that are not hunted any more are missing.
	HuntedUntil map[SHA256]time.Time `json:"hunted_until,omitempty"`
	// Rehunted are those of Indicators that an earlier run brought, and that were searched for again.
	Rehunted []SHA256 `json:"rehunted,omitempty"`
	// Resting counts the files of earlier runs that are hunted still and were not due in this one.
	Resting int `json:"resting,omitempty"`
	// Holes are the times that could not be asked about any more. Each is among Problems too.
	Holes []Window `json:"holes,omitempty"`
	// BadRecords counts what the source could not read. It is among Problems too.
	BadRecords int `json:"bad_records,omitempty"`
	// Problems are what could not be asked. Failed tasks are among Outcomes, not here.
	Problems []Problem `json:"problems,omitempty"`
	// Open are tasks of earlier runs that wait for a person: held or given up, not acknowledged, and not among Outcomes.
	Open []Record `json:"open,omitempty"`
	// Turned are files that something was done about and that are condemned no longer.
	Turned []Turned `json:"turned,omitempty"`
	// LeftAlone tells what was not acted on, and why: at most a few hundred entries, see LeftAloneTotal.
	LeftAlone []LeftAlone `json:"left_alone,omitempty"`
	// LeftAloneTotal counts all that was left alone, by reason.
	LeftAloneTotal map[string]int `json:"left_alone_total,omitempty"`
	// Interrupted means that the context ended before the run did.
	Interrupted bool `json:"interrupted,omitempty"`
}

// Turned is a file that is not condemned any more, with what was done about it and still is so.
type Turned struct {
	SHA256 SHA256 `json:"sha256"`
	Threat Threat `json:"threat"`
	// Records are what was done and still is so, as far as the ledger knows, and what may have been done: where the call failed and may
	// have got there all the same, or is being made, or its process died over it.
	Records []Record `json:"records"`
}

// Problem is something that could not be asked.
type Problem struct {
	// Stage is intake, search, verdict, guard, ledger or audit.
	Stage string
	// Hashes are the files that the problem concerns, none if it concerns all.
	Hashes []SHA256
	Err    error
}

// MarshalJSON writes the error as its text.
func (p Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(planProblem{p.Stage, p.Hashes, p.Err.Error()})
}

// MarshalJSON adds key, event id and hashes of the task.
func (r Record) MarshalJSON() ([]byte, error) {
	out := recordJSON{
		r.Task, r.Task.Key(), r.Task.EventID(), filesOf([]Task{r.Task}), r.Run, r.Status, r.Detail, r.First, r.Last, r.Attempts, r.Next,
		r.Refused, r.GivenUp, r.Acknowledged, r.Undone, rawJSON(r.Task.Before),
	}
	return json.Marshal(out)
}

// MarshalJSON adds the indicators' hashes, the event id and the text of the error.
func (o Outcome) MarshalJSON() ([]byte, error) {
	out := outcomeJSON{
		Task: o.Task, Key: o.Task.Key(), EventID: o.Task.EventID(), Hashes: filesOf([]Task{o.Task}), Status: o.Status, Detail: o.Detail,
		Refused: o.Refused, Acknowledged: o.Acknowledged, Requests: o.Requests,
		Cause: causeOf(o.Err), Earlier: o.Earlier, Undone: o.Undone, Before: rawJSON(o.Before),
	}
	if o.Err != nil {
		out.Error = o.Err.Error()
	}
	return json.Marshal(out)
}

// Count is the number of tasks that ended in the status, without those that a person has acknowledged.
func (r *Report) Count(s Status) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Status == s && !o.Acknowledged {
			n++
		}
	}
	return n
}

// Held is how many tasks wait for a person's decision, those of earlier runs included.
func (r *Report) Held() int {
	n := r.Count(Held)
	for _, rec := range r.Open {
		if rec.Status == Held {
			n++
		}
	}
	return n
}

// Err joins everything that could not be asked or done, and is nil when all was. Held tasks are no error, see [Report.Held], nor is
// what a person has acknowledged.
func (r *Report) Err() error {
	var all []error
	for _, p := range r.Problems {
		if n := len(p.Hashes); n > 0 {
			all = append(all, fmt.Errorf("%s of %d files: %w", p.Stage, n, p.Err))
		} else {
			all = append(all, fmt.Errorf("%s: %w", p.Stage, p.Err))
		}
	}
	for _, o := range r.Outcomes {
		if o.Status != Failed || o.Acknowledged {
			continue
		}
		err := o.Err
		if err == nil {
			err = errors.New(o.Detail)
		}
		all = append(all, fmt.Errorf("%s: %w", o.Task, err))
	}
	for _, rec := range r.Open {
		if rec.GivenUp {
			all = append(all, fmt.Errorf("%s: %w: %s", rec.Task, ErrGivenUp, rec.Detail))
		}
	}
	return errors.Join(all...)
}

// LeftAlone is something that was seen and not acted on. Fields that do not apply are empty.
type LeftAlone struct {
	// Subject is the subject of the mail, in its sender's words.
	Subject string `json:"subject,omitempty"`
	// File is the name or the SHA-256 of the file.
	File    string `json:"file,omitempty"`
	Device  string `json:"device,omitempty"`
	Process string `json:"process,omitempty"`
	Reason  string `json:"reason"`
}

const mostLeftAlone = 200

// leftAlone keeps the first of what was left alone, and counts the rest: a busy hour has tens of thousands of clean parts.
type leftAlone struct {
	entries []LeftAlone
	total   map[string]int
}

func (l *leftAlone) add(e LeftAlone) {
	if l.total == nil {
		l.total = make(map[string]int)
	}
	l.total[e.Reason]++
	if len(l.entries) < mostLeftAlone && !slices.Contains(l.entries, e) { // each recipient of a mail has a record of it
		l.entries = append(l.entries, e)
	}
}
