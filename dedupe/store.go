package dedupe

import (
	"context"
	"iter"
	"time"
)

// Store decides who does a task, and remembers what became of it. Implementations are safe for concurrent use, keep keys, notes
// and times exactly, share no memory with their callers, and take batches of any size. Package dedupetest checks every rule that
// stands here; the functions [Take], [Prolong], [Annotate], [Close], [Outstanding], [Within] and [Forgettable] are the rules
// themselves, for back ends to call.
//
// Each call happens as a whole or not at all, except for what its comment says. A call whose context has ended changes nothing
// and returns the context's error.
type Store interface {
	// Claim asks for keys, for owner, until now plus lease. It returns one grant for each distinct key, sorted by key, and has
	// exactly one winner for a key however many ask at once. A new key is won with attempt 1. A failed or released one is won at
	// once, a claimed one when its lease has ended (Until is not after now): the attempt rises by one, note and state before
	// stay. A done one is never won, a live lease never taken over, not by its own owner either.
	Claim(ctx context.Context, owner string, now time.Time, lease time.Duration, keys ...Key) ([]Grant, error)

	// Renew prolongs claims to now plus lease and never shortens them. It prolongs a claim whose lease has ended too, as long as
	// nobody has taken it over. Claims that are closed, taken over or unknown are lost: their keys are returned, sorted
	// and each once, and the other claims prolonged.
	Renew(ctx context.Context, now time.Time, lease time.Duration, claims ...Claim) (lost []Key, err error)

	// Note records the state that tasks are about to change, before they change it: should the process die between the change and
	// its record, the way back is known still. It replaces the state before, sets the time of the last change, and leaves the rest
	// of the record as it is; the claim goes on and its lease ends when it did. It counts after the lease has ended too, as long
	// as nobody has taken the claim over. Claims that are closed, taken over or unknown are lost: their keys are returned, sorted,
	// and the other states recorded. No key may be there twice, and no state be empty.
	Note(ctx context.Context, now time.Time, notes ...Note) (lost []Key, err error)

	// Finish closes claims and records their ends, also after the lease has ended, as long as nobody has taken them over. Where
	// owner or attempt differ, or the claim is closed, nothing changes: these keys are returned as lost, sorted, and the other
	// results recorded. No key may be there twice.
	Finish(ctx context.Context, now time.Time, results ...Result) (lost []Key, err error)

	// Lookup returns the records of those keys that the store knows, each once, sorted by key. It changes nothing.
	Lookup(ctx context.Context, keys ...Key) ([]Record, error)

	// Unfinished returns the records that are claimed, failed or released, whatever their age and whether or not their lease has
	// ended, and whose key begins with prefix, sorted by key and each as Lookup returns it. It never returns a done one, and it
	// changes nothing. The prefix is compared byte for byte: case counts, no byte is a wildcard, and a prefix that no key can
	// have, being no text or too long, is no error and finds nothing. An empty prefix finds all.
	Unfinished(ctx context.Context, prefix Key) ([]Record, error)

	// Scan yields every record, whatever its state, whose key begins with prefix, sorted by key and each as Lookup returns it. The
	// prefix is taken as by Unfinished. It reads page by page, nothing before the sequence is ranged, and starts anew each time it
	// is. It yields at most one error, last, and changes nothing. The loop may call the store: a record that is added or forgotten
	// meanwhile is seen or not, one that changes is seen as it was or as it is, and none is yielded twice.
	Scan(ctx context.Context, prefix Key) iter.Seq2[Record, error]

	// Forget removes the done records that were last updated before a time, and says how many. Claimed, failed and released ones
	// stay however old they are: they are work that is still open. A key that was forgotten is new. A back end may forget piece by piece, so
	// that claims need not wait: where it fails, some records may be gone.
	Forget(ctx context.Context, before time.Time) (int, error)
}
