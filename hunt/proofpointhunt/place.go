package proofpointhunt

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// place is where the source is. What is before Next was read, but for Debts, and nothing before Floor is asked about.
type place struct {
	Next    time.Time `json:"next"`
	Floor   time.Time `json:"floor"`
	Debts   []debt    `json:"debts,omitempty"` // oldest first, none touching
	Records string    `json:"records,omitempty"`

	cursor   proofpoint.Cursor
	stored   []byte
	lookBack time.Duration
	taken    []proofpoint.Window // by this run
}

// debt is a window that is to be read. What is before Never was read once, and is read again for records that come late.
type debt struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Never time.Time `json:"never"`
}

// Position is how far a [Source] has read.
type Position struct {
	// Next is up to when everything was read, but for Owed.
	Next time.Time `json:"next"`
	// Owed are the windows before that are to be read still, oldest first.
	Owed []hunt.Window `json:"owed,omitempty"`
}

// ReadPosition reads what a source has kept in a cursor. It is no position, and no error, if the cursor is not that of a source's place.
func ReadPosition(name string, text []byte) (p Position, ok bool, err error) {
	if strings.HasSuffix(name, quotaSuffix) || len(text) == 0 {
		return p, false, nil
	}
	place := new(place)
	if err := place.read(text); err != nil {
		return p, false, fmt.Errorf("proofpointhunt: the cursor %s: %w", name, err)
	}
	p.Next = place.Next
	for _, d := range place.Debts {
		p.Owed = append(p.Owed, hunt.Window{Start: d.Start, End: d.End})
	}
	return p, true, nil
}

// ReadQuota reads the count of calls that a source has kept in a cursor. It is not ok if the cursor is another one.
func ReadQuota(name string, text []byte) (q *proofpoint.Quota, ok bool) {
	if !strings.HasSuffix(name, quotaSuffix) || len(text) == 0 {
		return nil, false
	}
	q = new(proofpoint.Quota)
	return q, q.UnmarshalText(text) == nil
}

const quotaSuffix = "/quota"

func newPlace(stored []byte) *place { return &place{stored: stored} }

func (p *place) read(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, p); err != nil {
		return err
	}
	p.stored = text
	if p.Records == "" {
		return nil
	}
	return p.cursor.UnmarshalText([]byte(p.Records))
}

func (p *place) text() ([]byte, error) {
	records, err := p.cursor.MarshalText()
	if err != nil {
		return nil, err
	}
	p.Records = string(records)
	return json.Marshal(p)
}

// start puts a place that was never moved where the first run begins.
func (p *place) start(end time.Time, o Options) error {
	p.lookBack = o.LookBack
	if p.Next.IsZero() {
		p.Next = end.Add(-o.FirstRun)
		p.Floor = p.Next
	}
	if p.Next.After(end.Add(time.Hour)) {
		return fmt.Errorf("proofpointhunt: the cursor is in the future, at %s: the clock was wrong then, or is now", p.Next.Format(time.RFC3339))
	}
	return nil
}

// age drops what cannot be asked about any more, and tells what of it was never read.
func (p *place) age(now time.Time, hole func(hunt.Window)) {
	oldest := now.Add(-MaxSpan).Add(time.Second - 1).Truncate(time.Second)
	tell := func(w hunt.Window) {
		if w.End.After(w.Start) {
			hole(w)
		}
	}
	var left []debt
	for _, d := range p.Debts {
		if d.Start.Before(oldest) {
			tell(hunt.Window{Start: d.Never, End: earlier(d.End, oldest)})
			d.Start, d.Never = oldest, later(d.Never, oldest)
		}
		if d.End.After(d.Start) {
			left = append(left, d)
		}
	}
	p.Debts = left
	if p.Next.Before(oldest) {
		tell(hunt.Window{Start: p.Next, End: oldest})
		p.Next = oldest
	}
	p.Floor = later(p.Floor, oldest)
}

// present is the newest window, with what is read again of the one before it. Nothing new needs no call.
func (p *place) present(end time.Time) (w proofpoint.Window, news bool) {
	w = proofpoint.Window{Start: later(p.from(), end.Add(-proofpoint.MaxWindow)), End: end}
	if short := end.Add(-proofpoint.MinWindow); w.Start.After(short) {
		w.Start = short
	}
	return w, end.After(p.Next)
}

// from is where reading goes on.
func (p *place) from() time.Time { return later(p.Next.Add(-p.lookBack), p.Floor) }

// old cuts what is owed into windows that the service takes, oldest first.
func (p *place) old(now time.Time) []proofpoint.Window {
	var all []proofpoint.Window
	for _, d := range p.Debts {
		slicing, err := proofpoint.Window{Start: d.Start, End: d.End}.Slice(now, proofpoint.SliceOptions{})
		if err == nil { // it has a start, and an end behind it
			all = append(all, slicing.Windows...)
		}
	}
	return all
}

// took remembers that a window was read. What lies between it and what was read before is owed.
func (p *place) took(w proofpoint.Window) {
	p.taken = append(p.taken, w)
	if w.End.After(p.Next) {
		if w.Start.After(later(p.Next.Add(-leastLookBack), p.Floor)) {
			p.owe(debt{Start: p.from(), End: w.Start, Never: p.Next})
		}
		p.Next = w.End
	}
	var left []debt
	for _, d := range p.Debts {
		for _, part := range [...]debt{{d.Start, earlier(d.End, w.Start), d.Never}, {later(d.Start, w.End), d.End, d.Never}} {
			if part.End.After(part.Start) {
				part.Never = later(part.Never, part.Start)
				left = append(left, part)
			}
		}
	}
	p.Debts = left
}

// owe adds a debt behind the others.
func (p *place) owe(d debt) {
	d.Never = earlier(d.Never, d.End)
	if n := len(p.Debts); n > 0 && !d.Start.After(p.Debts[n-1].End) {
		p.Debts[n-1].End = later(p.Debts[n-1].End, d.End)
		return
	}
	p.Debts = append(p.Debts, d)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
