package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// Summary is what [Verify] has seen. With an error it is about what comes before the break.
type Summary struct {
	// Entries are all of them, those of torn lines included.
	Entries uint64
	// Decisions counts the entries with a status, by the status.
	Decisions map[hunt.Status]int
	// Torn counts the writes that did not come to their end, and TornBytes what was left of them.
	Torn      int
	TornBytes int64
	// First and Last are the times of the first entry and of the last one.
	First, Last time.Time
	// Head is the last entry. Whoever keeps it can give it to the next Verify.
	Head Head
}

// Records yields the entries of a log while it checks them, and at most one error, last: a [*BreakError], or that of r. It reads on
// behind a break to tell a line in the wrong place from one that is gone, and holds one line at a time.
func Records(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var c chain
		err := read(r, &c, func(rec Record) bool { return yield(rec, nil) })
		if err == nil && c.torn != nil {
			err = c.cut()
		}
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// read takes a log from where c is to its end, or until take says no.
func read(r io.Reader, c *chain, take func(Record) bool) error {
	lines := bufio.NewReaderSize(r, MaxLine)
	for {
		raw, err := lines.ReadSlice('\n')
		if len(raw) > 0 && errors.Is(err, bufio.ErrBufferFull) {
			return c.broken(KindForeign, fmt.Sprintf("the line is longer than %d bytes", MaxLine))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("audit: %w", err)
		}
		if len(raw) > 0 {
			rec, broken := c.next(raw)
			if broken != nil {
				return elsewhere(lines, broken)
			}
			if rec != nil && !take(*rec) {
				return nil
			}
		}
		if err == nil {
			continue
		}
		return nil
	}
}

// elsewhere looks for an entry that is missing behind the place where it should be.
func elsewhere(lines *bufio.Reader, err error) error {
	broken, ok := errors.AsType[*BreakError](err)
	if !ok || broken.Kind != KindMissing {
		return err
	}
	for {
		raw, end := lines.ReadSlice('\n')
		if len(raw) > 0 && raw[len(raw)-1] == '\n' {
			if r, kind := parse(raw[:len(raw)-1]); kind == "" && r.Seq == broken.Seq {
				moved := *broken
				moved.Kind = KindOrder
				moved.Detail += ", which comes later"
				return &moved
			}
		}
		if end != nil && !errors.Is(end, bufio.ErrBufferFull) {
			return err
		}
	}
}

// Verify reads a log from its beginning to its end and says where its chain breaks: a [*BreakError], or the error of r. A chain does
// not show that lines are gone from its end, so heads that were noted elsewhere can be given: each must be on the chain.
func Verify(r io.Reader, noted ...Head) (Summary, error) {
	s := Summary{Decisions: make(map[hunt.Status]int)}
	want := make(map[uint64]hunt.SHA256, len(noted))
	for _, h := range noted {
		if other, ok := want[h.Seq]; ok && other != h.Hash {
			return s, fmt.Errorf("audit: two heads were noted for entry %d, of which one is wrong", h.Seq)
		}
		want[h.Seq] = h.Hash
	}
	var broken error
	var c chain
	err := read(r, &c, func(rec Record) bool {
		if hash, ok := want[rec.Seq]; ok && hash != rec.Hash {
			broken = &BreakError{
				Line: c.lines, Offset: c.begin, Seq: rec.Seq, Kind: KindReplaced, Detail: fmt.Sprintf("entry %d is not the one that was noted", rec.Seq),
			}
			return false
		}
		s.add(rec)
		return true
	})
	switch {
	case broken != nil:
		return s, broken
	case err != nil:
		return s, err
	case c.torn != nil:
		return s, c.cut()
	}
	for seq, hash := range want {
		if seq > s.Head.Seq || seq == 0 && hash != (hunt.SHA256{}) {
			return s, c.broken(KindMissing, fmt.Sprintf("the log ends with entry %d, and entry %d was noted", s.Head.Seq, seq))
		}
	}
	return s, nil
}

func (s *Summary) add(r Record) {
	if s.Entries == 0 {
		s.First = r.Time
	}
	s.Entries++
	s.Last = r.Time
	s.Head = Head{r.Seq, r.Hash}
	if r.Status != "" {
		s.Decisions[r.Status]++
	}
	if r.Torn != nil {
		s.Torn++
		s.TornBytes += r.Torn.Bytes
	}
}

// VerifyFile verifies the log at path as it is now. Others may append to it meanwhile.
func VerifyFile(ctx context.Context, path string, noted ...Head) (Summary, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return Summary{}, fmt.Errorf("audit: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was read
	size, err := settled(ctx, f)
	if err != nil {
		return Summary{}, fmt.Errorf("audit: %s: %w", path, err)
	}
	return Verify(io.LimitReader(f, size), noted...)
}

// settled is the size of a log while nobody writes to it.
func settled(ctx context.Context, f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, ErrNotLog
	}
	if err := lock(ctx, f, true); err != nil {
		return 0, err
	}
	info, err = f.Stat()
	if unlocked := unlock(f); err == nil {
		err = unlocked
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
