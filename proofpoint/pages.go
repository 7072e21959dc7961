package proofpoint

import (
	"bytes"
	"errors"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// rows is one page of a list, or all of it.
type rows[T any] struct {
	good []T
	bad  []Malformed
	// total is how many rows all pages have, zero if the answer does not say.
	total int
}

// read reads a list of objects one by one, so that one that cannot be read costs only itself. Anything but a list, null too, does
// not say that there is nothing.
func (r *rows[T]) read(dec *jsontext.Decoder, row func(*jsontext.Decoder, *T) error) error {
	if kind := dec.PeekKind(); kind != jsontext.KindBeginArray && kind != jsontext.KindInvalid {
		return refuse(dec, "a list", kind)
	}
	return elements(dec, func() error {
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		var v T
		if wrong := readWhole(raw, func(dec *jsontext.Decoder) error { return row(dec, &v) }); wrong != nil {
			r.bad = append(r.bad, Malformed{Raw: bytes.Clone(raw), Err: wrong})
		} else {
			r.good = append(r.good, v)
		}
		return nil
	})
}

// answer reads an object that has the list as one of its members; beside reads the others.
func (r *rows[T]) answer(data []byte, list string, row func(*jsontext.Decoder, *T) error, beside func(*jsontext.Decoder, []byte) error) error {
	found := false
	err := readWhole(data, func(dec *jsontext.Decoder) error {
		return members(dec, func(name []byte) error {
			if string(name) != list {
				return beside(dec, name)
			}
			found = true
			return r.read(dec, row)
		})
	})
	if err == nil && !found {
		err = errors.New("it has no list " + list)
	}
	return err
}

// malformed is the error of the rows that could not be read, nil if all could.
func malformed(op string, bad []Malformed) error {
	if len(bad) == 0 {
		return nil
	}
	e := &MalformedError{Op: op}
	for _, m := range bad {
		e.add(m)
	}
	return e
}

// paged yields the rows of all pages. The service says on no page that it is the last, so that is one that is not full. A row that
// was on an earlier page is not yielded again: the list may move between two calls.
func paged[T any](op string, size int, key func(T) string, fetch func(page int) (rows[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		known := make(map[string]bool)
		fresh := func(key string) bool {
			was := known[key]
			known[key] = true
			return !was
		}
		bad, seen := MalformedError{Op: op}, 0
		end := func(err error) {
			switch {
			case bad.Total > 0 && err != nil:
				yield(none, errors.Join(&bad, err))
			case bad.Total > 0:
				yield(none, &bad)
			case err != nil:
				yield(none, err)
			}
		}
		for page := 1; ; page++ {
			r, err := fetch(page)
			if err != nil {
				end(err)
				return
			}
			moved := false
			for _, row := range r.good {
				if !fresh(key(row)) {
					continue
				}
				moved = true
				if !yield(row, nil) {
					return
				}
			}
			for _, m := range r.bad {
				if fresh("malformed " + string(m.Raw)) {
					moved = true
					bad.add(m)
				}
			}
			count := len(r.good) + len(r.bad)
			seen += count
			switch {
			case count == 0 || count < size && seen >= r.total:
				end(nil)
				return
			case !moved:
				end(&IncompleteError{Op: op, Records: seen, Err: errors.New("the same page came twice")})
				return
			}
		}
	}
}
