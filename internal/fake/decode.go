package fake

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// ErrContentType is returned for a body that is not labeled as JSON. Services answer it with 415 or 400.
var ErrContentType = errors.New("the body is not labeled application/json")

// DecodeStrict decodes a JSON body into a pointer. It refuses members that the target does not have (by exact name), members
// given twice, data after the value, and bodies that are labeled as something else; each with an error that names it.
func DecodeStrict(r *http.Request, into any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return fmt.Errorf("%w but %q", ErrContentType, r.Header.Get("Content-Type"))
	}
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(io.LimitReader(r.Body, maxBody)); err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	return UnmarshalStrict(buf.Bytes(), into)
}

// UnmarshalStrict is [DecodeStrict] for a value that was already read.
func UnmarshalStrict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := walk(dec, reflect.TypeOf(into), ""); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is data after the JSON value")
	}
	return json.Unmarshal(data, into)
}

// walk reads one value and compares the names of its members with those of the Go type; nil accepts any name.
func walk(dec *json.Decoder, t reflect.Type, path string) error {
	token, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return errors.New("the body is empty")
	}
	if err != nil {
		return err
	}
	t = plain(t)
	switch token {
	case json.Delim('['):
		var elem reflect.Type
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			elem = t.Elem()
		}
		for i := 0; dec.More(); i++ {
			if err := walk(dec, elem, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			key, _ := name.(string)
			full := strings.TrimPrefix(path+"."+key, ".")
			if seen[key] {
				return fmt.Errorf("member %q is given twice", full)
			}
			seen[key] = true
			member, known := memberType(t, key)
			if !known {
				return fmt.Errorf("member %q is not known", full)
			}
			if err := walk(dec, member, full); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = dec.Token() // the closing bracket
	return err
}

// plain removes pointers, and gives up on types that decode themselves.
func plain(t reflect.Type) reflect.Type {
	for t != nil {
		p := reflect.PointerTo(t)
		if p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return nil
		}
		if t.Kind() != reflect.Pointer {
			return t
		}
		t = t.Elem()
	}
	return nil
}

// memberType is the type of a member with exactly that name.
func memberType(t reflect.Type, name string) (member reflect.Type, known bool) {
	if t == nil {
		return nil, true
	}
	switch t.Kind() {
	case reflect.Map:
		return t.Elem(), true
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || tag == "-" || f.Anonymous && tag == "" {
				continue
			}
			if tag == name || tag == "" && f.Name == name {
				return f.Type, true
			}
		}
		return nil, false
	default:
		return nil, true
	}
}

// Query parses the query of a request. Names that are not in allowed are refused by name, and so are names given several
// times, unless they are allowed with an ellipsis: "threatType...".
func Query(r *http.Request, allowed ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errors.New("the query is malformed")
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case slices.Contains(allowed, name+"..."):
		case !slices.Contains(allowed, name):
			return nil, fmt.Errorf("parameter %q is not known", name)
		case len(values[name]) > 1:
			return nil, fmt.Errorf("parameter %q is given %d times", name, len(values[name]))
		}
	}
	return values, nil
}

// WriteJSON answers with a JSON value.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		http.Error(w, "the fake could not encode its answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes())
}
