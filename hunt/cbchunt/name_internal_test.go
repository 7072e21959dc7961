package cbchunt

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

func TestDistinctive(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"Remittance-Advice-ACME-2231987.htm":        true,
		"Krause Umbau Bauabschnitt.docm":            true,
		"a3f9c2d1e8.exe":                            true,
		"Lieferantenrahmenvertragswerk.docx":        true,
		"Q3 Bonus Krause Müller.xlsm":               true,
		"invoice_884120031 Krause.pdf":              true,
		"invoice.pdf":                               false,
		"Rechnung_8812.zip":                         false,
		"scan0001.pdf":                              false,
		"IMG_20250211.jpg":                          false,
		"document (2).docx":                         false,
		"Purchase Order 2025.xlsx":                  false,
		"holiday.jpg":                               false,
		"setup.exe":                                 false,
		"Krause Umbau Bauabschnitt":                 false, // no suffix
		".Krause Umbau Bauabschnitt":                false,
		"":                                          false,
		`..\Krause Umbau Bauabschnitt.docm`:         false,
		"Krause Umbau\u202eBauabschnitt.docm":       false, // turns around what is read
		"Krause Umbau\nBauabschnitt.docm":           false,
		strings.Repeat("Krause ", 40) + "Umbau.pdf": false,
	} {
		if got := distinctive(name); got != want {
			t.Errorf("distinctive(%q) = %t, want %t", name, got, want)
		}
	}
}

func TestShows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want bool
	}{
		{`"C:\Program Files\word.exe" /n "C:\Users\kim\A b.DOCM"`, true},
		{`a b.docm`, true},
		{`open file:///home/kim/a b.docm, please`, true},
		{`c:\xa b.docm`, false},
		{`c:\a b.docm.txt`, false},
		{`c:\a b.docmx and then c:\a b.docm`, true},
		{``, false},
	} {
		if got := shows(c.text, "a b.docm"); got != c.want {
			t.Errorf("shows(%q) = %t, want %t", c.text, got, c.want)
		}
	}
}

func TestNamesOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	ind := hunt.Indicator{Mails: []hunt.Mail{
		{FileName: "Krause Umbau 2231987.docm", Time: at.Add(time.Hour)},
		{FileName: "KRAUSE Umbau 2231987.docm", Time: at},
		{FileName: "Krause Abbau 2231987.docm"},
		{FileName: "invoice.pdf", Time: at},
	}}
	want := []sentName{{"krause umbau 2231987.docm", at.Add(-early)}}
	if diff := cmp.Diff(want, namesOf(ind), cmp.AllowUnexported(sentName{})); diff != "" {
		t.Errorf("namesOf mismatch (-want +got):\n%s", diff)
	}
	ind.Of = hunt.SHA256{1}
	if got := namesOf(ind); len(got) > 0 {
		t.Errorf("a file of a second stage has the names %v", got)
	}
}

// Names come from attackers. Whatever they are, the search can be written and nothing in a name is more than a name.
func FuzzNames(f *testing.F) {
	for _, name := range []string{`Krause" OR process_name:*`, `Krause\" Umbau 2231987.docm`, `a*b?c{d}[e]^f~g 12345678.docm`, "Krause Umbau ü 2231987.docm"} {
		f.Add(name)
	}
	q := &query{s: &Searcher{cfg: Config{Evidence: hunt.Named}}}
	f.Fuzz(func(t *testing.T, name string) {
		ind := hunt.Indicator{SHA256: hunt.SHA256{1}, Mails: []hunt.Mail{{FileName: name, Time: time.Unix(1e9, 0)}}}
		part := q.parts([]hunt.Indicator{ind})[0]
		e := q.expression(part)
		if err := e.Err(); err != nil {
			t.Fatalf("the name %q: %v", name, err)
		}
		if want := 4 + len(part[0].names); e.Clauses() != want {
			t.Errorf("the name %q makes %d clauses, want %d: %s", name, e.Clauses(), want, e)
		}
		for _, n := range part[0].names {
			if !shows(`c:\`+n.name, n.name) || shows(`c:\x`+n.name+`x`, n.name) {
				t.Errorf("shows is wrong about %q", n.name)
			}
		}
	})
}
