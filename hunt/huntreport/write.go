package huntreport

import (
	_ "embed" // the schema
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/pphunt/pphunt/hunt"
)

// Format is a form in which a report is written.
type Format string

// The formats.
const (
	HTML     Format = "html"
	JSON     Format = "json"
	CSV      Format = "csv"
	Markdown Format = "md"
)

// ErrFormat is the error of a format that does not exist.
var ErrFormat = errors.New("huntreport: want html, json, csv or md")

// FormatOf tells the format by the end of a file's name: .html or .htm, .json, .csv, .md or .markdown, in any case.
func FormatOf(name string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".html", ".htm":
		return HTML, true
	case ".json":
		return JSON, true
	case ".csv":
		return CSV, true
	case ".md", ".markdown":
		return Markdown, true
	}
	return "", false
}

//go:embed report.schema.json
var schema string

// Schema is the JSON Schema (draft 2020-12) of what [JSON] writes. Later versions of this package may write more members than it has.
func Schema() string { return schema }

// Options say how a report is written. The zero value is fine.
type Options struct {
	// Title is the heading. Defaults to what the report is of.
	Title string
	// Advice says, below what waits for a person, how to decide on it. Defaults to nothing.
	Advice string
	// Explain is the text for an error. Defaults to its own.
	Explain func(error) string
	// Most is how many entries a list of the page or of the ticket has at most; what is left out is counted. JSON and CSV have
	// everything. Defaults to 300.
	Most int
}

// Write writes a report. It does not change the report.
func Write(w io.Writer, f Format, r *hunt.Report, o Options) error {
	if o.Explain == nil {
		o.Explain = error.Error
	}
	if o.Most <= 0 {
		o.Most = 300
	}
	var err error
	switch f {
	case HTML:
		err = writeHTML(w, r, o)
	case JSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	case CSV:
		err = writeCSV(w, r, o)
	case Markdown:
		err = writeMarkdown(w, r, o)
	default:
		return fmt.Errorf("%w, not %q", ErrFormat, string(f))
	}
	if err != nil {
		return fmt.Errorf("huntreport: %w", err)
	}
	return nil
}

// plain shows a foreign string without what cannot be seen.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, strings.ToValidUTF8(s, "·"))
}
