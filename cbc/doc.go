// Package cbc is a client of Carbon Black Cloud: search in processes, events, observations and alerts, devices and what can be done
// to them, policies, reputation overrides, binaries, feeds, watchlists, Live Response, jobs and the audit log.
//
//	client, err := cbc.New(cbc.Config{
//		BaseURL:     "https://defense-prod05.conferdeploy.net",
//		OrgKey:      "7QRST4UV",
//		Credentials: cbc.APIKey(id, secret),
//	})
//	if err != nil {
//		return err
//	}
//	query := cbc.ProcessQuery{Query: cbc.Field("process_hash").SHA256(hash), Window: 14 * 24 * time.Hour}
//	for p, err := range client.Processes.Search(ctx, query) {
//		if err != nil {
//			return err // the search is not complete
//		}
//		fmt.Println(p.DeviceName, p.Name)
//	}
//
// # Credentials
//
// The API key must be of the access level type "Custom". Each method says which permission it needs. [APIKey] takes a key that stays,
// [APIKeyFunc] a function that gives the present one: a key that the vendor turns away is asked for again, and the call repeated.
// Organizations that VMware Cloud Services manages (Prod UK, GovCloud) sign in with [OAuthApp] or [APIToken].
//
// Whoever has the vendor's own tools set up has the credentials in a file or in the environment already: [FindProfile] and
// [ReadProfile] read credentials.cbc with its profiles, [ProfileFromEnv] reads CBC_URL, CBC_TOKEN and CBC_ORG_KEY. Either gives a
// [Config].
//
//	profile, err := cbc.FindProfile("default")
//	if err != nil {
//		return err
//	}
//	client, err := cbc.New(profile.Config)
//
// Without a client of its own ([Config.HTTPClient]) this package uses the proxy of HTTPS_PROXY and NO_PROXY.
//
// # Errors
//
// An answer without success is an [*APIError]; [errors.Is] with [ErrNotFound], [ErrForbidden] and their like says what it means.
// A search that is not complete ends with an [*IncompleteError], never with results that look complete. Errors of the network
// and of contexts stay what they are. No error holds a credential, an address or a header.
//
// # Jobs
//
// Work that takes longer than a call is a job, which is a value with an ID: another process can pick it up. Searches, their facets,
// details and summaries ([SearchJob], [RowJob], [FacetJob], [SummaryJob]) are over when all of the vendor's searchers have answered,
// and given up three minutes after their start; what came until then can be read, together with an [*IncompleteError]. One searcher
// that is missing out of several is a warning in [Status], since that is how searches end under load; methods that tell no Status make
// it an [*IncompleteError] behind what came. Exports and changes of many alerts ([ServiceJob]) have no such limit. The events of a process are no job, but are asked for until all their segments are done.
//
// # Expressions
//
// An [Expr] is made of values that are escaped: none of them, wherever it comes from, can add to the expression. How many values a
// search takes is not documented; [Expr.Clauses] and [Expr.Len] tell when to split it.
//
// # Retries
//
// A call that may be made twice without harm is repeated after gateway and connection errors, up to [Config.Attempts] times; a
// call that is refused for its rate (429) always. Pauses are random and growing, and follow Retry-After where the vendor sends
// it. While one call waits for a 429, all calls of this process to that host wait. No call waits longer than its context allows:
// it returns at once, with the answer that made it wait.
//
// # Concurrency
//
// A [Client] and its parts may be used by any number of goroutines at once, and so may a [SessionPool], which has to be closed.
// Iterators and jobs belong to one goroutine.
//
// # Testing
//
// Code that uses this package can be tested in three ways, each of which is an example below:
//
//   - one call: take it as a function; the method value client.Devices.Quarantine fits, and so does any function of a test
//     (Example_testingWithAFunc);
//   - a few calls: declare an interface with those methods where they are used; the parts of a [Client] are structs and satisfy it
//     (Example_testingWithAnInterface);
//   - the behavior of the whole, with refusals, retries and time: give the real client the fake of package cbctest, which runs in
//     the same process or on a socket (Example_testingWithTheFake).
//
// # Why odd things are so
//
// Structs that mirror the vendor's objects have value fields and are decoded forgivingly, because fields come and go, lists of one
// arrive as scalars, and most fields can be null. Unknown enum values are kept as they come.
//
// A device action answers before the sensor has acted, and says nothing about single devices. [Device.Quarantined] turns true at
// the next check-in of the sensor, which for a machine that is switched off may be next week.
package cbc
