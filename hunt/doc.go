// Package hunt takes condemned files from a mail gateway, finds them on endpoints, and contains what it finds: once, safely, and
// with a record of what was done.
//
// The package knows no vendor. It asks a [Source] what is condemned, has a [Searcher] find it, makes a [Plan], lets each [Guard]
// object, has the [Ledger] say which tasks are still to be done, hands them to the [Action]s, and returns a [Report]. The
// adapters proofpointhunt, cbchunt and dedupehunt make clients and stores into ports; package actions has the actions, and package
// audit an Auditor.
//
//	hunter, err := hunt.New(hunt.Config{Source: source, Searcher: searcher, Ledger: ledger, Actions: list})
//	if err != nil {
//		return err
//	}
//	report, err := hunter.Run(ctx, hunt.Window{Start: end.Add(-time.Hour), End: end})
//
// # What always holds
//
// An action gets only tasks whose evidence is at least what its [Spec] asks for. A task that the ledger has as done is not done
// again, so a machine that a person has released stays released; another file, or another process of the same file, on the machine
// is a new task. Guards are asked before the first write, and a guard that fails holds everything. Right before anything but a
// notice is sent, the [Verifier] is asked again, but for what [Config.FreshVerdict] lets pass. A search that failed is reported as failed, never as nothing found.
//
// # Safe response
//
// The [Impact] of an action says how much stands before it. A [Looker] reads the state of its targets; [Hunter.Preview] stops there,
// and otherwise the ledger records the state before anything is changed. What guards hold, and what failed for too long, waits in the
// ledger for a person: see [Report.Held], [Report.Open] and [Hunter.Release]. [Hunter.Save] makes a file of a preview, and
// [Hunter.ApplySaved] carries out exactly that. [Hunter.Undo] takes back what was done and nothing else; with [Config.AutoUndo] a run
// does so by itself when a verdict is taken back. An [Auditor] keeps every decision.
//
// # From run to run
//
// With a [Backlog], files stay open for [Config.Rehunt] after they were condemned last, and [NextSearch] says when each is searched for
// again, so that a mail that is opened on Monday is found on Monday. A source that remembers where it was goes on from there when the
// window is zero, and tells through its [Ask] what it could not read any more ([HoleError]) or not at all ([BadRecord]). An [Expander]
// brings the files that a condemned one writes or downloads.
//
// # Reports
//
// A [Report] marshals to JSON, and is read back from it. With a [Journal] that of each run is kept, also of one that failed or was
// stopped; [Report.News] leaves out what an earlier run told, and [Merge] makes one of several. [Report.Exposures] says of each file who
// was sent it and where it was seen. Package huntreport writes all of it for people.
//
// # Observing
//
// An [Observer] is told of each [Step] as it happens, with its duration. What the calls are about comes from the clients, which have
// observers of their own; [NoteRequest] puts the ids of calls into the outcome that they were made for.
//
// # Errors
//
// Failure is local: a bad record, a failed search or a failed task stops no other. [Hunter.Run] always returns a report; its
// error joins what could not be asked or done.
//
// # Concurrency
//
// Intake and searches overlap; actions run one after the other, in the order of [Config.Actions], each with all its tasks at
// once. Every goroutine has ended when a method returns.
package hunt
