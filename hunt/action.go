package hunt

import (
	"context"
	"fmt"
)

// Impact is what an action does to the world, and so what stands before it. The zero value is the one with the most before it.
type Impact int

// What actions do.
const (
	// Destroys is what cannot be taken back as it was, or reaches every machine at once: killing, deleting, banning, a command of one's
	// own.
	Destroys Impact = iota
	// Contains sets a state of a machine that can be taken back.
	Contains
	// Tells informs somebody and changes nothing on a machine. Guards leave it alone.
	Tells
)

var impactNames = [...]string{Destroys: "destroys", Contains: "contains", Tells: "tells"} //nolint:gochecknoglobals // never written

// String is the word for i: destroys, contains or tells.
func (i Impact) String() string {
	if i < Destroys || i > Tells {
		return fmt.Sprintf("Impact(%d)", int(i))
	}
	return impactNames[i]
}

// MarshalText implements [encoding.TextMarshaler].
func (i Impact) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (i *Impact) UnmarshalText(text []byte) error {
	for n, name := range impactNames {
		if string(text) == name {
			*i = Impact(n)
			return nil
		}
	}
	return fmt.Errorf("hunt: %q is no impact: want destroys, contains or tells", text)
}

// Spec says what an action is about.
type Spec struct {
	// Name is the word for the action in keys, reports and configuration. It must not contain a slash, nor be one of the words
	// that ledgers keep for themselves: undo, indicator, legacy, cursor, audit, run.
	Name string
	// Scope is what one task applies to.
	Scope Scope
	// Impact is what the action does to the world. Defaults to Destroys.
	Impact Impact
	// Evidence is the least that the action needs. With [None] a file is reason enough, seen or not.
	Evidence Evidence
	// Undo says what of the action can be taken back, empty if nothing can.
	Undo string
	// Batch says which tasks are handed over and recorded together. What was done of a batch when the process died is done
	// again. Defaults to BatchAll, which is for actions that set a state.
	Batch Batch
	// InFlight is how many batches are under way at once. Defaults to 8.
	InFlight int
}

// Batch is a way to put tasks together.
type Batch int

// The ways to put tasks together.
const (
	// BatchAll hands all tasks of a run over at once.
	BatchAll Batch = iota
	// BatchDevice hands the tasks on one device over together.
	BatchDevice
	// BatchTask hands over, and records, each task by itself: for actions that are seen to happen twice.
	BatchTask
)

// Action does something about what was found. Do gets tasks of its own spec only, as many at once as [Spec.Batch] says, possibly
// on several goroutines, and returns one outcome for each that it began; it works off the rest of a batch when one task fails.
// It must be safe to do a task twice, or carry [Task.EventID] to those who have to tell.
type Action interface {
	Spec() Spec
	Do(ctx context.Context, tasks []Task) []Outcome
}

// NewAction makes an [Action] of a spec and a function.
func NewAction(spec Spec, do func(context.Context, []Task) []Outcome) Action {
	return actionFunc{spec: spec, do: do}
}

type actionFunc struct {
	spec Spec
	do   func(context.Context, []Task) []Outcome
}

func (a actionFunc) Spec() Spec                                     { return a.spec }
func (a actionFunc) Do(ctx context.Context, tasks []Task) []Outcome { return a.do(ctx, tasks) }

// Looker is an action that reads the state of its targets before it changes them. A dry run looks and goes no further; otherwise the
// state is recorded before Do is called, with the same tasks and their [Task.Before] set.
type Looker interface {
	Action
	// Look changes nothing. It returns [Planned], with [Outcome.Before], for a task that can be done, and another status for one
	// with which there is nothing to do, or that cannot be done. What it says nothing about is done without.
	//
	// For a task with [Task.Undo] it looks whether what the task did can be taken back.
	Look(ctx context.Context, tasks []Task) []Outcome
}

// Undoer is an action that can take back what it did, and nothing else.
type Undoer interface {
	Action
	// Undo gets tasks with [Task.Undo] and, in [Task.Before], the state before they were done. It returns [Undone] for what was put
	// back, [Already] where nothing is left of it, and [Held] where somebody else has changed the state since, which stays then.
	Undo(ctx context.Context, tasks []Task) []Outcome
}
