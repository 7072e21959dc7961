package rest

import (
	"math/rand/v2"
	"net/http"
	"reflect"
	"runtime"
	"sync"
	"time"
	"weak"
)

// gate is what all calls of this process to one host go through: it is closed after a 429, because calls that are made
// meanwhile are refused and lengthen the penalty, and it counts what goes out. It holds no channel, so that a client may be made
// in one synctest bubble and a gate be found again from outside.
type gate struct {
	mu       sync.Mutex
	until    time.Time // closed before
	closedAt time.Time // when it was closed last
	strikes  int       // refusals in a row, a burst of them counting once
	ring     ring
}

// admit lets a call out, or says how long it must wait and what for.
func (g *gate) admit(now time.Time, b Budget) (time.Duration, string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.until.Sub(now); wait > 0 {
		return wait, "the service asked for a pause"
	}
	if wait := g.ring.wait(now, b); wait > 0 {
		return wait, "the budget of calls is used up"
	}
	g.ring.record(now, b)
	return 0, ""
}

// refused closes the gate after a 429 to a call that was sent at sent, and returns for how long. Without a pause asked for, it
// is random under a bound that doubles with each refusal.
func (g *gate) refused(sent, now time.Time, asked time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	fresh := g.strikes == 0 || !sent.Before(g.closedAt)
	if fresh {
		g.strikes++
	}
	switch {
	case asked > 0:
	case fresh:
		asked = jitter(g.strikes)
	}
	if until := now.Add(asked); until.After(g.until) {
		g.until, g.closedAt = until, now
	}
	return g.until.Sub(now)
}

// answered notes an answer that was no refusal. One to a call that went out before the gate was closed says nothing.
func (g *gate) answered(sent time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !sent.Before(g.closedAt) {
		g.strikes = 0
	}
}

const (
	backoffBase = time.Second
	backoffMax  = time.Minute
)

// jitter is the pause after the n-th failure: anything up to a bound that doubles, so that those who failed together do not
// come back together.
func jitter(n int) time.Duration {
	bound := backoffMax
	if n = max(n, 1); n <= 6 {
		bound = min(backoffBase<<(n-1), backoffMax)
	}
	return rand.N(bound) + 1 // #nosec G404 -- spreading, not secrecy
}

// hostKey is what counts as a host. Transports of net/http lead to the host of the address. Any other may be a server inside
// this process or a recording, so it is a host of its own.
type hostKey struct {
	transport http.RoundTripper
	host      string
}

// hosts is shared by all clients of the process, because the services count by source address and not by client. It holds weak
// pointers: with its last client a gate vanishes.
//
//nolint:gochecknoglobals // one gate per host needs one place per process
var hosts registry

type registry struct {
	mu    sync.Mutex
	gates map[hostKey]weak.Pointer[gate]
}

// gate returns the gate of a host, reached through transport, nil for one of net/http's own.
func (r *registry) gate(transport http.RoundTripper, host string) *gate {
	if _, ok := transport.(*http.Transport); ok {
		transport = nil
	}
	if transport != nil && !reflect.ValueOf(transport).Comparable() {
		return new(gate) // a function, say: nothing tells two of them apart
	}
	key := hostKey{transport, host}
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.gates[key].Value(); g != nil {
		return g
	}
	g := new(gate)
	if r.gates == nil {
		r.gates = make(map[hostKey]weak.Pointer[gate])
	}
	pointer := weak.Make(g)
	r.gates[key] = pointer
	runtime.AddCleanup(g, func(key hostKey) { r.forget(key, pointer) }, key)
	return g
}

// forget drops a gate that nobody holds, unless another has taken its place.
func (r *registry) forget(key hostKey, pointer weak.Pointer[gate]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gates[key] == pointer {
		delete(r.gates, key)
	}
}
