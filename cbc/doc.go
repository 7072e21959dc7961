// Package cbc is a client of Carbon Black Cloud: process search, devices and what can be done to them, policies, reputation
// overrides, feeds, watchlists and Live Response.
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
// The API key must be of the access level type "Custom". Each method says which permission it needs. Organizations that VMware
// Cloud Services manages (Prod UK, GovCloud) sign in another way, which this package does not speak.
//
// # Errors
//
// An answer without success is an [*APIError]; [errors.Is] with [ErrNotFound], [ErrForbidden] and their like says what it means.
// A search that is not complete ends with an [*IncompleteError], never with results that look complete. Errors of the network
// and of contexts stay what they are. No error holds a credential, an address or a header.
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
// A [Client] and its parts may be used by any number of goroutines at once. Iterators and jobs belong to one goroutine.
//
// # Why odd things are so
//
// Structs that mirror the vendor's objects have value fields and are decoded forgivingly, because fields come and go, lists of one
// arrive as scalars, and most fields can be null. Unknown enum values are kept as they come.
//
// A device action answers before the sensor has acted, and says nothing about single devices. [Device.Quarantined] turns true at
// the next check-in of the sensor, which for a machine that is switched off may be next week.
package cbc
