package listhunt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/listhunt"
)

func sha(n int) string { return fmt.Sprintf("%064x", n) }

// read tells files and comments, and the reasons of bad lines.
func read(t testing.TB, lines io.Reader) (files, bad []string, err error) {
	t.Helper()
	s, err := listhunt.New(listhunt.Config{Name: "list.txt", Lines: lines})
	if err != nil {
		t.Fatal(err)
	}
	ask := hunt.Ask{OnBad: func(b hunt.BadRecord) { bad = append(bad, b.Source+" "+b.Reason+": "+string(b.Raw)) }}
	for ind, e := range s.Indicators(t.Context(), ask) {
		if err = e; e != nil {
			break
		}
		files = append(files, strings.TrimSpace(strings.TrimLeft(ind.SHA256.String(), "0")+" "+ind.Threat.Comment))
	}
	return files, bad, err
}

func TestLists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
		bad        []string
	}{
		{"one in a line", sha(1) + "\n" + sha(2) + "\n", []string{"1", "2"}, nil},
		{"without a last end of line, of Windows, with a mark at the begin", "\ufeff" + sha(1) + "\r\n" + sha(2), []string{"1", "2"}, nil},
		{"comments and empty lines", "# of March\n\n  \n" + sha(1) + "\n", []string{"1"}, nil},
		{"capital letters, and twice", strings.ToUpper(sha(171)) + "\n" + sha(171) + "\n", []string{"ab"}, nil},
		{"a table", "sha256,comment\n" + sha(1) + `,"loader, seen ""again"""` + "\n" + sha(2) + ",\n", []string{`1 loader, seen "again"`, "2"}, nil},
		{"a table of a spreadsheet", "Hash;Comment\n" + sha(1) + ";loader\n", []string{"1 loader"}, nil},
		{"sums", sha(1) + "  invoice.exe\n" + sha(2) + " *b.exe\n", []string{"1 invoice.exe", "2 b.exe"}, nil},
		{
			"what is no hash", "kim@corp.example\n" + sha(1) + "\n" + sha(2)[:32] + "\n" + `"` + sha(3) + "\n" + sha(4) + "\n",
			[]string{"1", "4"},
			[]string{
				"list.txt line 1: hunt: a SHA-256 has 64 hexadecimal digits, not 16: kim@corp.example",
				"list.txt line 3: hunt: a SHA-256 has 64 hexadecimal digits, not 32: " + sha(2)[:32],
				`list.txt line 4: no CSV: parse error on line 1, column 66: extraneous or missing " in quoted-field: "` + sha(3),
			},
		},
		{"nothing", "", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files, bad, err := read(t, strings.NewReader(c.text))
			if diff := cmp.Diff(c.want, files); diff != "" || err != nil {
				t.Errorf("%v, files mismatch (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff(c.bad, bad); diff != "" {
				t.Errorf("bad lines mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListsThatAreTooLong(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for n := range listhunt.MaxHashes + 1 {
		fmt.Fprintln(&many, sha(n+1))
	}
	if files, _, err := read(t, strings.NewReader(many.String())); err == nil || len(files) != listhunt.MaxHashes || !strings.Contains(err.Error(), "list.txt: line 100001") {
		t.Errorf("%d files, %v", len(files), err)
	}
	if _, _, err := read(t, strings.NewReader(strings.Repeat("a", listhunt.MaxLine+1))); err == nil {
		t.Error("an endless line was read")
	}
}

func TestListThatCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk")
	if files, _, err := read(t, io.MultiReader(strings.NewReader(sha(1)+"\n"), failing{broken})); !errors.Is(err, broken) || len(files) != 1 {
		t.Errorf("files %v, error %v", files, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestListIsReadOnce(t *testing.T) {
	t.Parallel()
	s, err := listhunt.New(listhunt.Config{Lines: strings.NewReader("x\n")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		last := error(nil)
		for _, last = range s.Indicators(t.Context(), hunt.Ask{}) {
		}
		if last == nil {
			t.Error("a bad line that nobody is told of, or a second reading, is no error")
		}
	}
	if _, err := listhunt.New(listhunt.Config{}); err == nil {
		t.Error("New took no lines")
	}
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	says := func(condemned bool, err error) hunt.Verifier {
		return hunt.VerifierFunc(func(context.Context, hunt.Indicator) (bool, error) { return condemned, err })
	}
	unknown := errors.New("not found")
	for _, c := range []struct {
		name   string
		listed bool
		next   hunt.Verifier
		want   bool
		fails  bool
	}{
		{"listed, and nobody else is there", true, nil, true, false},
		{"not listed, and nobody else is there", false, nil, false, true},
		{"listed, and not known", true, says(false, unknown), true, false},
		{"listed, and condemned", true, says(true, nil), true, false},
		{"listed, and cleared", true, says(false, nil), false, false},
		{"not listed, and not known", false, says(false, unknown), false, true},
		{"not listed, and condemned", false, says(true, nil), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ind := hunt.Indicator{SHA256: hunt.SHA256{1}}
			if c.listed {
				ind.Threat.Type = hunt.ThreatListed
			}
			got, err := listhunt.Verifier(c.next).Verify(t.Context(), ind)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("Verify = %t, %v; want %t, failing %t", got, err, c.want, c.fails)
			}
		})
	}
}

func FuzzLists(f *testing.F) {
	f.Add("sha256,comment\n" + sha(1) + ",\"x\"\n")
	f.Add("\ufeff" + sha(1) + "  a.exe\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		files, bad, err := read(t, strings.NewReader(text))
		if lines := strings.Count(text, "\n") + 1; err == nil && len(files)+len(bad) > lines {
			t.Errorf("%d files and %d bad lines in %d lines", len(files), len(bad), lines)
		}
	})
}
