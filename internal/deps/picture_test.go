package deps_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPicture keeps the picture of the README as the packages are; UPDATE_GOLDEN=1 draws it.
func TestPicture(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- picture: kept by TestPicture -->\n", "<!-- end of the picture -->\n"
	path := filepath.Join(root(t), "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	had, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the README has no place for the picture")
	}
	want := picture(imports(t))
	if had == want {
		return
	}
	if os.Getenv("UPDATE_GOLDEN") == "" {
		t.Fatalf("the README shows other packages than there are; UPDATE_GOLDEN=1 draws\n%s", want)
	}
	if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// imports lists what each package of the module imports of it, those of examples and of benchmarks left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir, cmd.Env = root(t), append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name, ok := shown(fields[0])
		if !ok {
			continue
		}
		all[name] = nil
		for _, other := range fields[1:] {
			if other, ok := shown(other); ok {
				all[name] = append(all[name], other)
			}
		}
	}
	return all
}

// shown is the name of a package in the picture.
func shown(pkg string) (name string, ok bool) {
	name, ok = strings.CutPrefix(pkg, module+"/")
	return name, ok && !strings.HasPrefix(name, "examples/") && name != "internal/deps" && name != "internal/bench"
}

// picture is a diagram of Mermaid: a box for each package, in groups, and an arrow for each import.
func picture(imports map[string][]string) string {
	id := func(name string) string { return strings.ReplaceAll(name, "/", "_") }
	groups := []struct {
		title string
		holds func(name string) bool
	}{
		{"clients", func(name string) bool {
			return slices.Contains([]string{"proofpoint", "cbc", "nsx", "internal/rest"}, name)
		}},
		{"fakes", func(name string) bool {
			return strings.HasSuffix(name, "test") && !strings.HasPrefix(name, "dedupe") || name == "internal/fake"
		}},
		{"the hunt", func(name string) bool { return strings.HasPrefix(name, "hunt") || name == "actions" }},
		{"the ledger", func(name string) bool { return strings.HasPrefix(name, "dedupe") }},
	}
	names := make([]string, 0, len(imports))
	for name := range imports {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("\n```mermaid\nflowchart LR\n")
	for _, g := range groups {
		b.WriteString("  subgraph " + id(strings.ReplaceAll(g.title, " ", "_")) + " [" + g.title + "]\n")
		for _, name := range names {
			if g.holds(name) {
				b.WriteString("    " + id(name) + "[" + name + "]\n")
			}
		}
		b.WriteString("  end\n")
	}
	for _, name := range names {
		for _, other := range imports[name] {
			b.WriteString("  " + id(name) + " --> " + id(other) + "\n")
		}
	}
	b.WriteString("```\n\n")
	return b.String()
}

// TestPictureHasEveryPackage finds a package that belongs to no group.
func TestPictureHasEveryPackage(t *testing.T) {
	t.Parallel()
	all := imports(t)
	drawn := picture(all)
	for name := range all {
		if !strings.Contains(drawn, "["+name+"]") {
			t.Errorf("%s is in no group of the picture", name)
		}
	}
}
