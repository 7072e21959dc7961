package audit

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pphunt/pphunt/hunt"
)

// MaxLine is the most that one entry takes, in bytes, its newline included. Entries are cut until they fit: texts to 2048 bytes with the
// number of bytes that are left out, the findings, threats, hashes and requests to the first 20 with the number of all of them, and
// the state before to 16 KiB, beyond which there is its length and its SHA-256 in its place. An entry that is too long still is cut to
// 512 bytes and 5 of each, and then to 64 bytes.
const MaxLine = 64 << 10

// bound is how much of an entry is kept.
type bound struct {
	text, list, state int
}

func bounds() []bound { return []bound{{2048, 20, 16 << 10}, {512, 5, 4 << 10}, {64, 5, 0}} }

// cut keeps the beginning of a text and says how much there was.
func (b bound) cut(s string) string {
	if len(s) <= b.text {
		return s
	}
	n := b.text
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%d bytes more)", strings.ToValidUTF8(s[:n], "\ufffd"), len(s)-n)
}

// apply is the entry within the bound. It shares nothing that it changes.
func (b bound) apply(e Entry) Entry {
	for _, s := range []*string{
		&e.Run, (*string)(&e.Event), &e.Key, &e.EventID, &e.Action, (*string)(&e.Scope), &e.Target, &e.Device.Name, (*string)(&e.Status),
		&e.Detail, &e.Error, &e.Evidence, &e.By,
	} {
		*s = b.cut(*s)
	}
	e.Hashes, e.HashCount = first(e.Hashes, e.HashCount, b.list, func(h hunt.SHA256) hunt.SHA256 { return h })
	e.Threats, e.ThreatCount = first(e.Threats, e.ThreatCount, b.list, func(t Threat) Threat {
		return Threat{ID: b.cut(t.ID), Status: b.cut(t.Status), Classification: b.cut(t.Classification)}
	})
	e.Findings, e.FindingCount = first(e.Findings, e.FindingCount, b.list, func(f Finding) Finding {
		f.ProcessGUID, f.Path, f.Evidence, f.Field = b.cut(f.ProcessGUID), b.cut(f.Path), b.cut(f.Evidence), b.cut(f.Field)
		if f.Time = f.Time.UTC(); f.Time.Year() < 0 || f.Time.Year() > 9999 {
			f.Time = time.Time{} // a device made it up, and JSON cannot say it
		}
		return f
	})
	e.Requests, e.RequestCount = first(e.Requests, e.RequestCount, b.list, func(r hunt.Request) hunt.Request {
		r.Op, r.ID = b.cut(r.Op), b.cut(r.ID)
		return r
	})
	e.Before = b.before(e.Before)
	return e
}

// first keeps the first of a list, and how many there were.
func first[T any](all []T, count, most int, change func(T) T) ([]T, int) {
	count = max(count, len(all))
	var out []T
	for _, v := range all[:min(len(all), most)] {
		out = append(out, change(v))
	}
	return out, count
}

// before is the state before, or what stands for one that is too long or no JSON.
func (b bound) before(raw json.RawMessage) json.RawMessage {
	switch {
	case len(raw) == 0:
		return nil
	case len(raw) > b.state:
		sum := sha256.Sum256(raw)
		return fmt.Appendf(nil, `{"left_out_bytes":%d,"sha256":%q}`, len(raw), hunt.SHA256(sum))
	case json.Valid(raw):
		return raw
	}
	text, err := json.Marshal(strings.ToValidUTF8(string(raw), "\ufffd"))
	if err != nil {
		return nil
	}
	return text
}
