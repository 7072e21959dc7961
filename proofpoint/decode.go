package proofpoint

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// decoderOptions are strict on structure and names. A sender chooses the bytes of a subject, so their encoding is not checked.
func decoderOptions() jsontext.Options { return jsontext.AllowInvalidUTF8(true) }

// members calls each with the name of every member of the object that comes next. each reads the value, or returns errSkip to
// have it skipped.
func members(dec *jsontext.Decoder, each func(name []byte) error) error {
	if kind := dec.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
		return refuse(dec, "an object", kind)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() == jsontext.KindString {
		quoted, err := dec.ReadValue()
		if err != nil {
			return err
		}
		name := quoted[1 : len(quoted)-1]
		if slices.Contains(name, '\\') {
			if name, err = jsontext.AppendUnquote(nil, quoted); err != nil {
				name = nil // not valid UTF-8, so none of ours
			}
		}
		switch err := each(name); {
		case errors.Is(err, errSkip):
			if err := dec.SkipValue(); err != nil {
				return err
			}
		case err != nil:
			return err
		}
	}
	_, err := dec.ReadToken() // the end of the object, or the error that PeekKind met
	return err
}

// readWhole lets read take the value that raw is, and makes sure that nothing follows it.
func readWhole(raw []byte, read func(*jsontext.Decoder) error) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), decoderOptions())
	if err := read(dec); err != nil {
		return err
	}
	return atEnd(dec)
}

// atEnd makes sure that nothing follows.
func atEnd(dec *jsontext.Decoder) error {
	switch _, err := dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return errors.New("more follows after its end")
}

// errSkip asks members to skip the value: the name is unknown, or its value is not wanted.
var errSkip = errors.New("skip")

// refuse consumes the value and says where it is and what it should have been. It does not quote it: it may be personal.
func refuse(dec *jsontext.Decoder, want string, got jsontext.Kind) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return misplaced(dec, want, got)
}

func misplaced(dec *jsontext.Decoder, want string, got jsontext.Kind) error {
	text := kindName(got) + " where " + want + " belongs"
	if at := dec.StackPointer(); at != "" {
		text += ", at " + string(at)
	}
	return errors.New(text)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a text"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "a list"
	default:
		return "nothing"
	}
}

// elements calls each for every element of the list that comes next; each reads it.
func elements(dec *jsontext.Decoder, each func() error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for {
		switch dec.PeekKind() {
		case jsontext.KindEndArray, jsontext.KindInvalid:
			_, err := dec.ReadToken()
			return err
		default:
			if err := each(); err != nil {
				return err
			}
		}
	}
}

// mustObjects reads a list of objects. Nulls in it are passed over.
func mustObjects[T any](dec *jsontext.Decoder, dst *[]T, read func(*jsontext.Decoder, *T) error) error {
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindNull:
		return dec.SkipValue()
	case jsontext.KindBeginArray, jsontext.KindInvalid:
	default:
		return refuse(dec, "a list", kind)
	}
	return elements(dec, func() error {
		if dec.PeekKind() == jsontext.KindNull {
			return dec.SkipValue()
		}
		var v T
		if err := read(dec, &v); err != nil {
			return err
		}
		*dst = append(*dst, v)
		return nil
	})
}

// objects reads a list of objects and passes over everything else.
func objects[T any](dec *jsontext.Decoder, dst *[]T, read func(*jsontext.Decoder, *T) error) error {
	if dec.PeekKind() != jsontext.KindBeginArray {
		return dec.SkipValue()
	}
	return elements(dec, func() error {
		if dec.PeekKind() != jsontext.KindBeginObject {
			return dec.SkipValue()
		}
		var v T
		if err := read(dec, &v); err != nil {
			return err
		}
		*dst = append(*dst, v)
		return nil
	})
}
