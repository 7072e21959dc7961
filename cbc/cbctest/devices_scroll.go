package cbctest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// deviceScroll is the body of a scroll. It has no order of its own, and no first row.
type deviceScroll struct {
	Criteria    deviceCriteria   `json:"criteria"`
	Exclusions  deviceExclusions `json:"exclusions"`
	Query       string           `json:"query"`
	Rows        *int             `json:"rows"`
	SearchAfter string           `json:"search_after"`
}

// scrollCursor is where a scroll stands.
type scrollCursor struct {
	started time.Time // when the scroll started
	contact time.Time // the place of the last device handed out: its last contact, at most started
	id      int64     // and, among equals, its id
}

// String writes a cursor as something that nobody should read.
func (c scrollCursor) String() string {
	text, _ := json.Marshal([]int64{c.contact.UnixMilli(), c.id, c.started.UnixMilli()}) // numbers always encode
	return base64.StdEncoding.EncodeToString(text)
}

// parseCursor reads what String wrote.
func parseCursor(text string) (scrollCursor, error) {
	var n []int64
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &n)
	}
	if err != nil || len(n) != 3 {
		return scrollCursor{}, errors.New("search_after is not what an earlier answer gave")
	}
	return scrollCursor{contact: time.UnixMilli(n[0]), id: n[1], started: time.UnixMilli(n[2])}, nil
}

// scrollDevices hands out all devices that a search finds, page by page, those that were in contact longest ago first. A
// device that makes contact meanwhile moves behind those that are still to come, so it may be handed out twice but never
// missed. Contacts after the start of the scroll count as one moment: otherwise sensors that are always in contact would
// keep a scroll going for ever.
func (s *Server) scrollDevices(w http.ResponseWriter, r *http.Request) {
	var in deviceScroll
	if !s.decode(w, r, &in) {
		return
	}
	m, err := deviceSearch{Criteria: in.Criteria, Exclusions: in.Exclusions, Query: in.Query, Rows: new(int)}.understand(s.now())
	if err != nil {
		s.badDevices(w, err)
		return
	}
	rows := defaultDevices
	if in.Rows != nil {
		rows = *in.Rows
	}
	if rows < 1 || rows > maxDevices {
		s.badRequest(w, "rows is not between 1 and 10000")
		return
	}
	at := scrollCursor{started: s.now().Truncate(time.Millisecond)}
	if in.SearchAfter != "" {
		if at, err = parseCursor(in.SearchAfter); err != nil {
			s.badRequest(w, err.Error())
			return
		}
	}
	s.replyScroll(w, s.matching(m), at, rows)
}

// replyScroll hands out the page behind a cursor. The caller holds the lock.
func (s *Server) replyScroll(w http.ResponseWriter, found []*device, at scrollCursor, rows int) {
	place := func(d *device) scrollCursor {
		contact := d.contact.Truncate(time.Millisecond)
		if contact.After(at.started) {
			contact = at.started
		}
		return scrollCursor{contact: contact, id: d.ID, started: at.started}
	}
	compare := func(a, b scrollCursor) int { return cmp.Or(a.contact.Compare(b.contact), cmp.Compare(a.id, b.id)) }
	slices.SortFunc(found, func(a, b *device) int { return compare(place(a), place(b)) })
	rest := slices.DeleteFunc(slices.Clone(found), func(d *device) bool { return compare(place(d), at) <= 0 })
	page := rest[:min(rows, len(rest))]
	results, next := []map[string]any{}, ""
	for _, d := range page {
		results = append(results, s.deviceJSON(d))
		next = place(d).String()
	}
	if s.switches.Devices.ScrollEndsEarly && len(page) == len(rest) {
		next = ""
	}
	s.reply(w, http.StatusOK, map[string]any{
		"results": results, "num_found": len(found), "num_remaining": len(rest) - len(page), "search_after": next,
	})
}
