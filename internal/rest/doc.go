// Package rest is the one way in which the clients of this module reach the network.
//
// Attempts and the rewinding of bodies are go-retryablehttp's, the pace is golang.org/x/time/rate's. The policy is this
// package's own, because the engine's defaults repeat calls that acted, follow redirects with the credentials, wait for as long
// as a server says and print addresses with their queries:
//
//   - A call is repeated after a failure only if it says that doing it twice is doing it once. After a 429, which means that
//     nothing was done, any call is.
//   - After a 429 everything that this process sends to that host waits, whichever client sends it.
//   - Nobody waits past the deadline of the caller: the last answer is handed back at once.
//   - Redirects are answers. Credentials go to the configured host and nowhere else.
//   - Answers are bounded, except streams, which are watched for silence instead.
//   - No address with a query, no header and no body gets into an error or a log.
//
// A [Core] is made once for each client and is safe for concurrent use.
package rest
