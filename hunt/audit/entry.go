package audit

import (
	"encoding/json"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// Event is what an entry tells of.
type Event string

// The events. Others can be used as well.
const (
	// EventDecision is what became of a task. It is what an entry without an event gets.
	EventDecision Event = "decision"
	// EventRunBegun and EventRunEnded frame the decisions of a run.
	EventRunBegun Event = "run_begun"
	EventRunEnded Event = "run_ended"
	// EventReleased is a held task that a person let go on.
	EventReleased Event = "released"
	// EventAcknowledged is a task that a person has taken note of.
	EventAcknowledged Event = "acknowledged"
	// EventTorn is written by [Log.Append] alone, see [Torn].
	EventTorn Event = "torn"
)

// Entry is one line of the log. Its fields are optional. What is too long is cut, and says so: see [MaxLine].
type Entry struct {
	// Time is written in UTC. Defaults to now.
	Time time.Time `json:"time"`
	// Run is the id of the run.
	Run string `json:"run,omitempty"`
	// Event defaults to EventDecision.
	Event Event `json:"event"`
	// Key and EventID identify the task; see [hunt.Task].
	Key     string `json:"key,omitempty"`
	EventID string `json:"event_id,omitempty"`
	// Action, Scope and Target are those of the task.
	Action string     `json:"action,omitempty"`
	Scope  hunt.Scope `json:"scope,omitempty"`
	Target string     `json:"target,omitempty"`
	// Device is the machine that the task concerns.
	Device Device `json:"device,omitzero"`
	// Status is what became of the task.
	Status hunt.Status `json:"status,omitempty"`
	// Detail is a sentence about it, Error the text of a failure.
	Detail string `json:"detail,omitempty"`
	Error  string `json:"error,omitempty"`
	// Evidence is the strongest that the task rests on: executed, touched, named or none.
	Evidence string `json:"evidence,omitempty"`
	// Hashes are the files that the task is about.
	Hashes    []hunt.SHA256 `json:"hashes,omitempty"`
	HashCount int           `json:"hash_count,omitempty"`
	// Threats are the verdicts on these files.
	Threats     []Threat `json:"threats,omitempty"`
	ThreatCount int      `json:"threat_count,omitempty"`
	// Findings are where they were seen: the evidence.
	Findings     []Finding `json:"findings,omitempty"`
	FindingCount int       `json:"finding_count,omitempty"`
	// Before is the state before, as JSON. What is no JSON is written as a text.
	Before json.RawMessage `json:"before,omitempty"`
	// Requests are the calls that were made, with the ids by which the services know them.
	Requests     []hunt.Request `json:"requests,omitempty"`
	RequestCount int            `json:"request_count,omitempty"`
	// By is the person or the command, if it was not the run itself.
	By string `json:"by,omitempty"`
	// Released means that a person had the task done in spite of what held it.
	Released bool `json:"released,omitempty"`
	// Torn is set in entries of EventTorn. Others must not have it.
	Torn *Torn `json:"torn,omitempty"`
}

// Device is a machine.
type Device struct {
	ID   int64  `json:"id"`
	Name string `json:"name,omitempty"`
}

// Threat is the verdict on a file when the entry was written.
type Threat struct {
	ID             string `json:"id,omitempty"`
	Status         string `json:"status,omitempty"`
	Classification string `json:"classification,omitempty"`
}

// Finding is one process in which a file was seen.
type Finding struct {
	SHA256 hunt.SHA256 `json:"sha256"`
	// ProcessGUID and Path are those of the process.
	ProcessGUID string `json:"process_guid,omitempty"`
	Path        string `json:"path,omitempty"`
	// Evidence is executed, touched or named.
	Evidence string `json:"evidence,omitempty"`
	// Field is the searched field that showed the hash.
	Field string `json:"field,omitempty"`
	// Time is the newest activity of the process, in UTC. Zero means unknown, or that it is none: beyond the year 9999.
	Time time.Time `json:"time,omitzero"`
}

// Torn tells of what was left of a write that did not come to its end, because its process died or the disk was full: the bytes
// between the entry before and this one, without the newline in front of this one. Whoever appends next says so, and touches nothing.
type Torn struct {
	Bytes  int64       `json:"bytes"`
	SHA256 hunt.SHA256 `json:"sha256"`
}

// Record is an entry with its place in the chain.
type Record struct {
	// Seq counts the entries from 1 on.
	Seq uint64 `json:"seq"`
	// Prev is the hash of the entry before, zeros for the first.
	Prev hunt.SHA256 `json:"prev"`
	Entry
	// Hash is the entry's own.
	Hash hunt.SHA256 `json:"hash"`
}
