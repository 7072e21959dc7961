// Package proofpoint reads Proofpoint Targeted Attack Protection (TAP), API version 2: which messages carried a threat and who
// clicked on one, which campaigns threats belong to, what sandboxes saw of them, who is attacked most, and what rewritten links were.
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
// windows and tell known records by [Record.Identity], or let a [Poller] do both. [Window.Slice] cuts longer times into windows.
//
// # Streaming
//
// The service has no paging: an hour is one answer, however large. It is read record by record and never held in memory, and the
// first record is handed out before the last has arrived. An answer that breaks off yields what was complete, and then an
// [*IncompleteError]; a record that cannot be read costs only itself, see [Query].
//
// Records differ from the documentation in many ways: lists that are single strings, numbers in quotes, members in two
// spellings, nulls nearly everywhere. All that is known is accepted. What identifies a record, or tells which part of it is
// condemned, must have a known shape, or the record is malformed; anything else that cannot be read is left at its zero value.
// [Message.Raw] always has the bytes as they came.
//
// All other answers are small. Of those that are lists, too, an entry that cannot be read costs only itself: what could be read is
// returned together with a [*MalformedError].
//
// # Polling
//
// A [Poller] reads a feed on and on. It asks for each instant again until an hour has passed, because records turn up late, and hands
// none out twice. Its [Cursor] moves over whole windows alone; stored as text once the records before it are safe, it makes a restart
// lose nothing. What an outage of more than a week has put out of reach is reported with its exact bounds.
//
//	poller, err := proofpoint.NewPoller(client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Cursor: stored})
//	if err != nil {
//		return err
//	}
//	var failed error
//	for record, err := range poller.Poll(ctx) {
//		if err != nil {
//			failed = err // nothing comes after it, and the next poll goes on where this one has failed
//			break
//		}
//		handle(record)
//	}
//	return errors.Join(failed, store(poller.Cursor())) // after a failure, too: what came before it is known
//
// A verdict that is taken back is seen by a poller that asks for [StatusFalsePositive] as well and has Changes on. Whether the service
// issues a record again in such a case is not documented: look at what was acted on with [Threats.Summary], which costs nothing.
//
// # Quotas
//
// The service counts calls in any 24 hours, for each [Bucket]: 1,800 for five of the feeds together, for the feed of permitted clicks
// and for links, and 50 for everything else but single campaigns and threat summaries, which it does not count. A [Quota] counts along,
// repetitions too, and a call that would be refused is not made: its error is a [*QuotaError], which says when the next is free. It
// counts only what it sees. Let all clients of one set of credentials share one through [Config], and store its text if the program
// does not run all the time. A refusal by the service shows that something else uses the credentials; the bucket is left alone for
// minutes then. [Client.Quotas] tells what is left.
//
// One call a minute, which is what a poller of [FeedAll] makes, is 1,440 a day. Three feeds, each once a minute, are too many.
//
// # Syslog
//
// The feeds have a second form, lines of RFC 5424, which collectors store. [ParseSyslog] reads such a line into the same [Record]. The
// clients ask for JSON, which says more: lists with commas in their elements and the word null are ambiguous in a line, and how values
// are escaped is not documented by the service but taken from RFC 5424.
//
// # Errors
//
// An [*APIError] means that the service answered, and not with success. Ask with [errors.Is] for [ErrUnauthorized],
// [ErrForbidden], [ErrNotFound], [ErrRateLimited], [ErrTooShort], [ErrTooLong], [ErrStillCurrent] and [ErrTooOld]. The last four
// are also returned before anything is sent, when a window breaks the rules, and [ErrQuotaExhausted] always is. Transport and context
// errors stay what they are. No error has a secret, a header or a query string in it.
//
// # Retries
//
// Everything here only reads, so a call is repeated after 429, 500, 502, 503, 504 and connection errors, until an answer begins.
// An answer that breaks off is not repeated: records were handed out already. A 429 is repeated only if the service says when to come
// back; otherwise it comes back as [ErrRateLimited] at once.
//
// # Testing
//
// There are three ways to test what is built on this package, from the least to the most that is real:
//
//   - Let your code take a function. A method of a service fits as it is, such as client.Threats.Summary, and in a test a literal
//     does.
//   - Let your code declare a small interface with the one or two methods that it uses. The services satisfy it, and so does a struct
//     of three lines in a test. The fields of all results are exported, and messages and clicks can be read from JSON.
//   - Take the package proofpointtest, a service in memory that keeps the rules of the real one: windows, quotas, late records,
//     failures on request. Give its client to [Config].HTTPClient and nothing else changes.
//
// The examples of this package named Testing show each of them.
//
// # Concurrency
//
// A [Client] and a [Quota] are safe for concurrent use, and no goroutine outlives a call. A [Poller] belongs to one goroutine.
package proofpoint
