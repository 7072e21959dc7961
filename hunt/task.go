package hunt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Scope is what an action applies to.
type Scope string

// The scopes of actions.
const (
	// ScopeHash is one task for each file.
	ScopeHash Scope = "hash"
	// ScopeDevice is one task for each machine, however many files and processes were seen on it.
	ScopeDevice Scope = "device"
	// ScopeProcess is one task for each file in each process.
	ScopeProcess Scope = "process"
	// ScopeHold is one task for each reason for which tasks about a file are held: for actions that tell of it.
	ScopeHold Scope = "hold"
)

// Task is one action on one target because of given sightings.
type Task struct {
	// Action is the name of the action, see [Spec].
	Action string `json:"action"`
	Scope  Scope  `json:"scope"`
	Impact Impact `json:"impact"`
	// Target is the SHA-256, the decimal device id, or the process GUID and the SHA-256 with a slash between them. For ScopeHold it is
	// the SHA-256 and a digest of the reason.
	Target string `json:"target"`
	// Round is 2 for the second task on a machine that was handled before and on which something new was found, 3 for the third, and
	// 0 or 1 for the first. The ledger counts: what it hands to an action, and tells of a task, has the round in which it stands now.
	Round int `json:"round,omitempty"`
	// Undo means that what the task did is to be taken back.
	Undo bool `json:"undo,omitempty"`
	// Released means that a person wants it done now, whatever the guards say and however often it has failed.
	Released bool `json:"released,omitempty"`
	// Reason and Held are for a task of ScopeHold: why tasks are held, and the event ids of the first of them.
	Reason string   `json:"reason,omitempty"`
	Held   []string `json:"held,omitempty"`
	// Indicators are the files that the task is about: one, except for a device on which several were seen.
	Indicators []Indicator `json:"-"`
	// Sightings are the evidence, the strongest first within a device. A task on a hash may have none.
	Sightings []Sighting `json:"sightings,omitempty"`
	// Before is the state of the target before the task, as JSON, as the action's Look found it. See [Looker].
	Before []byte `json:"-"`
	// Expect is the state that the target must still have, as JSON: what an approved plan saw. Empty expects nothing.
	Expect []byte `json:"-"`
}

// Key identifies the task in the ledger for ever: action, scope and target, and the round from the second on. What takes a task
// back has the key of the task with undo/ before it.
func (t Task) Key() string {
	key := t.Base()
	if t.Round > 1 {
		key += "/" + strconv.Itoa(t.Round)
	}
	if t.Undo {
		key = "undo/" + key
	}
	return key
}

// Base is the key of the first round.
func (t Task) Base() string { return t.Action + "/" + string(t.Scope) + "/" + t.Target }

// EventID is a UUID made of nothing but the key. A receiver that sees the same task twice, because a crash fell between the
// call and its record, knows by it that it is the same.
func (t Task) EventID() string {
	sum := sha256.Sum256([]byte("pphunt task " + t.Key()))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: made by a rule of our own
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Evidence is the strongest evidence that the task rests on.
func (t Task) Evidence() Evidence {
	strongest := None
	for _, s := range t.Sightings {
		strongest = max(strongest, s.Evidence)
	}
	return strongest
}

// Device is the device that the task concerns, and false for a task on a hash.
func (t Task) Device() (Device, bool) {
	if t.Scope == ScopeHash || len(t.Sightings) == 0 {
		return Device{}, false
	}
	return t.Sightings[0].Device, true
}

// without is the task without what rests on some files.
func (t Task) without(out func(SHA256) bool) Task {
	t.Indicators = slices.DeleteFunc(slices.Clone(t.Indicators), func(i Indicator) bool { return out(i.SHA256) })
	t.Sightings = slices.DeleteFunc(slices.Clone(t.Sightings), func(s Sighting) bool { return out(s.SHA256) })
	return t
}

// String names action and target for people.
func (t Task) String() string {
	d, ok := t.Device()
	switch {
	case t.Scope == ScopeHash:
		return fmt.Sprintf("%s %s", t.Action, t.Target)
	case !ok:
		return fmt.Sprintf("%s %s %s", t.Action, t.Scope, t.Target)
	case t.Scope == ScopeProcess:
		return fmt.Sprintf("%s %s on %s (%d)", t.Action, t.Sightings[0].Process.Path, d.Name, d.ID)
	default:
		return fmt.Sprintf("%s %s (%d)", t.Action, d.Name, d.ID)
	}
}

func targetOf(scope Scope, s Sighting) string {
	switch scope {
	case ScopeHash:
		return s.SHA256.String()
	case ScopeDevice:
		return strconv.FormatInt(s.Device.ID, 10)
	default:
		return s.Process.GUID + "/" + s.SHA256.String()
	}
}

// Status is what became of a task.
type Status string

// The ends of a task.
const (
	// Done means that the action was carried out now.
	Done Status = "done"
	// Already means that there was nothing to do: done by an earlier run or another program, or the state was so.
	Already Status = "already"
	// Held means that a guard, or a rule of the action, said no. A person has to decide.
	Held Status = "held"
	// Failed means that it could not be done. The next run tries again.
	Failed Status = "failed"
	// Planned means that it would have been done, had this not been a dry run.
	Planned Status = "planned"
	// Undone means that what the task did was taken back now.
	Undone Status = "undone"
)

// Outcome is what became of one task.
type Outcome struct {
	Task   Task   `json:"task"`
	Status Status `json:"status"`
	// Detail says in a sentence what was done, or why not.
	Detail string `json:"detail,omitempty"`
	// Err is the cause of a failure. It is nil for every other status.
	Err error `json:"-"`
	// Refused means that the failure is an answer that is likely to be the same the next time: a missing permission, a device that
	// nobody knows. The task is tried again, but not with every run.
	Refused bool `json:"refused,omitempty"`
	// Acknowledged means that a person has taken note: what is held, or given up, counts no more for the end of the run.
	Acknowledged bool `json:"acknowledged,omitempty"`
	// Before is the state that the action changed, as JSON, for the way back. It is empty when there was none.
	Before []byte `json:"-"`
	// Requests are the calls that were made for it, and for the tasks that were done together with it.
	Requests []Request `json:"requests,omitempty"`
	// Earlier is when an earlier run brought it to this end. It is zero for everything else.
	Earlier time.Time `json:"earlier,omitzero"`
	// Undone is when it was taken back since: it is not done again for the same finding. It is zero for everything else.
	Undone time.Time `json:"undone,omitzero"`
	// Again keeps the ledger from remembering that there was nothing to do: the next run looks again. It is for [Already] alone.
	Again bool `json:"-"`
}
