package dedupehunt

import "errors"

var (
	// ErrClaimLost is the cause of the end of the work's context when the claim on its tasks was lost: another hunter may be
	// doing them now.
	ErrClaimLost = errors.New("dedupehunt: the claim on the tasks was lost")
	// ErrNotRecorded means that a task was done and the store could not be told. The next run does it again.
	ErrNotRecorded = errors.New("dedupehunt: the outcome could not be recorded")
)
