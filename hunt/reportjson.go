package hunt

import (
	"encoding/json"
	"errors"
	"time"
)

// readError is an error that was read back from its text. What it was for the hunt it is still.
type readError struct {
	text string
	is   error
}

func (e *readError) Error() string { return e.text }
func (e *readError) Unwrap() error { return e.is }

// causes are the errors that a report tells apart, by the words that it has for them.
func causes() map[string]error {
	return map[string]error{"not_begun": ErrNotBegun, "not_due": ErrNotDue, "given_up": ErrGivenUp}
}

// causeOf is the word for an error, empty where there is none.
func causeOf(err error) string {
	for word, cause := range causes() {
		if errors.Is(err, cause) {
			return word
		}
	}
	return ""
}

// outcomeJSON is an [Outcome] as JSON.
type outcomeJSON struct {
	Task
	Key     string   `json:"key"`
	EventID string   `json:"event_id"`
	Hashes  []SHA256 `json:"hashes,omitempty"`
	Status  Status   `json:"status"`
	Detail  string   `json:"detail,omitempty"`
	Error   string   `json:"error,omitempty"`
	// Cause tells apart why it was not tried: not_begun, not_due or given_up.
	Cause string `json:"cause,omitempty"`

	Refused      bool            `json:"refused,omitempty"`
	Acknowledged bool            `json:"acknowledged,omitempty"`
	Before       json.RawMessage `json:"before,omitempty"`
	Requests     []Request       `json:"requests,omitempty"`
	Earlier      time.Time       `json:"earlier,omitzero"`
	Undone       time.Time       `json:"undone,omitzero"`
}

// recordJSON is a [Record] as JSON.
type recordJSON struct {
	Task
	Key          string          `json:"key"`
	EventID      string          `json:"event_id"`
	Hashes       []SHA256        `json:"hashes,omitempty"`
	Run          string          `json:"run"`
	Status       Status          `json:"status"`
	Detail       string          `json:"detail,omitempty"`
	First        time.Time       `json:"first,omitzero"`
	Last         time.Time       `json:"last,omitzero"`
	Attempts     int             `json:"attempts,omitempty"`
	Next         time.Time       `json:"next,omitzero"`
	Refused      bool            `json:"refused,omitempty"`
	GivenUp      bool            `json:"given_up,omitempty"`
	Acknowledged bool            `json:"acknowledged,omitempty"`
	Undone       time.Time       `json:"undone,omitzero"`
	Before       json.RawMessage `json:"before,omitempty"`
}

// UnmarshalJSON reads what MarshalJSON wrote. Errors are their texts then.
func (p *Problem) UnmarshalJSON(data []byte) error {
	var in planProblem
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*p = Problem{Stage: in.Stage, Hashes: in.Hashes, Err: errors.New(in.Error)}
	return nil
}

// UnmarshalJSON reads what MarshalJSON wrote. Of the task's indicators it has the hashes alone; in a [Report] they are those of the report.
func (o *Outcome) UnmarshalJSON(data []byte) error {
	var in outcomeJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	in.Indicators = bare(in.Hashes)
	*o = Outcome{
		Task: in.Task, Status: in.Status, Detail: in.Detail, Refused: in.Refused, Acknowledged: in.Acknowledged, Before: in.Before,
		Requests: in.Requests, Earlier: in.Earlier, Undone: in.Undone,
	}
	if in.Error != "" {
		o.Err = &readError{in.Error, causes()[in.Cause]}
	}
	return nil
}

// UnmarshalJSON reads what MarshalJSON wrote. Of the task's indicators it has the hashes alone; in a [Report] they are those of the report.
func (r *Record) UnmarshalJSON(data []byte) error {
	var in recordJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	in.Indicators, in.Task.Before = bare(in.Hashes), in.Before
	*r = Record{
		Task: in.Task, Run: in.Run, Status: in.Status, Detail: in.Detail, First: in.First, Last: in.Last, Attempts: in.Attempts, Next: in.Next,
		Refused: in.Refused, GivenUp: in.GivenUp, Acknowledged: in.Acknowledged, Undone: in.Undone,
	}
	return nil
}

// bare are indicators of which nothing but the hash is known.
func bare(hashes []SHA256) []Indicator {
	var all []Indicator
	for _, h := range hashes {
		all = append(all, Indicator{SHA256: h})
	}
	return all
}

// UnmarshalJSON reads what MarshalJSON wrote, so that a report can be kept and shown again. Mails and processes have no raw form then, and
// errors are their texts; [ErrNotBegun], [ErrNotDue] and [ErrGivenUp] are told apart still.
func (r *Report) UnmarshalJSON(data []byte) error {
	type plain Report
	var in plain
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = Report(in)
	files := make(map[SHA256]Indicator, len(r.Indicators))
	for _, ind := range r.Indicators {
		files[ind.SHA256] = ind
	}
	whole := func(t *Task) {
		for i, ind := range t.Indicators {
			if known, ok := files[ind.SHA256]; ok {
				t.Indicators[i] = known
			}
		}
	}
	for i := range r.Outcomes {
		whole(&r.Outcomes[i].Task)
	}
	for i := range r.Open {
		whole(&r.Open[i].Task)
	}
	for i := range r.Turned {
		for j := range r.Turned[i].Records {
			whole(&r.Turned[i].Records[j].Task)
		}
	}
	return nil
}
