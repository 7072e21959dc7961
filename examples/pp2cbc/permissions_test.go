package main

import (
	"encoding/json"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/examples/internal/lab"
)

// docs are the comments of the methods of a package of this module, such as "cbc.Devices.Get", in one line each.
func docs(t *testing.T, pkg string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, name := range files {
		file, err := goparser.ParseFile(token.NewFileSet(), name, nil, goparser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Doc == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if recv, ok := of.(*ast.Ident); ok {
				all[pkg+"."+recv.Name+"."+f.Name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			}
		}
	}
	return all
}

// TestPermissionsAreThoseOfTheCalls compares the table with what the comments of the calls say.
func TestPermissionsAreThoseOfTheCalls(t *testing.T) {
	t.Parallel()
	all := docs(t, "cbc")
	maps.Copy(all, docs(t, "nsx"))
	for _, p := range permissions() {
		said := make(map[string]bool)
		for _, call := range p.calls {
			text, ok := all[call]
			if !ok {
				t.Errorf("there is no call %s", call)
			}
			found := regexp.MustCompile(`\b`+regexp.QuoteMeta(p.name)+`\b(?: \(([A-Z, ]+)[^)]*\))?`).FindAllStringSubmatch(text, -1)
			if len(found) == 0 {
				t.Errorf("the comment of %s does not say that it needs %s, but %q", call, p.name, text)
			}
			for _, match := range found {
				for _, op := range list(match[1]) {
					said[op] = true
				}
			}
		}
		for _, op := range p.operations {
			if !said[op] {
				t.Errorf("%s: no comment of %v says that it needs %s (%s)", p.use, p.calls, p.name, op)
			}
		}
	}
}

// TestDoctorTriesEveryPermission compares the table with what the doctor asks for.
func TestDoctorTriesEveryPermission(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, allActions(t)...)
	asked := make(map[string]bool)
	found, _ := c.examined(t)
	for subject := range found {
		last := ""
		for _, match := range regexp.MustCompile(`([a-z0-9.-]+) \(([A-Z, ]+)\)`).FindAllStringSubmatch(subject, -1) {
			name := match[1]
			if strings.HasPrefix(name, ".") {
				name = last + name
			}
			last = name[:max(strings.LastIndexByte(name, '.'), 0)]
			for _, op := range list(match[2]) {
				asked[name+":"+op] = true
			}
		}
	}
	listed := make(map[string]bool)
	for _, p := range permissions() {
		for _, op := range p.operations {
			listed[p.name+":"+op] = true
			if !asked[p.name+":"+op] {
				t.Errorf("the doctor neither tries nor names %s (%s), which %s needs", p.name, op, p.use)
			}
		}
	}
	for name := range asked {
		if !listed[name] {
			t.Errorf("the doctor asks for %s, which the table does not have", name)
		}
	}
}

// allActions are lines that switch on every action that needs a permission.
func allActions(t *testing.T) []string {
	t.Helper()
	return []string{
		"watchlist = Condemned", "isolate = True", "policy = Contain", "denylist = True", "live_response = True", "nsx_tag = quarantine|bad",
		"evidence_dir = " + t.TempDir(), "[guard]", "protect_policies = Contain",
	}
}

// keyed is a short company whose key has the permissions.
func keyed(t *testing.T, granted []string) *company {
	t.Helper()
	world := shortened(lab.Company(time.Now()))
	world.CBC.Processes = slices.DeleteFunc(world.CBC.Processes, func(p cbctest.Process) bool {
		return p.DeviceID == helpdesk || p.DeviceID == fileServer
	})
	world.CBC.Keys = []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: granted}}
	return newCompanyOf(t, world, allActions(t)...)
}

// refused hunts and takes everything back, and lists the calls that were refused for want of a permission.
func (c *company) refused(t *testing.T) []string {
	t.Helper()
	hunted := c.run(t, "--json")
	var report struct{ Run string }
	if err := json.Unmarshal([]byte(hunted.out), &report); err == nil && report.Run != "" {
		c.command(t, "undo", "--run", report.Run)
	}
	var all []string
	for _, r := range c.lab.Requests() {
		if r.Status == http.StatusForbidden {
			all = append(all, r.Operation)
		}
	}
	return all
}

// TestPermissionsAreEnoughAndNoneTooMany gives the key exactly what the table says, and then everything but one of it.
func TestPermissionsAreEnoughAndNoneTooMany(t *testing.T) {
	t.Parallel()
	var all []string
	for _, p := range permissions() {
		for _, op := range p.operations {
			if granted := p.name + ":" + op; !slices.Contains(all, granted) {
				all = append(all, granted)
			}
		}
	}
	if refused := keyed(t, all).refused(t); len(refused) > 0 {
		t.Errorf("with all that the table has, refused were %q", refused)
	}
	for _, taken := range all {
		if taken == "org.search.events:DELETE" {
			continue // for searches that nobody waits for, of which this hunt has none
		}
		t.Run(taken, func(t *testing.T) {
			t.Parallel()
			without := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return p == taken })
			if refused := keyed(t, without).refused(t); len(refused) == 0 {
				t.Errorf("nothing was refused without %s", taken)
			}
		})
	}
}
