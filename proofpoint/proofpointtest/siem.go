package proofpointtest

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// category is an array of an answer.
type category string

// The four arrays.
const (
	messagesDelivered category = "messagesDelivered"
	messagesBlocked   category = "messagesBlocked"
	clicksPermitted   category = "clicksPermitted"
	clicksBlocked     category = "clicksBlocked"
)

// holds says whether an item belongs in the array.
func (c category) holds(it *item) bool {
	switch c {
	case messagesDelivered:
		return it.message != nil && !it.blocked
	case messagesBlocked:
		return it.message != nil && it.blocked
	case clicksPermitted:
		return it.click != nil && !it.blocked
	default:
		return it.click != nil && it.blocked
	}
}

// siem serves one of the feeds.
func (s *Server) siem(p Pool, categories ...category) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := s.parse(r, s.now())
		if !s.admit(w, r, p, err) {
			return
		}
		a.categories = categories
		if a.json {
			s.label(w)
			a.writeJSON(w)
			return
		}
		a.writeSyslog(w)
	}
}

// asked is a call with what it is answered from.
type asked struct {
	categories []category
	window     window
	filter     filter
	json       bool
	view       view
	items      []*item
	more       func(func(Message) bool)
	number     int // of the first message in more
	rng        *rand.Rand
}

// parse checks the query and freezes the world.
func (s *Server) parse(r *http.Request, now time.Time) (*asked, error) {
	q, err := fake.Query(r, "interval", "sinceSeconds", "sinceTime", "format", "threatType...", "threatStatus...")
	if err != nil {
		return nil, err
	}
	a := &asked{}
	if a.filter.kinds, err = values(q, "threatType", "url", "attachment", "messageText"); err != nil {
		return nil, err
	}
	if a.filter.statuses, err = values(q, "threatStatus", "active", "cleared", "falsePositive"); err != nil {
		return nil, err
	}
	if len(a.filter.statuses) == 0 {
		a.filter.statuses = []string{"active", "cleared"} // false positives only for those who ask
	}
	switch f := q.Get("format"); f {
	case "JSON", "json":
		a.json = true
	case "syslog":
	default:
		if q.Has("format") {
			return nil, refusal("The format parameter must be syslog or JSON.")
		}
	}
	if a.window, err = parseWindow(q, now, s.lookBack); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.view = view{now: now, lag: s.lag, changes: s.changes, switches: s.switches}
	a.items, a.more, a.number = s.items, s.more, len(s.items)
	s.calls++
	if !s.switches.Stable {
		a.rng = rand.New(rand.NewPCG(s.seed, s.calls)) //nolint:gosec // an order that can be repeated is the point
	}
	return a, nil
}

// values reads a repeatable parameter with a closed set of values, in lower case.
func values(q url.Values, name string, allowed ...string) ([]string, error) {
	var out []string
	for _, v := range q[name] {
		if !slices.Contains(allowed, v) {
			return nil, refusal("The " + name + " parameter must be one of " + strings.Join(allowed, ", ") + ".")
		}
		out = append(out, strings.ToLower(v))
	}
	return out, nil
}

// writeJSON streams the envelope. Its members have no order, so the end of the query comes first or last.
func (a *asked) writeJSON(w http.ResponseWriter) {
	end := `"queryEndTime":"` + seconds(a.window.end) + `"`
	last := a.rng != nil && a.rng.IntN(2) == 1
	var buf bytes.Buffer
	buf.WriteByte('{')
	if !last {
		buf.WriteString(end + ",")
	}
	for i, c := range a.categories {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteString(`"` + string(c) + `":[`)
		first := true
		ok := a.each(c, func(e *event) bool {
			if !first {
				buf.WriteByte(',')
			}
			first = false
			a.write(&buf, e)
			_, err := w.Write(buf.Bytes())
			buf.Reset()
			return err == nil
		})
		if !ok {
			return
		}
		buf.WriteByte(']')
	}
	if last {
		buf.WriteString("," + end)
	}
	buf.WriteString("}\n")
	_, _ = w.Write(buf.Bytes())
}

// writeSyslog streams lines, or answers 204 if there are none.
func (a *asked) writeSyslog(w http.ResponseWriter) {
	var buf bytes.Buffer
	sent := false
	for _, c := range a.categories {
		ok := a.each(c, func(e *event) bool {
			buf.Reset()
			a.write(&buf, e)
			line := syslogLine(c, buf.Bytes(), e.created)
			if line == nil {
				return true
			}
			if !sent {
				sent = true
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			}
			_, err := w.Write(line)
			return err == nil
		})
		if !ok {
			return
		}
	}
	if !sent {
		w.WriteHeader(http.StatusNoContent)
	}
}

// write appends one event's record to buf.
func (a *asked) write(buf *bytes.Buffer, e *event) {
	if len(e.item.raw) > 0 {
		buf.Write(e.item.raw)
		return
	}
	e.record(a.view.switches, a.rng).write(buf)
}

// each calls do with the events of a category, in an order of this call's own, until it returns false.
func (a *asked) each(c category, do func(*event) bool) bool {
	var events []event
	for _, it := range a.items {
		if c.holds(it) {
			events = append(events, a.view.events(it, a.window, a.filter)...)
		}
	}
	if a.rng != nil {
		a.rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	}
	for i := range events {
		if !do(&events[i]) {
			return false
		}
	}
	if a.more == nil || c == clicksPermitted || c == clicksBlocked {
		return true
	}
	number := a.number
	for m := range a.more {
		it := newMessage(&m, number)
		number++
		if !c.holds(it) {
			continue
		}
		for _, e := range a.view.events(it, a.window, a.filter) {
			if !do(&e) {
				return false
			}
		}
	}
	return true
}
