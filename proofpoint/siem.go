package proofpoint

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/pphunt/pphunt/internal/rest"
)

// SIEM has the feeds of messages that carried a threat and of clicks on one. A call costs one of 1,800 in 24 hours, which all
// feeds share but that of permitted clicks: it has as many of its own.
//
// A sequence sends its one request when it is ranged over, again each time it is, and stops reading when the loop stops. It
// yields at most one error, last: an [*IncompleteError], a [*MalformedError], both joined, an [*APIError], or what the
// connection or the context said. The records before it are whole. Their order means nothing.
type SIEM struct {
	core *core
}

// MessagesDelivered yields the messages that the gateway let through.
//
//api:op GET /v2/siem/messages/delivered
func (s *SIEM) MessagesDelivered(ctx context.Context, q MessageQuery) iter.Seq2[Message, error] {
	return messages(s.records(ctx, FeedMessagesDelivered, q, Delivered))
}

// MessagesBlocked yields the messages that the gateway held back.
//
//api:op GET /v2/siem/messages/blocked
func (s *SIEM) MessagesBlocked(ctx context.Context, q MessageQuery) iter.Seq2[Message, error] {
	return messages(s.records(ctx, FeedMessagesBlocked, q, Blocked))
}

// All yields delivered and blocked messages for the price of one call; [Message.Category] tells them apart. The clicks in the
// answer are passed over: [SIEM.Records] with [FeedAll] yields them as well.
//
//api:op GET /v2/siem/all
func (s *SIEM) All(ctx context.Context, q MessageQuery) iter.Seq2[Message, error] {
	return messages(s.records(ctx, FeedAll, q, Delivered, Blocked))
}

// ClicksPermitted yields the clicks that led to the link, mostly because nobody knew yet what it was. It has a quota of its own.
//
//api:op GET /v2/siem/clicks/permitted
func (s *SIEM) ClicksPermitted(ctx context.Context, q Query) iter.Seq2[Click, error] {
	return clicks(s.records(ctx, FeedClicksPermitted, q, ClicksPermitted))
}

// ClicksBlocked yields the clicks that were stopped.
//
//api:op GET /v2/siem/clicks/blocked
func (s *SIEM) ClicksBlocked(ctx context.Context, q Query) iter.Seq2[Click, error] {
	return clicks(s.records(ctx, FeedClicksBlocked, q, ClicksBlocked))
}

// AllClicks yields permitted and blocked clicks for the price of one call; [Click.Category] tells them apart. The messages in
// the answer are passed over.
func (s *SIEM) AllClicks(ctx context.Context, q Query) iter.Seq2[Click, error] {
	return clicks(s.records(ctx, FeedAll, q, ClicksPermitted, ClicksBlocked))
}

// Issues yields what got through: delivered messages and permitted clicks. An older description of this feed has only messages
// with a condemned attachment in it; who has to be sure of all of them asks [SIEM.MessagesDelivered].
//
//api:op GET /v2/siem/issues
func (s *SIEM) Issues(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return s.Records(ctx, FeedIssues, q)
}

// Records yields every record of a feed, messages and clicks as they come.
func (s *SIEM) Records(ctx context.Context, feed Feed, q Query) iter.Seq2[Record, error] {
	return s.records(ctx, feed, q, feed.Categories()...)
}

func (s *SIEM) records(ctx context.Context, feed Feed, q Query, want ...Category) iter.Seq2[Record, error] {
	q.ThreatTypes, q.ThreatStatuses = slices.Clone(q.ThreatTypes), slices.Clone(q.ThreatStatuses)
	return func(yield func(Record, error) bool) {
		if len(want) == 0 {
			yield(Record{}, invalid("siem.records", fmt.Errorf("there is no feed %q", string(feed))))
			return
		}
		query, err := q.values(s.core.now(), s.core.lookBack)
		if err != nil {
			yield(Record{}, invalid(feed.op(), err))
			return
		}
		// It only reads, so twice is as good as once.
		call := rest.Call{
			Op: feed.op(), Method: http.MethodGet, Route: "/v2/siem/" + string(feed), Query: query, Repeatable: true, Pool: string(feed.bucket()),
		}
		body, err := s.core.stream(ctx, call)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer func() { _ = body.Close() }() // whether the answer was whole is known by then
		if body.Status == http.StatusNoContent {
			return // nothing matched: documented for syslog only, and harmless
		}
		r := reading{op: feed.op(), status: body.Status, withhold: body.Withhold, want: want, relevant: q.Relevant, onMalformed: q.OnMalformed, onEnd: q.OnEnd, yield: yield}
		if err := r.run(body); err != nil && !errors.Is(err, errStopped) {
			yield(Record{}, err)
		}
	}
}

// messages narrows a sequence that has only messages in it.
func messages(records iter.Seq2[Record, error]) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for r, err := range records {
			var m Message
			if err == nil {
				m = *r.Message
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// clicks narrows a sequence that has only clicks in it.
func clicks(records iter.Seq2[Record, error]) iter.Seq2[Click, error] {
	return func(yield func(Click, error) bool) {
		for r, err := range records {
			var c Click
			if err == nil {
				c = *r.Click
			}
			if !yield(c, err) {
				return
			}
		}
	}
}
