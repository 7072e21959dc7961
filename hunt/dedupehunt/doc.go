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
// Outcomes are recorded on a context of their own, so that Ctrl-C does not forget what was done. Done, already and undone become
// done; failed stays failed; held and not begun are given back. If the store cannot be written for ten seconds the outcome says
// so: [ErrNotRecorded].
//
// With each task stand the run, the sightings, how often and since when it was tried, the last error and the state before, which is
// written before the action's call where the action tells it. [Ledger.Records] reads it all. What is there of older versions, the
// state before alone or nothing, is understood.
//
// # Failures
//
// What failed is tried by the next run, and then after growing pauses, see [Backoff]: a refusal, which is likely to be the same the
// next time, after longer ones. After a week, see [Patience], it is given up: no run tries it again for what it was tried for, and it is
// reported until somebody acknowledges it with [Ledger.Acknowledge]. A task that was not begun, or over which a process died, has not failed: it is
// due at once. Releasing a task, see [hunt.Hunter.Release], tries it whatever it has behind it.
//
// # Rounds
//
// What is done about a machine is done for findings: files in processes. For the same findings it is never done again, so that an
// analyst who lets the machine go is not overruled. Something new on it, another file or another process, is a new task, for what is
// new alone: its key is that of the first with the number of the round behind it, such as isolate/device/4571602/2. A done record of
// an older version, which does not say what for, covers everything. Tasks on files and on processes have no rounds.
//
// # Held
//
// What a guard or an action held is remembered with the reason, and stays acknowledged as long as that is the same and nothing new is
// found. It is no obstacle: a run in which nobody objects any more does it. What is held on a machine for several findings waits as one
// task, under the key of the round that is open.
//
// # Reports
//
// [Ledger.KeepReport] keeps what is new in the report of a run, compressed, under run/<run>. It is forgotten with what is done.
//
// # Taking back
//
// A task is taken back under its own key with undo/ before it, once, by the same claims. A failure to do so, or a held one, waits for
// nothing but the next who wants it. What had failed, or was held, and is taken back because something may have come of it, ends with
// that. When the store has forgotten a task and it was done again since, it can be taken back again.
package dedupehunt
