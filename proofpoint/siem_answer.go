package proofpoint

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// errNoArray means that the answer does not have what was asked for: it is not empty, it is no answer.
var errNoArray = errors.New("it has no list")

// errTooLarge means that a single record, or another single value, is beyond all reason.
var errTooLarge = fmt.Errorf("a single value has more than %d bytes", largestValue)

// largestValue bounds the memory for one record, in bytes. Records have two or three thousand. Lists of records have no bound.
const largestValue = 8 << 20

// answer reads the object that every feed answers with, without ever holding more than one record of it.
type answer struct {
	dec *jsontext.Decoder
	src *leash
	// complaint is the member error of the answer, if it says anything, and remark the member message.
	complaint, remark string
	// end is the member queryEndTime.
	end string
}

func newAnswer(body io.Reader) *answer {
	src := &leash{body: body}
	// A name twice in a record is wrong with that record alone, which decodeRecord finds.
	return &answer{dec: jsontext.NewDecoder(src, decoderOptions(), jsontext.AllowDuplicateNames(true)), src: src}
}

// read calls record for each element of the wanted lists. It returns nil only for a whole answer: each of the lists was there
// and ended, the object ended, and so did the body. An error of record ends reading and is returned as it is.
func (a *answer) read(want []Category, record func(Category, []byte) error) error {
	seen := make([]Category, 0, len(want))
	if _, err := a.token(); err != nil {
		return err
	}
	for {
		name, err := a.token()
		if err != nil {
			return err
		}
		if name.Kind() == jsontext.KindEndObject {
			break
		}
		switch member := name.String(); {
		case slices.Contains(seen, Category(member)):
			return fmt.Errorf("it has the list %s twice", member)
		case slices.Contains(want, Category(member)):
			if err := a.list(Category(member), record); err != nil {
				return err
			}
			seen = append(seen, Category(member))
		case member == "error":
			err = a.say(&a.complaint)
		case member == "message":
			err = a.say(&a.remark)
		case member == "queryEndTime":
			err = a.say(&a.end)
		default:
			err = a.skip()
		}
		if err != nil {
			return err
		}
	}
	a.src.extend(a.dec)
	if err := atEnd(a.dec); err != nil {
		return err
	}
	if a.complaint != "" {
		return nil // it says itself what is wrong with it
	}
	for _, c := range want {
		if !slices.Contains(seen, c) {
			return fmt.Errorf("%w %s", errNoArray, c)
		}
	}
	return nil
}

// list reads one list of records. Anything but a list, null too, does not say that there is nothing.
func (a *answer) list(c Category, record func(Category, []byte) error) error {
	a.src.extend(a.dec)
	if kind := a.dec.PeekKind(); kind != jsontext.KindBeginArray && kind != jsontext.KindInvalid {
		return fmt.Errorf("%w %s, but %s in its place", errNoArray, c, kindName(kind))
	}
	if _, err := a.token(); err != nil {
		return err
	}
	for {
		a.src.extend(a.dec)
		if a.dec.PeekKind() == jsontext.KindEndArray {
			_, err := a.token()
			return err
		}
		raw, err := a.dec.ReadValue()
		if err != nil {
			return cut(err)
		}
		if err := record(c, raw); err != nil {
			return err
		}
	}
}

// say keeps what a member says: a text, or the JSON of anything but null and false.
func (a *answer) say(dst *string) error {
	a.src.extend(a.dec)
	raw, err := a.dec.ReadValue()
	if err != nil {
		return cut(err)
	}
	switch raw.Kind() {
	case jsontext.KindNull, jsontext.KindFalse:
	case jsontext.KindString:
		text, _ := jsontext.AppendUnquote(nil, raw) // invalid UTF-8 is replaced, which is good enough for a message
		*dst = string(text)
	default:
		*dst = string(raw)
	}
	return nil
}

// skip passes over a member that nobody asked for, token by token: it may be a list of any length.
func (a *answer) skip() error {
	depth := a.dec.StackDepth()
	for {
		if _, err := a.token(); err != nil {
			return err
		}
		if a.dec.StackDepth() <= depth {
			return nil
		}
	}
}

func (a *answer) token() (jsontext.Token, error) {
	a.src.extend(a.dec)
	tok, err := a.dec.ReadToken()
	return tok, cut(err)
}

// cut makes the end of the body within the answer what it is.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// leash lets a decoder read ahead of what it has handed out by a bounded number of bytes.
type leash struct {
	body       io.Reader
	read, most int64
}

// extend counts from what the decoder has handed out by now.
func (l *leash) extend(dec *jsontext.Decoder) { l.most = dec.InputOffset() + largestValue }

// Read fails when a single value is too large.
func (l *leash) Read(p []byte) (int, error) {
	if l.read >= l.most {
		return 0, errTooLarge
	}
	if left := l.most - l.read; int64(len(p)) > left {
		p = p[:left]
	}
	n, err := l.body.Read(p)
	l.read += int64(n)
	return n, err
}
