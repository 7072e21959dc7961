package proofpoint

import (
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The readers of this package take the next value of a decoder into a plain Go value. There are two kinds. Those named must…
// are for what identifies a record or decides about it: they refuse a value of a shape that nobody has described. The others are
// for what only informs: they leave dst alone when they cannot read the value. Both take null for absent, and both consume the
// value.

// mustText reads a text.
func mustText[T ~string](dec *jsontext.Decoder, dst *T) error {
	kind := dec.PeekKind()
	switch kind {
	case jsontext.KindNull, jsontext.KindString, jsontext.KindInvalid:
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if kind == jsontext.KindString {
			set(dst, tok.String())
		}
		return nil
	default:
		return refuse(dec, "a text", kind)
	}
}

// text reads any scalar as a text.
func text[T ~string](dec *jsontext.Decoder, dst *T) error {
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindNull, jsontext.KindBeginObject, jsontext.KindBeginArray:
		return dec.SkipValue()
	default:
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		set(dst, tok.String())
		return nil
	}
}

// set leaves dst alone when there is nothing to say, so that an empty member does not wipe out its other spelling.
func set[T ~string](dst *T, s string) {
	if s != "" {
		*dst = T(s)
	}
}

// alias reads a text under its second spelling, which never takes the place of the first.
func alias[T ~string](read func(*jsontext.Decoder, *T) error, dec *jsontext.Decoder, dst *T) error {
	var second T
	if err := read(dec, &second); err != nil {
		return err
	}
	if *dst == "" {
		*dst = second
	}
	return nil
}

// mustTexts reads a list of texts, or a single one.
func mustTexts(dec *jsontext.Decoder, dst *[]string) error {
	if kind := dec.PeekKind(); kind != jsontext.KindBeginArray {
		var single string
		if err := mustText(dec, &single); err != nil {
			return err
		}
		if single != "" {
			*dst = []string{single}
		}
		return nil
	}
	return elements(dec, func() error {
		var s string
		if err := mustText(dec, &s); err != nil {
			return err
		}
		if s != "" {
			*dst = append(*dst, s)
		}
		return nil
	})
}

// texts reads a list of texts, or a single one.
func texts(dec *jsontext.Decoder, dst *[]string) error {
	add := func() error {
		var s string
		if err := text(dec, &s); err != nil {
			return err
		}
		if s != "" {
			*dst = append(*dst, s)
		}
		return nil
	}
	if dec.PeekKind() != jsontext.KindBeginArray {
		return add()
	}
	return elements(dec, add)
}

// float reads a number, or a text that is one.
func float(dec *jsontext.Decoder, dst *float64) error {
	var s string
	if err := text(dec, &s); err != nil {
		return err
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		*dst = f
	}
	return nil
}

// integer reads a number, or a text that is one. A fraction is cut.
func integer[T ~int | ~int64](dec *jsontext.Decoder, dst *T) error {
	const most = 1 << 53 // the largest up to which a float64 is exact
	var f float64
	if err := float(dec, &f); err != nil {
		return err
	}
	if math.Abs(f) <= most {
		*dst = T(f)
	}
	return nil
}

// boolean reads a boolean, a text that is one, or a number of which only 0 is false.
func boolean(dec *jsontext.Decoder, dst *bool) error {
	var s string
	if err := text(dec, &s); err != nil {
		return err
	}
	if b, err := strconv.ParseBool(s); err == nil {
		*dst = b
	} else if f, err := strconv.ParseFloat(s, 64); err == nil {
		*dst = f != 0
	}
	return nil
}

// mustTime reads an instant. An empty text is the zero time.
func mustTime(dec *jsontext.Decoder, dst *time.Time) error {
	var s string
	if err := mustText(dec, &s); err != nil {
		return err
	}
	t, ok := parseTime(s)
	if !ok {
		return misplaced(dec, "a time", jsontext.KindString)
	}
	*dst = t
	return nil
}

// parseTime reads ISO 8601 with seconds, with or without a fraction. The service writes Z; an offset of either form is
// understood, and a time without one is UTC, as all times here are.
func parseTime(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
