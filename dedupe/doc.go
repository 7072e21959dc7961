// Package dedupe keeps what must outlive a process: which tasks are done, which are being done and by whom, and what became of
// them. A [Store] decides, among any number of goroutines, processes and machines, who does a task.
//
//	grants, err := store.Claim(ctx, owner, time.Now(), time.Minute, "isolate/device/4571602")
//	if err != nil {
//		return err
//	}
//	for _, g := range grants {
//		if !g.Won {
//			continue // done before, or somebody else is at it: see g.Record
//		}
//		result := dedupe.Result{Claim: g.Claim, State: dedupe.Done}
//		if err := isolate(ctx); err != nil {
//			result.State, result.Detail = dedupe.Failed, err.Error()
//		}
//		if _, err := store.Finish(ctx, time.Now(), result); err != nil {
//			return err
//		}
//	}
//
// [Memory] forgets with the process. The packages sqlitededupe (one file, no server) and sqldedupe (any *sql.DB) do not. Package
// dedupetest has the checks that every store passes.
//
// # Claims
//
// A claim has a lease. While it lasts nobody else wins the key; its holder renews it before it ends. Should the holder die, the
// lease ends and the next claimant wins the key, with a higher attempt. Owner and attempt together are the fence: a holder that
// comes back late can neither renew nor finish what another has taken over.
//
// Exactly once does not exist when the work is a call to somebody else's service: a process may die after the call and before
// its record. What a store promises is that no task is lost, and that no task is done by two at once while leases are kept. A
// task that can be taken back says what it is about to change with [Store.Note], so that the way back survives such a death.
//
// # Time
//
// A store reads no clock: callers say what time it is. The clocks of callers that share a store must agree to a fraction of a
// lease. Times are kept to the nanosecond and given back in UTC.
//
// # Errors
//
// Arguments that break a rule give [ErrInvalid], and nothing of the call is done. A context that has ended gives its error.
// Everything else is the store's own: the text names the operation and the cause.
//
// # Concurrency
//
// Stores are safe for concurrent use.
package dedupe
