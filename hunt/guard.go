package hunt

import "context"

// Review is what guards look at: all tasks of a run before the first of them is done. Tasks of actions that merely tell are not
// among them.
type Review struct {
	Run string
	// Tasks are those that are not done yet, whether or not they are due now.
	Tasks []Task
	// Done are those that the ledger has as done. They cannot be held any more, but count towards a ceiling on a file.
	Done []Task
}

// Hold is a guard's no to one task, to all tasks because of one file, or to one task as far as it rests on one file. One that names
// neither a task nor a file is a no to everything.
type Hold struct {
	// Key is the key of the task. Empty means every task of the file.
	Key string
	// SHA256 is the file because of which nothing is to be done: what rests on it is left out. A task that another file alone gives
	// reason for is done for that other file. Zero holds the task whole.
	SHA256 SHA256
	// Reason is told to the operator.
	Reason string
	// Unsure means that the guard could not tell. Nothing is done either, but the task fails instead of waiting for a person: the next
	// run asks again.
	Unsure bool
}

// Guard looks at all tasks of a run before the first of them is done. What it names is held. A guard that fails holds all tasks:
// what nobody has checked is not done.
type Guard interface {
	Review(ctx context.Context, r Review) ([]Hold, error)
}

// GuardFunc adapts a function to a [Guard].
type GuardFunc func(context.Context, Review) ([]Hold, error)

// Review calls f.
func (f GuardFunc) Review(ctx context.Context, r Review) ([]Hold, error) { return f(ctx, r) }
