// Package proofpoint reads Proofpoint Targeted Attack Protection (TAP), API version 2: which messages carried a threat, which of
// their parts the threat is about, and what is known of a threat.
//
//	client, err := proofpoint.New(proofpoint.Config{Credentials: proofpoint.Basic(principal, secret)})
//	if err != nil {
//		return err
//	}
//	end := time.Now().Add(-15 * time.Minute)
//	query := proofpoint.MessageQuery{Window: proofpoint.Window{Start: end.Add(-time.Hour), End: end}}
//	for m, err := range client.SIEM.MessagesDelivered(ctx, query) {
//		if err != nil {
//			return err // nothing comes after it, and the window has to be asked for again
//		}
//		fmt.Println(m.GUID, m.Subject)
//	}
//
// # Windows
//
// One call covers 30 seconds to one hour that ended at least a minute ago and began at most seven days ago. The service sorts a
// record into a window by the time at which the record came into being, which is the later of the mail and the verdict: a mail
// of Monday that is condemned on Thursday is a record of Thursday. Records can turn up half an hour late, so ask for overlapping
// windows and tell known records by [Message.Identity].
//
// # Streaming
//
// The service has no paging: an hour is one answer, however large. It is read record by record and never held in memory, and the
// first message is handed out before the last has arrived. An answer that breaks off yields what was complete, and then an
// [*IncompleteError]; a record that cannot be read costs only itself, see [MessageQuery].
//
// Records differ from the documentation in many ways: lists that are single strings, numbers in quotes, members in two
// spellings, nulls nearly everywhere. All that is known is accepted. What identifies a record, or tells which part of it is
// condemned, must have a known shape, or the record is malformed; anything else that cannot be read is left at its zero value.
// [Message.Raw] always has the bytes as they came.
//
// # Errors
//
// An [*APIError] means that the service answered, and not with success. Ask with [errors.Is] for [ErrUnauthorized],
// [ErrForbidden], [ErrNotFound], [ErrRateLimited], [ErrTooShort], [ErrTooLong], [ErrStillCurrent] and [ErrTooOld]. The last four
// are also returned before anything is sent, when a window breaks the rules. Transport and context errors stay what they are.
// No error has a secret, a header or a query string in it.
//
// # Retries
//
// Everything here only reads, so a call is repeated after 429, 500, 502, 503, 504 and connection errors, until an answer begins.
// An answer that breaks off is not repeated: records were handed out already. The quota of the message feeds is 1,800 calls in
// 24 hours, shared by all of them, and a call that the quota refused comes back as [ErrRateLimited] after few attempts.
//
// # Concurrency
//
// A [Client] is safe for concurrent use and starts no goroutine that outlives a call.
package proofpoint
