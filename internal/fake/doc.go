// Package fake is the machinery that the fakes of the three services share: routing, a journal of requests, faults by count,
// an in-process client and strict decoding. What a service says and remembers is the business of its own package.
//
// A request goes through, in this order: the journal, Config.Wrap, an injected fault, Config.Authenticate, the route's handler.
// The route is found first of all, so faults and wrappers can tell the operation by r.Pattern and r.PathValue.
//
// # Time
//
// Nothing here keeps goroutines, timers or channels between two requests, and the client makes its own for each of them. A
// Server made outside a synctest bubble is therefore usable inside one.
//
// # Concurrency
//
// A Server is safe for concurrent use once its routes are registered.
package fake
