package audit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/pphunt/pphunt/hunt"
)

// chain is how far a log was read. Copies of it go on independently while nothing is torn.
type chain struct {
	head   Head
	lines  int   // read so far, below zero if nobody has counted
	begin  int64 // of the line that was read last
	offset int64 // of what comes next
	bare   bool  // the last entry lacks its newline
	torn   *rest
}

// rest is what lies behind the last entry and is not a whole line.
type rest struct {
	line   int
	offset int64
	sum    hash.Hash
	bytes  int64
	ended  bool // by a newline, which is not in sum
}

// next takes one line, with its newline if it has one: only the last one lacks it. It returns nothing for a line that was torn, which
// the next entry has to tell of.
func (c *chain) next(raw []byte) (*Record, error) {
	at := *c
	if c.lines >= 0 {
		c.lines++
	}
	c.begin = c.offset
	c.offset += int64(len(raw))
	text, ended := bytes.CutSuffix(raw, []byte("\n"))
	r, kind := parse(text)
	switch {
	case kind == "":
		if err := at.follows(r); err != nil {
			return nil, err
		}
		c.head, c.bare, c.torn = Head{r.Seq, r.Hash}, !ended, nil
		return &r, nil
	case kind == KindNotJSON && at.tornFrom(text):
		c.tear(&at, text, ended)
		return nil, nil //nolint:nilnil // it is neither an entry nor a break
	case at.torn != nil:
		return nil, at.cut()
	}
	return nil, at.broken(kind, whatIs(kind))
}

func whatIs(kind Kind) string {
	switch kind {
	case KindAltered:
		return "the line is not what its hash was made of"
	case KindForeign:
		return "the line is not one that an audit log has"
	default:
		return "the line is not JSON"
	}
}

// broken is a break at the line that would come next.
func (c *chain) broken(kind Kind, detail string) *BreakError {
	return &BreakError{Line: c.lines + 1, Offset: c.offset, Seq: c.head.Seq + 1, Kind: kind, Detail: detail}
}

// cut is the break at the rest, which nothing tells of.
func (c *chain) cut() *BreakError {
	return &BreakError{
		Line: c.torn.line, Offset: c.torn.offset, Seq: c.head.Seq + 1, Kind: KindCut, Detail: "the line has no end, and no entry tells of it",
	}
}

// follows checks the place of an entry that is whole by itself.
func (c *chain) follows(r Record) error {
	want := c.head.Seq + 1
	switch {
	case c.torn != nil && (r.Torn == nil || r.Event != EventTorn || *r.Torn != c.torn.tells()):
		return c.cut()
	case r.Seq > want:
		return c.broken(KindMissing, fmt.Sprintf("here is entry %d where %d should be", r.Seq, want))
	case r.Seq < want:
		return c.broken(KindOrder, fmt.Sprintf("here is entry %d again, or another one, where %d should be", r.Seq, want))
	case r.Prev != c.head.Hash:
		return c.broken(KindReplaced, fmt.Sprintf("entry %d does not follow from the one before it", want))
	case c.torn == nil && r.Torn != nil:
		return c.broken(KindMissing, fmt.Sprintf("entry %d tells of a torn line, which is gone", want))
	}
	return nil
}

// tornFrom tells whether a line can be what is left of a write: the beginning of the entry that would come next, or of a second try to
// write it, with the zeros behind it that a file system leaves that lost its power. A line with an end is not: it was edited.
func (c *chain) tornFrom(text []byte) bool {
	kept := bytes.TrimRight(text, "\x00")
	if looksWhole(kept) || len(text) == 0 && c.torn == nil {
		return false
	}
	opening := []byte(c.head.opening())
	n := min(len(opening), len(kept))
	return bytes.Equal(opening[:n], kept[:n])
}

// tear adds a line to the rest; at is the chain before it.
func (c *chain) tear(at *chain, text []byte, ended bool) {
	if c.torn == nil {
		c.torn = &rest{line: at.lines + 1, offset: at.offset, sum: sha256.New()}
	}
	t := c.torn
	if t.ended {
		_, _ = t.sum.Write([]byte("\n"))
		t.bytes++
	}
	_, _ = t.sum.Write(text)
	t.bytes += int64(len(text))
	t.ended = ended
}

// tells is what the next entry has to say of the rest.
func (t *rest) tells() Torn { return Torn{Bytes: t.bytes, SHA256: hunt.SHA256(t.sum.Sum(nil))} }
