package sqldedupe

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/pphunt/pphunt/dedupe"
)

// Unfinished implements [dedupe.Store]. All records are of the same moment: they are the answer to one statement.
func (s *Store) Unfinished(ctx context.Context, prefix dedupe.Key) ([]dedupe.Record, error) {
	records, err := s.unfinished(ctx, prefix)
	if err != nil {
		return nil, s.fail(ctx, "unfinished", err)
	}
	return records, nil
}

func (s *Store) unfinished(ctx context.Context, prefix dedupe.Key) (records []dedupe.Record, err error) {
	from, below := span(string(prefix))
	rows, err := s.stmts.list.QueryContext(ctx, from, below)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		rec, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if dedupe.Outstanding(rec, prefix) { // the range may be wider than the prefix
			records = append(records, rec)
		}
	}
	return records, rows.Err()
}

// span is the half-open range of the keys that begin with prefix, or a wider one where the prefix ends in what no database takes
// for text: half a character, say. Both ends are text themselves. The order of UTF-8 is that of its code points, so the first
// key behind the range is the prefix with its last character replaced by the next.
func span(prefix string) (from, below string) {
	from = prefix[:text(prefix)]
	for head := from; head != ""; {
		last, size := utf8.DecodeLastRuneInString(head)
		head = head[:len(head)-size]
		if last < utf8.MaxRune {
			return from, head + string(next(last))
		}
	}
	return from, strings.Repeat(string(utf8.MaxRune), dedupe.MaxKey/utf8.UTFMax+1) // longer than the greatest key of all
}

// text is how many bytes at the beginning of s are UTF-8 without a zero byte.
func text(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == 0 || r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return len(s)
}

// next is the character behind r. The halves of surrogate pairs are none.
func next(r rune) rune {
	if r == 0xD7FF {
		return 0xE000
	}
	return r + 1
}
