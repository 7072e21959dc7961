// Package dedupehunt makes a [dedupe.Store] the [hunt.Ledger] of a hunt: every task is done once, by one of all hunters that share
// the store.
//
//	store, err := sqlitededupe.Open(ctx, "app.sql")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	ledger, err := dedupehunt.New(dedupehunt.Config{Store: store})
//
// # Claims
//
// [Ledger.Once] claims the tasks for a minute and renews the claims every twenty seconds, on one goroutine that has ended when
// Once returns. Tasks that another hunter is doing are waited for: either that hunter finishes them, or it dies, and they are
// claimed when its lease has ended. Tasks come free at different times, so the work may be called several times, one call after
// the other.
//
// When a claim is lost, because this process slept or could not reach the store for longer than the lease, the context of the
// work ends with the cause [ErrClaimLost].
//
// # Records
//
// Outcomes are recorded on a context of their own, so that Ctrl-C does not forget what was done. Done and already become done;
// failed stays failed, for the next run; held and not begun are given back. If the store cannot be written for ten seconds the
// outcome says so: [ErrNotRecorded].
package dedupehunt
