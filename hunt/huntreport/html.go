package huntreport

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/pphunt/pphunt/hunt"
)

//go:embed page.html
var page string

// writeHTML writes a page that needs nothing else. The template escapes each word for where it stands.
func writeHTML(w io.Writer, r *hunt.Report, o Options) error {
	t, err := template.New("page").Parse(page)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return t.Execute(w, newView(r, o))
}
