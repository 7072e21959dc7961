package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// window is how much of the end of a log is looked at when it is opened: many entries, and what was torn behind them.
const window = 4 * MaxLine

// tail finds the last entry of a log that has a newline, and checks how it came to it: all of a small log, the last entries of a large
// one. Others may be writing meanwhile: what lies behind may be the beginning of an entry, but nothing else.
func tail(f *os.File) (chain, error) {
	info, err := f.Stat()
	if err != nil {
		return chain{}, err
	}
	if !info.Mode().IsRegular() {
		return chain{}, ErrNotLog
	}
	size := info.Size()
	if err := begins(io.NewSectionReader(f, 0, size)); err != nil {
		return chain{}, err
	}
	from := max(size-window, 0)
	end := make([]byte, size-from)
	if _, err := io.ReadFull(io.NewSectionReader(f, from, size-from), end); err != nil {
		return chain{}, err
	}
	var at chain
	if from > 0 {
		var ok bool
		if at, ok = firstEntry(end, from); !ok {
			return chain{}, fmt.Errorf("%w: there is no entry at its end", ErrNotLog)
		}
	}
	last := at
	err = read(bytes.NewReader(end[at.offset-from:]), &at, func(Record) bool {
		if !at.bare {
			last = at
		}
		return true
	})
	return last, err
}

// begins tells why a file is not the beginning of a log, or nil.
func begins(r io.Reader) error {
	var c chain
	err := read(r, &c, func(Record) bool { return false })
	if _, ok := errors.AsType[*BreakError](err); ok {
		return fmt.Errorf("%w: %w", ErrNotLog, err)
	}
	return err
}

// firstEntry finds the first line of end, which begins at from in the middle of a line, that is an entry by itself.
func firstEntry(end []byte, from int64) (chain, bool) {
	for begin := 0; ; {
		n := bytes.IndexByte(end[begin:], '\n')
		if n < 0 {
			return chain{}, false
		}
		line := end[begin : begin+n]
		begin += n + 1
		if r, kind := parse(line); kind == "" {
			return chain{head: Head{r.Seq, r.Hash}, lines: -1, offset: from + int64(begin)}, true
		}
	}
}
