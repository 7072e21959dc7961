package deps_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// TestOperations compares three lists: what the vendors document (testdata/operations.txt), the calls that the clients make (the
// //api:op lines of their methods) and the routes of the fakes. A method without a route fails, and so does a route without a method,
// unless the first list says why. With -v it prints what makes each call.
func TestOperations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		client string
		served []string
	}{
		{"proofpoint", proofpointtest.New(proofpointtest.World{}).Operations()},
		{"cbc", cbctest.New(cbctest.World{}).Operations()},
		{"nsx", nsxtest.New(nsxtest.World{}).Operations()},
	} {
		t.Run(c.client, func(t *testing.T) {
			t.Parallel()
			documented := documentedOperations(t, c.client)
			made := madeOperations(t, c.client)
			served := map[string]bool{}
			for _, pattern := range c.served {
				served[anonymous(pattern)] = true
				if _, ok := documented[anonymous(pattern)]; !ok {
					t.Errorf("the fake serves %s, which testdata/operations.txt does not list", pattern)
				}
			}
			for _, op := range slices.Sorted(maps.Keys(made)) {
				methods := made[op]
				reason, ok := documented[op]
				switch {
				case !ok:
					t.Errorf("%s makes the call %s, which testdata/operations.txt does not list", strings.Join(methods, ", "), op)
				case reason != "":
					t.Errorf("%s makes the call %s, for which testdata/operations.txt says why no method does: %s", strings.Join(methods, ", "), op, reason)
				}
			}
			for _, op := range slices.Sorted(maps.Keys(documented)) {
				reason := documented[op]
				switch {
				case !served[op]:
					t.Errorf("the fake does not serve %s", op)
				case made[op] == nil && reason == "":
					t.Errorf("no method makes the call %s", op)
				}
				t.Logf("%s: %s", op, strings.Join(append(made[op], reason), " "))
			}
		})
	}
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// variants are paths that differ in nothing but a value that stands in the place of a placeholder.
var variants = strings.NewReplacer(
	"/policy/api/v1/orgs/{}/projects/{}/infra", "/policy/api/v1/infra",
	"/domains/default/", "/domains/{}/",
	"/spec/vmware/types/Tag", "/spec/vmware/types/{}", "/spec/vmware/types/ManagedResource", "/spec/vmware/types/{}",
)

// anonymous leaves the names of the placeholders out: they are the writer's choice.
func anonymous(op string) string { return variants.Replace(placeholder.ReplaceAllString(op, "{}")) }

// documentedOperations are the operations that the list has for a client, each with the reason why no method makes the call.
func documentedOperations(t *testing.T, client string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "operations.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		op, reason, _ := strings.Cut(strings.TrimSpace(line), " ! ")
		if op, ok := strings.CutPrefix(op, client+" "); ok {
			if _, twice := all[anonymous(op)]; twice {
				t.Errorf("testdata/operations.txt lists %s twice", op)
			}
			all[anonymous(op)] = reason
		}
	}
	if len(all) == 0 {
		t.Errorf("testdata/operations.txt lists nothing for %s", client)
	}
	return all
}

// apiOp is the line at the end of a comment that names the call that the function makes.
var apiOp = regexp.MustCompile(`(?m)^//api:op (\S+ \S+)$`)

// madeOperations are the calls of a client with the functions that make them. It fails for a line that is not at a function.
func madeOperations(t *testing.T, client string) map[string][]string {
	t.Helper()
	made := map[string][]string{}
	files, err := filepath.Glob(filepath.Join(root(t), client, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Doc == nil {
				continue
			}
			for _, comment := range f.Doc.List {
				if m := apiOp.FindStringSubmatch(comment.Text); m != nil {
					found++
					made[anonymous(m[1])] = append(made[anonymous(m[1])], functionName(f))
				}
			}
		}
		if all := strings.Count(string(text), "\n//api:op "); all != found {
			t.Errorf("%s has %d //api:op lines, of which %d end the comment of a function and have a method and a path", filepath.Base(path), all, found)
		}
	}
	for _, methods := range made {
		slices.Sort(methods)
	}
	return made
}

// TestExamples checks that each method that makes a documented call is used in an example that runs: examples are the manual.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"proofpoint", "cbc", "nsx"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			used := usedInExamples(t, client)
			for op, methods := range madeOperations(t, client) {
				for _, method := range methods {
					_, name, exported := strings.Cut(method, ".")
					if exported && ast.IsExported(name) && !used[name] {
						t.Errorf("no example calls %s, which makes the call %s", method, op)
					}
				}
			}
		})
	}
}

// usedInExamples are the names of the methods that the examples of a package call or hand on.
func usedInExamples(t *testing.T, client string) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(root(t), client, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Example") {
				ast.Inspect(f.Body, func(n ast.Node) bool {
					if selector, ok := n.(*ast.SelectorExpr); ok {
						used[selector.Sel.Name] = true
					}
					return true
				})
			}
		}
	}
	return used
}

// functionName is the name with its receiver: Devices.Get.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}
