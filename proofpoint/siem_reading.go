package proofpoint

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// errStopped means that the caller's loop has ended. It never leaves the package.
var errStopped = errors.New("stopped")

// reading turns the body of one answer into records.
type reading struct {
	op          string
	status      int
	withhold    func([]byte) []byte // takes credentials out of a text
	want        []Category
	relevant    func(Category, []byte) bool
	onMalformed func(Malformed)
	onEnd       func(time.Time)
	yield       func(Record, error) bool

	records   int
	malformed MalformedError
}

// run hands out every record. What it returns belongs behind the last of them.
func (r *reading) run(body io.Reader) error {
	head := bufio.NewReaderSize(body, 64<<10)
	if err := r.expectObject(head); err != nil {
		return err
	}
	a := newAnswer(head)
	err := a.read(r.want, r.record)
	switch {
	case errors.Is(err, errStopped):
		return err
	case err == nil && a.complaint != "":
		err = r.apiError([]byte(a.complaint))
	case a.complaint != "":
		err = errors.Join(r.apiError([]byte(a.complaint)), r.incomplete(err))
	case errors.Is(err, errNoArray) && a.remark != "":
		err = r.apiError([]byte(a.remark))
	case err != nil:
		err = r.incomplete(err)
	default:
		r.tellEnd(a.end)
	}
	if r.malformed.Total == 0 {
		return err
	}
	r.malformed.Op = r.op
	if err == nil {
		return &r.malformed
	}
	return errors.Join(&r.malformed, err)
}

// tellEnd tells the caller up to when the answer goes, if it says so.
func (r *reading) tellEnd(said string) {
	if r.onEnd == nil {
		return
	}
	if end, ok := parseTime(said); ok && !end.IsZero() {
		r.onEnd(end)
	}
}

// record decodes one record from bytes that are valid only during the call.
func (r *reading) record(c Category, raw []byte) error {
	r.records++
	if r.relevant != nil && !r.relevant(c, raw) {
		return nil
	}
	record, err := decodeRecord(c, raw)
	if err != nil {
		bad := Malformed{Category: c, Raw: bytes.Clone(raw), Err: err}
		if r.onMalformed != nil {
			r.onMalformed(bad)
		} else {
			r.malformed.add(bad)
		}
		return nil
	}
	if !r.yield(record, nil) {
		return errStopped
	}
	return nil
}

// expectObject looks at the first byte. Something else than an object is not an answer of the service that was cut, but a word
// of something else, such as the page of a proxy.
func (r *reading) expectObject(head *bufio.Reader) error {
	for {
		b, err := head.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return r.incomplete(io.ErrUnexpectedEOF)
		case err != nil:
			return r.incomplete(err)
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		}
		if err := head.UnreadByte(); err != nil {
			return r.incomplete(err)
		}
		if b == '{' {
			return nil
		}
		const enough = 64 << 10 // as much as is kept of any answer without success
		var said bytes.Buffer
		_, _ = io.CopyN(&said, head, enough) // a part of it is better than none
		return r.apiError(said.Bytes())
	}
}

func (r *reading) apiError(body []byte) error {
	return newAPIError(rest.Answer{Op: r.op, Status: r.status, Body: r.withhold(body), Attempts: 1})
}

func (r *reading) incomplete(err error) error {
	return &IncompleteError{Op: r.op, Records: r.records, Err: err}
}
