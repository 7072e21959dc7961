package hunt

import (
	"context"
	"iter"
	"time"
)

// Source tells which files are condemned. It yields an indicator as soon as it knows it, the same file as often as mails carried it, and
// at most one error, last: what was yielded before it counts. What else it has to tell goes to the [Ask], which must not be used after
// the sequence has ended.
type Source interface {
	Indicators(ctx context.Context, ask Ask) iter.Seq2[Indicator, error]
}

// SourceFunc adapts a function to a [Source].
type SourceFunc func(context.Context, Ask) iter.Seq2[Indicator, error]

// Indicators calls f.
func (f SourceFunc) Indicators(ctx context.Context, ask Ask) iter.Seq2[Indicator, error] {
	return f(ctx, ask)
}

// Searcher finds the processes in which any file of a batch was seen since a time. It yields at most one error, last. An error
// means that the search is not complete: what was yielded counts, but nothing may be called clean. A [SearchError] says for which
// files; any other error is about the whole batch. What is in [Indicator.Seen] need not be found again, and a sighting with
// [Sighting.Keep] but without evidence is none, see there.
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
	// Look tells what the ledger knows without changing it: an outcome for each task that is not to be done now. That is [Already]
	// for one that is done, and [Failed] with [ErrNotDue] or [ErrGivenUp] for one that has failed and is not to be tried again yet,
	// or ever. A task with [Task.Released] is due as long as it is not done. Look also tells what is remembered as [Held], with the
	// reason; such a task is due all the same, should no guard object any more.
	Look(ctx context.Context, tasks []Task) ([]Outcome, error)

	// Once calls do with those of the tasks that are to be done now and that nobody else is doing, at most once at a time anywhere,
	// and records each outcome before it returns. A task without an outcome, or with [ErrNotBegun], was not begun and is given back. Once returns an
	// outcome for every task, in their order; its context ends when the claim on the tasks is lost. Tasks that do gets, and outcomes,
	// can have another [Task.Round] than those that were given.
	Once(ctx context.Context, run string, tasks []Task, do DoFunc) ([]Outcome, error)
}

// DoFunc does tasks that were claimed. Before it changes anything it hands the tasks, with their [Task.Before], to note.
type DoFunc func(ctx context.Context, tasks []Task, note NoteFunc) []Outcome

// NoteFunc records what tasks are about to change, so that it is known even if the process dies over them. Nothing may be changed
// if it fails. What was noted is forgotten when the outcome says that nothing was changed: it was not begun, or was refused.
type NoteFunc func(ctx context.Context, tasks ...Task) error

// Backlog remembers the indicators that are still hunted: those that a run could not finish with, because a search failed, a task
// failed, or the process died, and those that are searched for again because files are opened days later. The source does not name
// them a second time.
type Backlog interface {
	// Open returns every indicator that is not settled, due or not, each file once. The error can come together with indicators.
	Open(ctx context.Context) ([]OpenIndicator, error)
	// Keep remembers indicators as open and as not finished with, before anything is done about them. A file that is open already gets
	// the mails that are new, is due again, and is hunted for as long as if it had been condemned now.
	Keep(ctx context.Context, run string, indicators ...Indicator) error
	// Watch remembers that a run has finished with indicators and that they stay open: they have the times that are given now. Where
	// somebody has kept a file anew after the Searched that is given, it stays due. Open returns [Indicator.Seen] as Watch got it.
	Watch(ctx context.Context, run string, open ...OpenIndicator) error
	// Settle forgets indicators: they are not hunted any more.
	Settle(ctx context.Context, hashes ...SHA256) error
}

// OpenIndicator is an indicator that is still hunted.
type OpenIndicator struct {
	Indicator
	// Since is when it was kept last, and therefore condemned as far as anybody knew.
	Since time.Time
	// Searched is when the last run began that has finished with it, zero if none has since it was kept.
	Searched time.Time
	// Verified is when its verdict was asked for last, zero if that was when it was kept.
	Verified time.Time
	// Expanded is when the [Expander] was asked last for more files, zero if it was not yet, or could not tell.
	Expanded time.Time
}

// Verifier tells whether a file of an earlier run is condemned still. Verdicts are taken back: nothing is done on an old one.
type Verifier interface {
	Verify(ctx context.Context, ind Indicator) (condemned bool, err error)
}

// VerifierFunc adapts a function to a [Verifier].
type VerifierFunc func(context.Context, Indicator) (bool, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, ind Indicator) (bool, error) { return f(ctx, ind) }

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
	// StepBegin is the beginning of a run. What is applied later, such as a saved plan, does not begin again.
	StepBegin Step = "begin"
	// StepIntake is a source that was read to its end; Count tells how many files are hunted by then.
	StepIntake Step = "intake"
	// StepVerdict is a verdict that was asked for again.
	StepVerdict Step = "verdict"
	// StepGuard is a guard that has looked at the plan; Count tells how many tasks and files it holds.
	StepGuard Step = "guard"
	// StepEnd is the end of a run, with its error; Count tells how many tasks came to an end, and Took how long the run was.
	StepEnd Step = "end"
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
	// Name is the action, or the file, or the stage that has the problem, or the type of the guard.
	Name  string
	Count int
	// Took is how long the step took until Time, zero where that means nothing. Searches, verdicts and actions that tell overlap with others.
	Took time.Duration
	Err  error
}
