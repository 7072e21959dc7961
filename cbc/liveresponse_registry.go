package cbc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// RegistryType is the type of a registry value, in the words of Windows. The set is open.
type RegistryType string

// The types that the vendor documents.
const (
	RegistrySZ       RegistryType = "REG_SZ"
	RegistryExpandSZ RegistryType = "REG_EXPAND_SZ"
	RegistryMultiSZ  RegistryType = "REG_MULTI_SZ"
	RegistryDWORD    RegistryType = "REG_DWORD"
	RegistryQWORD    RegistryType = "REG_QWORD"
	RegistryBinary   RegistryType = "REG_BINARY"
)

// RegistryValue is a value of a registry key.
type RegistryValue struct {
	// Name is its name; empty for the key's default value.
	Name string
	// Type says which of the other fields counts.
	Type RegistryType
	// Text is the data as the vendor writes it, whatever the type. How it writes REG_BINARY is not documented.
	Text string
	// Number is the data of a REG_DWORD or REG_QWORD.
	Number uint64
	// Items is the data of a REG_MULTI_SZ. The vendor joins the items with commas, so that one with a comma in it comes as two.
	Items []string
}

// RegistryKey is what is directly under a key.
type RegistryKey struct {
	// Keys are the names of the keys under it.
	Keys []string
	// Values are its values.
	Values []RegistryValue
}

// wireValue is a registry value under its names in live data, and under those of the vendor's documentation and the older API.
type wireValue struct {
	Name    string         `json:"registry_name"`
	OldName string         `json:"value_name"`
	Type    string         `json:"registry_type"`
	OldType string         `json:"value_type"`
	Data    jsontext.Value `json:"registry_data"`
	OldData jsontext.Value `json:"value_data"`
}

// value is the value; its error says what cannot be read by its type.
func (w wireValue) value() (RegistryValue, error) {
	kind := strings.ToUpper(strings.TrimPrefix(either(w.Type, w.OldType), "pb"))
	v := RegistryValue{Name: either(w.Name, w.OldName), Type: RegistryType(kind)}
	data := w.Data
	if len(data) == 0 || data.Kind() == 'n' {
		data = w.OldData
	}
	if v.Type == RegistryMultiSZ {
		v.Items = multi(data)
		v.Text = strings.Join(v.Items, ",")
		return v, nil
	}
	v.Text, _ = scalar(data)
	switch v.Type {
	case "":
		return v, fmt.Errorf("the value %q has no type", printable(v.Name))
	case RegistryDWORD, RegistryQWORD:
		number, ok := registryNumber(v.Text, v.Type)
		if !ok {
			return v, fmt.Errorf("the value %q is no %s: %q", printable(v.Name), v.Type, printable(v.Text))
		}
		v.Number = number
	default: // a text, or a type that is not known
	}
	return v, nil
}

// multi are the items of a list, or of a text that joins them.
func multi(data jsontext.Value) []string {
	if data.Kind() == '[' {
		var all []string
		for _, item := range items(data) {
			if text, ok := scalar(item); ok {
				all = append(all, text)
			}
		}
		return all
	}
	text, _ := scalar(data)
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// registryNumber reads a number, also one that is written as a signed one or, with 0x before it, in hexadecimal.
func registryNumber(text string, kind RegistryType) (uint64, bool) {
	text = strings.TrimSpace(text)
	bits := 64
	if kind == RegistryDWORD {
		bits = 32
	}
	digits, base := text, 10
	if len(text) > 2 && text[0] == '0' && text[1]|0x20 == 'x' {
		digits, base = text[2:], 16
	}
	if n, err := strconv.ParseUint(digits, base, bits); err == nil {
		return n, true
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return 0, false
	}
	if bits == 32 {
		return uint64(n) & math.MaxUint32, true //nolint:gosec // what makes the signed form unsigned
	}
	return uint64(n), true //nolint:gosec // as above
}

// EnumRegistryKey lists what is directly under a key, such as `HKLM\SOFTWARE\Microsoft`. A key that does not exist is a
// [*CommandError] with [ErrRegistryNotFound]. Values that cannot be read by their type are left out, and the error names them; the
// others are returned with it. It needs org.liveresponse.registry (READ) and org.liveresponse.session (READ).
func (s *Session) EnumRegistryKey(ctx context.Context, key string) (RegistryKey, error) {
	const op = "live_response.enum_registry_key"
	last, err := s.registry(ctx, order{op: op, repeatable: true, body: orderBody{Name: commandEnumKey, Path: key}})
	if err != nil {
		return RegistryKey{}, err
	}
	return last.key(op)
}

func (w wireCommand) key(op string) (RegistryKey, error) {
	found := RegistryKey{Keys: w.SubKeys}
	var unread []error
	for _, wire := range w.Values {
		v, err := wire.value()
		if err != nil {
			unread = append(unread, answerError(op, http.StatusOK, nil, err))
			continue
		}
		found.Values = append(found.Values, v)
	}
	return found, errors.Join(unread...)
}

// QueryRegistryValue reads one value of a key; the name of the default value is empty. What does not exist is a [*CommandError] with
// [ErrRegistryNotFound]. It needs org.liveresponse.registry (READ) and org.liveresponse.session (READ).
func (s *Session) QueryRegistryValue(ctx context.Context, key, name string) (RegistryValue, error) {
	const op = "live_response.query_registry_value"
	last, err := s.registry(ctx, order{op: op, repeatable: true, body: orderBody{Name: commandQueryValue, Path: valuePath(key, name)}})
	if err != nil {
		return RegistryValue{}, err
	}
	v, err := last.Value.is.value()
	if err != nil {
		return RegistryValue{}, answerError(op, http.StatusOK, nil, err)
	}
	return v, nil
}

// CreateRegistryKey makes a key under one that exists. Making one that is there already changes nothing. It is never repeated by
// itself. It needs org.liveresponse.registry (CREATE, READ) and org.liveresponse.session (READ).
func (s *Session) CreateRegistryKey(ctx context.Context, key string) error {
	_, err := s.registry(ctx, order{op: "live_response.create_registry_key", body: orderBody{Name: commandCreateKey, Path: key}})
	return err
}

// RegistryData is what is written to a value: its type and its data. Make one with [RegistryText], [RegistryExpand],
// [RegistryNumber], [RegistryLong], [RegistryList] or [RegistryRaw].
type RegistryData struct {
	kind RegistryType
	data any
}

// RegistryText is the data of a REG_SZ.
func RegistryText(s string) RegistryData { return RegistryData{RegistrySZ, s} }

// RegistryExpand is the data of a REG_EXPAND_SZ: a text with variables of the environment, such as %SystemRoot%.
func RegistryExpand(s string) RegistryData { return RegistryData{RegistryExpandSZ, s} }

// RegistryNumber is the data of a REG_DWORD.
func RegistryNumber(n uint32) RegistryData { return RegistryData{RegistryDWORD, n} }

// RegistryLong is the data of a REG_QWORD.
func RegistryLong(n uint64) RegistryData { return RegistryData{RegistryQWORD, n} }

// RegistryList is the data of a REG_MULTI_SZ.
func RegistryList(items ...string) RegistryData {
	return RegistryData{RegistryMultiSZ, append([]string{}, items...)}
}

// RegistryRaw is the data of another type as the vendor takes it, such as the text of a REG_BINARY, whose form is not documented.
func RegistryRaw(kind RegistryType, text string) RegistryData { return RegistryData{kind, text} }

// SetRegistryValue writes a value, and replaces the one that is there; the name of the default value is empty. A key that does not
// exist is a [*CommandError] with [ErrRegistryNotFound]. It is never repeated by itself. It needs org.liveresponse.registry
// (UPDATE, READ) and org.liveresponse.session (READ).
func (s *Session) SetRegistryValue(ctx context.Context, key, name string, data RegistryData) error {
	return s.setValue(ctx, "live_response.set_registry_value", key, name, data, true)
}

// AddRegistryValue is [Session.SetRegistryValue] for a value that is not there yet; one that is there is left as it is.
func (s *Session) AddRegistryValue(ctx context.Context, key, name string, data RegistryData) error {
	return s.setValue(ctx, "live_response.add_registry_value", key, name, data, false)
}

func (s *Session) setValue(ctx context.Context, op, key, name string, data RegistryData, overwrite bool) error {
	if data.kind == "" {
		return fmt.Errorf("cbc: %s: there is no data to write", op)
	}
	_, err := s.registry(ctx, order{op: op, body: orderBody{
		Name: commandSetValue, Path: valuePath(key, name), ValueType: data.kind, ValueData: data.data, Overwrite: &overwrite,
	}})
	return err
}

// DeleteRegistryKey deletes a key that has no keys under it. What does not exist is a [*CommandError] with [ErrRegistryNotFound].
// It is never repeated by itself. It needs org.liveresponse.registry (DELETE, READ) and org.liveresponse.session (READ).
func (s *Session) DeleteRegistryKey(ctx context.Context, key string) error {
	_, err := s.registry(ctx, order{op: "live_response.delete_registry_key", body: orderBody{Name: commandDeleteKey, Path: key}})
	return err
}

// DeleteRegistryValue deletes a value of a key; the name of the default value is empty. What does not exist is a [*CommandError] with
// [ErrRegistryNotFound]. It is never repeated by itself. It needs org.liveresponse.registry (DELETE, READ) and
// org.liveresponse.session (READ).
func (s *Session) DeleteRegistryValue(ctx context.Context, key, name string) error {
	_, err := s.registry(ctx, order{op: "live_response.delete_registry_value", body: orderBody{Name: commandDeleteValue, Path: valuePath(key, name)}})
	return err
}

// valuePath is the vendor's name of a value: its key's, a backslash, its own.
func valuePath(key, name string) string {
	if strings.Trim(key, `\ `) == "" {
		return ""
	}
	return strings.TrimRight(key, `\`) + `\` + name
}

// registry gives one of the commands of the registry, which only Windows has.
func (s *Session) registry(ctx context.Context, o order) (wireCommand, error) {
	if strings.TrimSpace(o.body.Path) == "" {
		return wireCommand{}, fmt.Errorf("cbc: %s: the key is empty", o.op)
	}
	if strings.ContainsRune(o.body.Path, 0) {
		return wireCommand{}, fmt.Errorf("cbc: %s: the path has a zero byte", o.op)
	}
	o.limit = s.opts.CommandTimeout
	last, err := s.run(ctx, o)
	return last, err
}
