package hunt

import (
	"context"
	"iter"
	"time"
)

// Source tells which files were condemned in a window. It yields an indicator as soon as it knows it, the same file as often as
// mails carried it, and at most one error, last: what was yielded before it counts. Parts of mails that are no indicator go to
// leave, which must not be kept after the sequence has ended.
type Source interface {
	Indicators(ctx context.Context, w Window, leave func(LeftAlone)) iter.Seq2[Indicator, error]
}

// SourceFunc adapts a function to a [Source].
type SourceFunc func(context.Context, Window, func(LeftAlone)) iter.Seq2[Indicator, error]

// Indicators calls f.
func (f SourceFunc) Indicators(ctx context.Context, w Window, leave func(LeftAlone)) iter.Seq2[Indicator, error] {
	return f(ctx, w, leave)
}

// Searcher finds the processes in which any file of a batch was seen since a time. It yields at most one error, last. An error
// means that the search is not complete: what was yielded counts, but nothing may be called clean.
type Searcher interface {
	Search(ctx context.Context, batch []Indicator, since time.Time) iter.Seq2[Sighting, error]
}

// SearcherFunc adapts a function to a [Searcher].
type SearcherFunc func(context.Context, []Indicator, time.Time) iter.Seq2[Sighting, error]

// Search calls f.
func (f SearcherFunc) Search(ctx context.Context, batch []Indicator, since time.Time) iter.Seq2[Sighting, error] {
	return f(ctx, batch, since)
}

// Ledger remembers which tasks are done, beyond this process and this machine.
type Ledger interface {
	// Look tells what the ledger knows without changing it: an [Already] outcome for each task that is done.
	Look(ctx context.Context, tasks []Task) ([]Outcome, error)

	// Once calls do with those of the tasks that nobody has done and that nobody else is doing, at most once at a time anywhere,
	// and records each outcome before it returns. A task without an outcome was not begun and is given back. Once returns an
	// outcome for every task; its context ends when the claim on the tasks is lost.
	Once(ctx context.Context, tasks []Task, do func(context.Context, []Task) []Outcome) ([]Outcome, error)
}

// Backlog remembers the indicators that runs have not finished with: a search failed, a task failed, or the process died. The
// window that brought them is not asked about again, so without a backlog the next run would not know of them.
type Backlog interface {
	// Open returns the indicators that earlier runs did not settle. The error can come together with indicators.
	Open(ctx context.Context) ([]Indicator, error)
	// Keep remembers indicators as open, before anything is done about them.
	Keep(ctx context.Context, run string, indicators ...Indicator) error
	// Settle forgets indicators: everything has been done about them that was asked for.
	Settle(ctx context.Context, hashes ...SHA256) error
}

// Verifier tells whether a file of an earlier run is condemned still. Verdicts are taken back: nothing is done on an old one.
type Verifier interface {
	Verify(ctx context.Context, ind Indicator) (condemned bool, err error)
}

// VerifierFunc adapts a function to a [Verifier].
type VerifierFunc func(context.Context, Indicator) (bool, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, ind Indicator) (bool, error) { return f(ctx, ind) }

// Spec says what an action is about.
type Spec struct {
	// Name is the word for the action in keys, reports and configuration. It must not contain a slash.
	Name string
	// Scope is what one task applies to.
	Scope Scope
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

// Hold is a guard's no to one task.
type Hold struct {
	// Key is the key of the task.
	Key string
	// Reason is told to the operator.
	Reason string
}

// Guard looks at all tasks of a run before the first of them is done. The tasks that it names are held. A guard that fails
// holds them all: what nobody has checked is not done.
type Guard interface {
	Review(ctx context.Context, tasks []Task) ([]Hold, error)
}

// GuardFunc adapts a function to a [Guard].
type GuardFunc func(context.Context, []Task) ([]Hold, error)

// Review calls f.
func (f GuardFunc) Review(ctx context.Context, tasks []Task) ([]Hold, error) { return f(ctx, tasks) }

// Observer is told of each step of a run, as it happens and from several goroutines. It must return soon.
type Observer interface {
	Observe(Event)
}

// ObserverFunc adapts a function to an [Observer].
type ObserverFunc func(Event)

// Observe calls f.
func (f ObserverFunc) Observe(e Event) { f(e) }

// Step is a kind of [Event].
type Step string

// The steps of a run.
const (
	// StepIndicator is a file that the source condemned and that was not known in this run before.
	StepIndicator Step = "indicator"
	// StepSearch is a batch of files that was searched; Count tells how many sightings it brought.
	StepSearch Step = "search"
	// StepPlan is the finished plan; Count tells how many tasks it has.
	StepPlan Step = "plan"
	// StepAction is an action that ended; Count tells how many tasks it had.
	StepAction Step = "action"
	// StepProblem is something that could not be asked or done.
	StepProblem Step = "problem"
)

// Event is one step of a run.
type Event struct {
	Time time.Time
	Run  string
	Step Step
	// Name is the action, or the file, or the stage that has the problem.
	Name  string
	Count int
	// Took is how long the step took, zero where that means nothing.
	Took time.Duration
	Err  error
}
