package proofpoint

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	cursorVersion = "tap-cursor/1"
	// MaxCursorRecords is how many records the text of a cursor remembers, the latest ones. Of more than these in the last hour, some
	// may be handed out again after a restart; none is lost. The text has less than 640 KiB.
	MaxCursorRecords = 20_000
	// longestCursor bounds what is read, in bytes.
	longestCursor = 640 << 10
	// remembered is how long a record is known, at most, for [PollerConfig.Changes].
	remembered = LookBack
)

// Cursor is where a [Poller] is: a time, and the records that were handed out. It can be stored as text, which has digests in it, but
// nothing of the records. The zero value is before the first poll.
type Cursor struct {
	feed Feed
	next time.Time
	seen map[key]sighting
}

// key is a digest of an identity.
type key [12]byte

// state is a digest of what may change in a record.
type state [4]byte

// sighting is how a record was seen first, and when last. Each further state of it is a sighting under a key of its own.
type sighting struct {
	state state
	at    uint32 // the end of the window, in seconds of Unix, which is enough until 2106
}

// Feed is the feed that the cursor belongs to, empty before the first poll.
func (c Cursor) Feed() Feed { return c.feed }

// Next is where the next poll begins. Everything before it was read, and was read again when it was older than
// [PollerConfig.Recheck].
func (c Cursor) Next() time.Time { return c.next }

func (c Cursor) clone() Cursor {
	c.seen = maps.Clone(c.seen)
	return c
}

type news int

const (
	known news = iota
	unseen
	changed
)

// note tells what is new about a record, and remembers it.
func (c *Cursor) note(k key, s state, at time.Time) news {
	if c.seen == nil {
		c.seen = make(map[key]sighting)
	}
	end := uint32(at.Unix()) //nolint:gosec // windows lie between 1970 and 2106
	record, ok := c.seen[k]
	if !ok {
		c.seen[k] = sighting{s, end}
		return unseen
	}
	c.seen[k] = sighting{record.state, end}
	if record.state == s {
		return known
	}
	// A record that is issued again may come in both versions from then on.
	version := keyOf(string(k[:]) + string(s[:]))
	_, ok = c.seen[version]
	c.seen[version] = sighting{s, end}
	if !ok {
		return changed
	}
	return known
}

// forget drops records that cannot come again soon: those that are too old, and the oldest of those that are too many. What the next
// poll asks for again is kept in any case, and so is the last window before it: one that would be too short reaches back into that.
func (c *Cursor) forget(now time.Time) {
	oldest, needed := now.Add(-remembered).Unix(), c.next.Unix()
	maps.DeleteFunc(c.seen, func(_ key, s sighting) bool { return int64(s.at) < min(oldest, needed) })
	if len(c.seen) <= MaxCursorRecords {
		return
	}
	for i, k := range c.latest() {
		if i >= MaxCursorRecords && int64(c.seen[k].at) < needed {
			delete(c.seen, k)
		}
	}
}

// latest are the known records, the latest first.
func (c *Cursor) latest() []key {
	return slices.SortedFunc(maps.Keys(c.seen), func(a, b key) int {
		return cmp.Or(cmp.Compare(c.seen[b].at, c.seen[a].at), bytes.Compare(a[:], b[:]))
	})
}

const entrySize = len(key{}) + len(state{}) + 4

// MarshalText writes the cursor as one line.
func (c Cursor) MarshalText() ([]byte, error) {
	keys := c.latest()
	keys = keys[:min(len(keys), MaxCursorRecords)]
	packed := make([]byte, 0, len(keys)*entrySize)
	for _, k := range keys {
		s := c.seen[k]
		packed = append(append(packed, k[:]...), s.state[:]...)
		packed = binary.BigEndian.AppendUint32(packed, s.at)
	}
	feed, next := "-", "-"
	if c.feed != "" {
		feed = string(c.feed)
	}
	if !c.next.IsZero() {
		next = c.next.UTC().Format(time.RFC3339)
	}
	text := fmt.Appendf(nil, "%s %s %s %d ", cursorVersion, feed, next, len(keys))
	return base64.RawURLEncoding.AppendEncode(text, packed), nil
}

// UnmarshalText reads what [Cursor.MarshalText] has written. A text that it refuses changes nothing.
func (c *Cursor) UnmarshalText(text []byte) error {
	read, err := readCursor(text)
	if err != nil {
		return fmt.Errorf("proofpoint: cursor: %w", err)
	}
	*c = read
	return nil
}

func readCursor(text []byte) (Cursor, error) {
	if len(text) > longestCursor {
		return Cursor{}, errors.New("the text is too long")
	}
	words := strings.Split(string(text), " ")
	if words[0] != cursorVersion {
		return Cursor{}, fmt.Errorf("the text does not begin with %s", cursorVersion)
	}
	if len(words) != 5 {
		return Cursor{}, errors.New("the text is cut off, or has more in it than a cursor")
	}
	var c Cursor
	if words[1] != "-" {
		c.feed = Feed(words[1])
		if c.feed.Categories() == nil {
			return Cursor{}, errors.New("the text has an unknown feed")
		}
	}
	if words[2] != "-" {
		at, err := time.Parse("2006-01-02T15:04:05Z", words[2])
		if err != nil || at.IsZero() {
			return Cursor{}, errors.New("the text has something else where a time belongs")
		}
		c.next = at
	}
	count, err := strconv.Atoi(words[3])
	if err != nil || count < 0 || count > MaxCursorRecords {
		return Cursor{}, errors.New("the text has something else where the number of records belongs")
	}
	packed, err := base64.RawURLEncoding.Strict().DecodeString(words[4])
	if err != nil || len(packed) != count*entrySize {
		return Cursor{}, errors.New("the records are cut off or damaged")
	}
	for ; len(packed) > 0; packed = packed[entrySize:] {
		if c.seen == nil {
			c.seen = make(map[key]sighting, count)
		}
		c.seen[key(packed[:12])] = sighting{state: state(packed[12:16]), at: binary.BigEndian.Uint32(packed[16:entrySize])}
	}
	if len(c.seen) != count {
		return Cursor{}, errors.New("a record is in the text twice")
	}
	return c, nil
}

func keyOf(identity string) key {
	digest := sha256.Sum256([]byte(identity))
	return key(digest[:len(key{})])
}

// stateOf is a digest of what may change in a record: its threats, their statuses and when they got them, and the campaigns that they
// are attributed to. The order of the threats means nothing.
func stateOf(r Record) state {
	var parts []string
	add := func(id ThreatID, status ThreatStatus, at time.Time, campaign string) {
		parts = append(parts, fmt.Sprintf("%q %q %s %q", id, strings.ToLower(string(status)), at.Format(time.RFC3339Nano), campaign))
	}
	switch {
	case r.Message != nil:
		for _, t := range r.Message.Threats {
			add(t.ID, t.Status, t.Time, t.CampaignID)
		}
	case r.Click != nil:
		add(r.Click.ThreatID, r.Click.ThreatStatus, r.Click.ThreatTime, string(r.Click.CampaignID))
	}
	slices.Sort(parts)
	digest := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return state(digest[:len(state{})])
}
