package proofpoint

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// SIEM has the feeds of messages that carried a threat. Its calls share one quota of 1,800 in 24 hours.
//
// A sequence sends its one request when it is ranged over, again each time it is, and stops reading when the loop stops. It
// yields at most one error, last: an [*IncompleteError], a [*MalformedError], both joined, an [*APIError], or what the
// connection or the context said. The messages before it are whole. Their order means nothing.
type SIEM struct {
	core     *rest.Core
	now      func() time.Time
	lookBack time.Duration
}

// MessagesDelivered yields the messages that the gateway let through.
//
//api:op GET /v2/siem/messages/delivered
func (s *SIEM) MessagesDelivered(ctx context.Context, q MessageQuery) iter.Seq2[Message, error] {
	return s.messages(ctx, "siem.messages_delivered", "/v2/siem/messages/delivered", q, Delivered)
}

// MessagesBlocked yields the messages that the gateway held back.
//
//api:op GET /v2/siem/messages/blocked
func (s *SIEM) MessagesBlocked(ctx context.Context, q MessageQuery) iter.Seq2[Message, error] {
	return s.messages(ctx, "siem.messages_blocked", "/v2/siem/messages/blocked", q, Blocked)
}

// All yields delivered and blocked messages for the price of one call; [Message.Category] tells them apart. The clicks in the
// answer are passed over.
//
//api:op GET /v2/siem/all
func (s *SIEM) All(ctx context.Context, q MessageQuery) iter.Seq2[Message, error] {
	return s.messages(ctx, "siem.all", "/v2/siem/all", q, Delivered, Blocked)
}

func (s *SIEM) messages(ctx context.Context, op, route string, q MessageQuery, want ...Category) iter.Seq2[Message, error] {
	q.ThreatTypes, q.ThreatStatuses = slices.Clone(q.ThreatTypes), slices.Clone(q.ThreatStatuses)
	return func(yield func(Message, error) bool) {
		query, err := q.values(s.now(), s.lookBack)
		if err != nil {
			yield(Message{}, fmt.Errorf("proofpoint: %s: %w", op, err))
			return
		}
		// It only reads, so twice is as good as once.
		body, err := s.core.Stream(ctx, rest.Call{Op: op, Method: http.MethodGet, Route: route, Query: query, Repeatable: true})
		if err != nil {
			yield(Message{}, err)
			return
		}
		defer func() { _ = body.Close() }() // whether the answer was whole is known by then
		if body.Status == http.StatusNoContent {
			return // nothing matched: documented for syslog only, and harmless
		}
		f := feed{op: op, status: body.Status, withhold: body.Withhold, want: want, onMalformed: q.OnMalformed, yield: yield}
		if err := f.run(body); err != nil && !errors.Is(err, errStopped) {
			yield(Message{}, err)
		}
	}
}
