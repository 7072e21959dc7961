package deps_test

import (
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

// apiOp is the line at the end of a client method's comment that names the call it makes.
var apiOp = regexp.MustCompile(`(?m)^//api:op (\S+ \S+)$`)

// TestOperations checks that each fake serves every call that its client makes.
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
			files, err := filepath.Glob(filepath.Join(root(t), c.client, "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, file := range files {
				if strings.HasSuffix(file, "_test.go") {
					continue
				}
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range apiOp.FindAllStringSubmatch(string(text), -1) {
					found++
					if !slices.Contains(c.served, m[1]) {
						t.Errorf("%s makes the call %q, which the fake does not serve", filepath.Base(file), m[1])
					}
				}
			}
			if found == 0 {
				t.Errorf("no //api:op line in package %s", c.client)
			}
		})
	}
}
