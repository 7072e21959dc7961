package deps_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinks finds links of the documents that lead nowhere in the repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	found := 0
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == ".git" {
			return skip(err)
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			u, err := url.Parse(match[1])
			if err != nil || u.Scheme != "" {
				continue
			}
			found++
			target := path
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(u.Path))
			}
			there, err := os.ReadFile(target)
			if info, e := os.Stat(target); e == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s leads to %s, which is not there", path, match[1])
			} else if u.Fragment != "" && !hasTitle(string(there), u.Fragment) {
				t.Errorf("%s leads to %s, which has no such title", path, match[1])
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d links were found: %v", found, err)
	}
}

// skip leaves a directory out, unless it could not be read.
func skip(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

// hasTitle tells whether a text has a title that a fragment stands for.
func hasTitle(text, fragment string) bool {
	for line := range strings.Lines(text) {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if ok && strings.HasPrefix(line, "#") && strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-") == fragment {
			return true
		}
	}
	return false
}
