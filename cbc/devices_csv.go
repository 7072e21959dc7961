package cbc

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// DeviceRow is a line of an export of devices.
type DeviceRow struct {
	// Line is where the row begins in the file, from 1.
	Line int
	// Columns are the names of the columns as the file has them. All rows share the slice.
	Columns []string
	// Values are what stands in the columns. Codes that activate or uninstall a sensor are left out.
	Values []string
}

// Value is what stands in the column of that name; capitals, spaces and underscores do not matter. It is empty if there is no such
// column, too.
func (r DeviceRow) Value(column string) string {
	wanted := plainName(column)
	for i, name := range r.Columns {
		if i < len(r.Values) && plainName(name) == wanted {
			return r.Values[i]
		}
	}
	return ""
}

// Device is the row as far as its columns are named like the members of a device, in any spelling; what the columns of an export are
// called is not documented. It fails if the row does not say which device it is about.
func (r DeviceRow) Device() (Device, error) {
	members := make(map[string]string, len(r.Columns))
	for i, name := range r.Columns {
		if i >= len(r.Values) || r.Values[i] == "" {
			continue
		}
		member := memberName(name)
		switch member {
		case "device_id":
			member = "id"
		case "device_name":
			member = "name"
		}
		if _, ok := members[member]; !ok {
			members[member] = r.Values[i]
		}
	}
	raw, err := json.Marshal(members, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return Device{}, fmt.Errorf("cbc: devices.export: line %d: %w", r.Line, err)
	}
	var w wireDevice
	if err := json.Unmarshal(raw, &w, forgiving()); err != nil {
		return Device{}, fmt.Errorf("cbc: devices.export: line %d: %w", r.Line, err)
	}
	if w.ID <= 0 {
		return Device{}, fmt.Errorf("cbc: devices.export: line %d: a device without an id", r.Line)
	}
	return w.device(), nil
}

// DeviceRows reads the lines of an export while they arrive: the first names the columns, each of the others is a device. A file without
// anything has no devices. It yields at most one error, last: a file that is cut off or that a line does not fit into is one. It does
// not close the reader.
func DeviceRows(export io.Reader) iter.Seq2[DeviceRow, error] {
	return func(yield func(DeviceRow, error) bool) {
		lines := csv.NewReader(withoutMark(export)) // every line must have as many values as the first
		columns, err := lines.Read()
		secret := make([]bool, len(columns))
		for i, name := range columns {
			secret[i] = isSecretColumn(name)
		}
		for err == nil {
			var values []string
			if values, err = lines.Read(); err != nil {
				break
			}
			line, _ := lines.FieldPos(0)
			for i := range values {
				if secret[i] {
					values[i] = ""
				}
			}
			if !yield(DeviceRow{Line: line, Columns: columns, Values: values}, nil) {
				return
			}
		}
		if err != io.EOF { // a wrapped end is not the end of the file
			yield(DeviceRow{}, fmt.Errorf("cbc: devices.export: %w", err))
		}
	}
}

// withoutMark leaves out the mark that some programs begin a text with.
func withoutMark(r io.Reader) io.Reader {
	buffered := bufio.NewReader(r)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = buffered.Discard(len(mark))
	}
	return buffered
}

// isSecretColumn tells whether nobody should print what stands in a column.
func isSecretColumn(name string) bool {
	plain := plainName(name)
	return strings.Contains(plain, "activationcode") || strings.Contains(plain, "uninstallcode")
}

// plainName is a name without what differs between its spellings.
func plainName(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name))
}

// memberName makes last_contact_time of "Last Contact Time" and of lastContactTime.
func memberName(name string) string {
	var b strings.Builder
	gap, lower := false, false
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = b.Len() > 0
			continue
		}
		if gap || lower && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		gap, lower = false, unicode.IsLower(r) || unicode.IsDigit(r)
	}
	return b.String()
}
