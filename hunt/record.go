package hunt

import (
	"context"
	"errors"
	"iter"
	"time"
)

var (
	// ErrNotDue is the error of a task that has failed and is not to be tried again yet.
	ErrNotDue = errors.New("hunt: not tried again yet")
	// ErrGivenUp is the error of a task that has failed for so long that no run tries it again. A person has to look at it.
	ErrGivenUp = errors.New("hunt: given up")
)

// Record is what a ledger remembers of one task.
type Record struct {
	// Task has the mails without their raw form, and [Task.Before] where the action recorded it.
	Task Task
	// Run is the run that tried it last.
	Run string
	// Status is Done, Already, Held or Failed, and Undone for what takes a task back. It is empty for a task that is being done, or whose
	// process has died over it; where it had noted the state before, it is Failed: the call may have been made.
	Status Status
	// Detail is the sentence of the last outcome, or the last error.
	Detail string
	// First and Last are when it was tried, or held, first and last.
	First, Last time.Time
	// Attempts counts how often it was tried.
	Attempts int
	// Next is when a failed task is due again. Zero means with the next run.
	Next time.Time
	// Refused means that the last failure was an answer that is likely to be the same the next time.
	Refused bool
	// GivenUp means that no run tries it again.
	GivenUp bool
	// Acknowledged means that a person has taken note of what is held, given up, or done.
	Acknowledged bool
	// Undone is when it was taken back. Zero means that it was not.
	Undone time.Time
}

// Archive is the memory of a ledger beyond the tasks of one run.
type Archive interface {
	// Records yields what is remembered of every task, in the order of their keys, and at most one error, last. Tasks that came to
	// their end before a time, by being done or by having nothing to do, may be left out: there are many of them, and a run has no use
	// for them. The zero time leaves none out.
	Records(ctx context.Context, since time.Time) iter.Seq2[Record, error]
	// Hold remembers tasks that are held, for a person to decide on. What is done or being done stays as it is.
	Hold(ctx context.Context, run string, held ...Outcome) error
}

// Decision is what became of one task at one moment, for an [Auditor].
type Decision struct {
	Time    time.Time
	Run     string
	Outcome Outcome
	// By is who decided, empty for the hunt itself.
	By string
}

// Auditor keeps every decision of a run. A run that cannot have its decisions kept begins nothing more.
type Auditor interface {
	Audit(ctx context.Context, decisions ...Decision) error
}

// AuditorFunc adapts a function to an [Auditor].
type AuditorFunc func(context.Context, ...Decision) error

// Audit calls f.
func (f AuditorFunc) Audit(ctx context.Context, decisions ...Decision) error {
	return f(ctx, decisions...)
}

// Journal keeps reports beyond their runs. What is in [Report.News] is enough.
type Journal interface {
	KeepReport(ctx context.Context, r *Report) error
}

// JournalFunc adapts a function to a [Journal].
type JournalFunc func(context.Context, *Report) error

// KeepReport calls f.
func (f JournalFunc) KeepReport(ctx context.Context, r *Report) error { return f(ctx, r) }
