package proofpoint

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/pphunt/pphunt/internal/rest"
)

// errStopped means that the caller's loop has ended. It never leaves the package.
var errStopped = errors.New("stopped")

// feed turns the body of one answer into messages.
type feed struct {
	op          string
	status      int
	withhold    func([]byte) []byte // takes credentials out of a text
	want        []Category
	onMalformed func(Malformed)
	yield       func(Message, error) bool

	records   int
	malformed MalformedError
}

// run hands out every message. What it returns belongs behind the last of them.
func (f *feed) run(body io.Reader) error {
	head := bufio.NewReader(body)
	if err := f.expectObject(head); err != nil {
		return err
	}
	a := newAnswer(head)
	err := a.read(f.want, f.record)
	switch {
	case errors.Is(err, errStopped):
		return err
	case err == nil && a.complaint != "":
		err = f.apiError([]byte(a.complaint))
	case a.complaint != "":
		err = errors.Join(f.apiError([]byte(a.complaint)), f.incomplete(err))
	case errors.Is(err, errNoArray) && a.remark != "":
		err = f.apiError([]byte(a.remark))
	case err != nil:
		err = f.incomplete(err)
	}
	if f.malformed.Total == 0 {
		return err
	}
	f.malformed.Op = f.op
	if err == nil {
		return &f.malformed
	}
	return errors.Join(&f.malformed, err)
}

// record decodes one record from bytes that are valid only during the call.
func (f *feed) record(c Category, raw []byte) error {
	f.records++
	m := Message{Category: c}
	if err := unmarshalRecord(raw, &m); err != nil {
		bad := Malformed{Category: c, Raw: bytes.Clone(raw), Err: err}
		if f.onMalformed != nil {
			f.onMalformed(bad)
		} else {
			f.malformed.add(bad)
		}
		return nil
	}
	if !f.yield(m, nil) {
		return errStopped
	}
	return nil
}

// expectObject looks at the first byte. Something else than an object is not an answer of the service that was cut, but a word
// of something else, such as the page of a proxy.
func (f *feed) expectObject(head *bufio.Reader) error {
	for {
		b, err := head.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return f.incomplete(io.ErrUnexpectedEOF)
		case err != nil:
			return f.incomplete(err)
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		}
		if err := head.UnreadByte(); err != nil {
			return f.incomplete(err)
		}
		if b == '{' {
			return nil
		}
		const enough = 64 << 10 // as much as is kept of any answer without success
		var said bytes.Buffer
		_, _ = io.CopyN(&said, head, enough) // a part of it is better than none
		return f.apiError(said.Bytes())
	}
}

func (f *feed) apiError(body []byte) error {
	return newAPIError(rest.Answer{Op: f.op, Status: f.status, Body: f.withhold(body), Attempts: 1})
}

func (f *feed) incomplete(err error) error {
	return &IncompleteError{Op: f.op, Records: f.records, Err: err}
}
