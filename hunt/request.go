package hunt

import (
	"context"
	"slices"
	"sync"
)

// Request is one call to a service that was made for a task, as evidence. It holds no secret.
type Request struct {
	// Op is the operation, such as devices.quarantine.
	Op string `json:"op"`
	// Status is the HTTP status, 0 if no answer came.
	Status int `json:"status,omitempty"`
	// ID is what the service calls the request by, empty if it does not say.
	ID string `json:"id,omitempty"`
}

type requestsKey struct{}

type requests struct {
	mu  sync.Mutex
	all []Request
}

// mostRequests bounds what is kept of one batch.
const mostRequests = 50

// NoteRequest adds a call to the outcomes of the tasks that are being done with ctx. Hooks of clients call it. Without such tasks it
// does nothing.
func NoteRequest(ctx context.Context, r Request) {
	seen, ok := ctx.Value(requestsKey{}).(*requests)
	if !ok {
		return
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.all) < mostRequests {
		seen.all = append(seen.all, r)
	}
}

// withRequests is a context that collects calls, and the list of them so far.
func withRequests(ctx context.Context) (context.Context, func() []Request) {
	seen := new(requests)
	return context.WithValue(ctx, requestsKey{}, seen), func() []Request {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		return slices.Clone(seen.all)
	}
}
