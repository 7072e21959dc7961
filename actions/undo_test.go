package actions_test

import (
	"testing"

	"github.com/pphunt/pphunt/hunt"
)

// undoOf is the task that takes an outcome back, as a ledger gives it.
func undoOf(o hunt.Outcome) hunt.Task {
	t := o.Task
	t.Before, t.Undo = o.Before, true
	return t
}

// takeBack looks at a task and takes it back. What Look says must be what Undo does, and Look must change nothing.
func takeBack(t *testing.T, a hunt.Action, task hunt.Task, changed func() bool) hunt.Outcome {
	t.Helper()
	undoer, canUndo := a.(hunt.Undoer)
	looker, canLook := a.(hunt.Looker)
	if !canUndo || !canLook {
		t.Fatalf("%s is a Looker: %t, an Undoer: %t; want both", a.Spec().Name, canLook, canUndo)
	}
	seen := only(t, looker.Look(t.Context(), []hunt.Task{task}))
	if changed() {
		t.Error("Look changed something")
	}
	o := only(t, undoer.Undo(t.Context(), []hunt.Task{task}))
	if want := map[hunt.Status]hunt.Status{hunt.Undone: hunt.Planned}[o.Status]; seen.Status != o.Status && seen.Status != want {
		t.Errorf("Look = %s %q, and Undo = %s %q", seen.Status, seen.Detail, o.Status, o.Detail)
	}
	if o.Detail == "" || seen.Detail == "" {
		t.Errorf("Look says %q and Undo %q, want a sentence of each", seen.Detail, o.Detail)
	}
	return o
}

// never is for states that nothing can change.
func never() bool { return false }

// planTask is a task as Look leaves it for Do.
func planTask(t *testing.T, a hunt.Action, task hunt.Task) hunt.Task {
	t.Helper()
	o := only(t, a.(hunt.Looker).Look(t.Context(), []hunt.Task{task}))
	expect(t, o, hunt.Planned)
	if o.Detail == "" {
		t.Errorf("Look of %s does not say what would be done", task.Action)
	}
	if len(o.Before) == 0 {
		t.Errorf("Look of %s left no state before", task.Action)
	}
	again := only(t, a.(hunt.Looker).Look(t.Context(), []hunt.Task{task}))
	if string(again.Before) != string(o.Before) {
		t.Errorf("Look found %s and then %s of the same state", o.Before, again.Before)
	}
	task.Before = o.Before
	return task
}
