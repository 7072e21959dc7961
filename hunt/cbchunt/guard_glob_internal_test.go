package cbchunt

import (
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		fits          bool
	}{
		{"dc-*", "DC-01", true},
		{" DC-* ", "dc-", true},
		{"dc-*", "xdc-01", false},
		{"dc-*", "adc-01.corp", false},
		{"dc", "dc-01", false},
		{"dc-??", "DC-01", true},
		{"dc-??", "DC-1", false},
		{"dc-[0-4]*", "dc-3", true},
		{"dc-[0-4]*", "dc-5", false},
		{"dc-[!0-4]", "dc-5", true},
		{"dc-[^0-4]", "dc-3", false},
		{"dc-[a^]", "dc-^", true},
		{`corp\dc-*`, `CORP\DC-1`, true},
		{`corp\dc-*`, "DC-1", false},
		{`*\dc-[\a]`, `CORP\dc-\`, true},
		{"dc.1", "dcx1", false},
		{"a+(b)", "A+(B)", true},
		{"*.corp.example", "fin.corp.example", true},
		{"[[]x", "[x", true},
		{"[[:alpha:]x", ":x", true},
		{"dc-[!^]", "dc-^", false},
		{"x*y", "x\ny", true},
		{"größe-?", "GRÖSSE-1", false},
		{"münchen-?", "MÜNCHEN-ß", true},
		{"a/*", "A/b/c", true},
	} {
		g, err := compileGlob(tt.pattern)
		if err != nil || g.fits(tt.name) != tt.fits {
			t.Errorf("%q fits %q: %t, %v, want %t", tt.pattern, tt.name, err == nil && !tt.fits, err, tt.fits)
		}
	}
	for _, pattern := range []string{"", "  ", "dc-[", "dc-[]", "dc-[!]", "dc-[9-0]", "[a", "[]a]"} {
		if g, err := compileGlob(pattern); err == nil {
			t.Errorf("%q is accepted as %s", pattern, g.re)
		}
	}
}

func FuzzGlob(f *testing.F) {
	for _, s := range []string{"dc-*", `corp\dc-[0-9]?`, "[[]", "[a-]", "*", "[^a]", "(?i)x{3}$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		g, err := compileGlob(pattern)
		if err != nil || strings.Contains(pattern, "[") {
			return
		}
		if name := strings.NewReplacer("*", "any", "?", "x").Replace(g.text); !g.fits(name) {
			t.Errorf("%q does not fit %q", pattern, name)
		}
	})
}

func TestForeign(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"DC-01": "DC-01", "a\r\nb\x1b[31m": "a b [31m", "\xff": "?", strings.Repeat("x", 101): strings.Repeat("x", 100) + "...",
	} {
		if got := foreign(in); got != want {
			t.Errorf("foreign(%q) = %q, want %q", in, got, want)
		}
	}
}
