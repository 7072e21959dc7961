package deps_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pphunt/pphunt"

// root is the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// outside lists the packages beyond the standard library that pkg needs, directly or not, itself left out.
func outside(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", pkg, err)
	}
	self := module + strings.TrimPrefix(pkg, ".")
	return slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool { return p == self })
}

// TestImports says what each package may need. A prefix allows everything below it.
func TestImports(t *testing.T) {
	t.Parallel()
	rest := []string{
		module + "/internal/rest",
		"github.com/hashicorp/go-retryablehttp", "github.com/hashicorp/go-cleanhttp",
		"golang.org/x/time/rate",
		"github.com/go-json-experiment/json",
	}
	with := func(base []string, more ...string) []string { return append(slices.Clone(base), more...) }
	fake := []string{module + "/internal/fake"}
	sqlite := []string{"modernc.org/", "golang.org/x/sys/", "github.com/dustin/go-humanize", "github.com/google/uuid", "github.com/mattn/go-isatty", "github.com/ncruces/go-strftime", "github.com/remyoudompheng/bigfft"}
	for _, c := range []struct {
		pkg     string
		allowed []string
	}{
		{"./internal/rest", rest},
		{"./proofpoint", rest},
		{"./cbc", rest},
		{"./nsx", rest},
		{"./internal/fake", nil},
		{"./proofpoint/proofpointtest", fake},
		{"./cbc/cbctest", fake},
		{"./nsx/nsxtest", fake},
		{"./dedupe", nil},
		{"./dedupe/dedupetest", []string{module + "/dedupe"}},
		{"./dedupe/sqldedupe", []string{module + "/dedupe"}},
		{"./dedupe/sqlitededupe", with(sqlite, module+"/dedupe", module+"/dedupe/sqldedupe")},
		{"./hunt", nil},
		{"./hunt/proofpointhunt", with(rest, module+"/hunt", module+"/proofpoint")},
		{"./hunt/cbchunt", with(rest, module+"/hunt", module+"/cbc")},
		{"./hunt/dedupehunt", []string{module + "/hunt", module + "/dedupe"}},
		{"./hunt/huntreport", []string{module + "/hunt"}},
		{"./hunt/audit", []string{module + "/hunt"}},
		{"./actions", with(rest, module+"/hunt", module+"/cbc", module+"/nsx")},
	} {
		t.Run(strings.TrimPrefix(c.pkg, "./"), func(t *testing.T) {
			t.Parallel()
			for _, dep := range outside(t, c.pkg) {
				if !slices.ContainsFunc(c.allowed, func(a string) bool {
					return dep == a || strings.HasPrefix(dep, strings.TrimSuffix(a, "/")+"/") && (strings.HasSuffix(a, "/") || !strings.HasPrefix(a, module))
				}) {
					t.Errorf("%s needs %s, which it must not", c.pkg, dep)
				}
			}
		})
	}
}

// TestTopLevel keeps the visible top level to what the design names.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	want := []string{"CHANGELOG.md", "LICENSE", "README.md", "actions", "cbc", "dedupe", "examples", "go.mod", "go.sum", "hunt", "internal", "nsx", "proofpoint"}
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(want, e.Name()) {
			t.Errorf("%s at the top level is not in the design", e.Name())
		}
	}
	for _, name := range want {
		if _, err := os.Stat(filepath.Join(root(t), name)); err != nil {
			t.Errorf("%s is missing at the top level", name)
		}
	}
}
