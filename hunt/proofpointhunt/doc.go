// Package proofpointhunt makes a Proofpoint TAP client a source of condemned files.
//
//	source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: true})
//	if err != nil {
//		return err
//	}
//	hunter, err := hunt.New(hunt.Config{Source: source, Searcher: searcher})
//
// # Which part is condemned
//
// A record lists every part of a mail, and at most some are bad: logos and signatures are in clean mail everywhere. A verdict
// counts if it is about an attachment, is active, and has one of the configured classifications. Then, in this order:
//
//   - A file is condemned if a verdict that counts names its hash. The hash need not belong to a part: nearly empty records
//     have none, and a file in an archive is none.
//   - If a verdict that counts names no part, attachments that the sandbox itself condemned are what it is about, unless
//     another verdict is about them.
//   - A verdict that was cleared or taken back protects the file that it names, unless a later one that counts condemns it
//     anew.
//
// Nothing else is condemned. Everything else is left alone and said to be, with a reason.
//
// # Without gaps
//
// With [Options.Cursors] a run reads what came since the one before, up to [Options.Delta] ago, in windows of up to an hour:
//
//   - The present first, and again what is younger than [Options.LookBack]: records become visible up to half an hour late. What was
//     handed on is known by its id, or by category, GUID and recipients, and comes again only if it says something new.
//   - Then what is owed, the oldest first: windows that failed, or of a time when nobody ran. This stops when no more than
//     [Options.Reserve] of the day's calls are left, and goes on in the next run; a [*DebtError] says so.
//   - What is older than [MaxSpan] cannot be read any more, and is a hole with its exact bounds.
//
// The cursor moves over a window when [hunt.Ask.Read] says that what was in it outlives the process. There is one for each choice of
// delivered and blocked messages: whoever changes that starts as in a first run.
//
// # Errors
//
// Errors are those of package proofpoint. A record that cannot be read costs only itself. An answer that breaks off yields the records
// before that; the window is read again in halves, and by the next run.
package proofpointhunt
