package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// tree is a machine with a few directories.
func tree(os, root string) cbctest.World {
	return lab(func(_ *cbctest.World, d *cbctest.Device) {
		d.OS, d.Files, d.Running = os, nil, nil
		sep := "/"
		if os == "WINDOWS" {
			sep = `\`
		}
		for _, p := range []string{"a.exe", "b.txt", "sub/c.exe", "sub/deep/d.txt", "z/e.txt"} {
			d.Files = append(d.Files, cbctest.File{Path: root + strings.ReplaceAll(p, "/", sep), Content: "12345"})
		}
	})
}

func names(files []cbc.FileInfo) (all []string) {
	for _, f := range files {
		all = append(all, f.Name)
	}
	return all
}

func TestListDirectory(t *testing.T) {
	for name, tt := range map[string]struct {
		os, root string
		lists    map[string][]string
	}{
		"on Windows": {"WINDOWS", `C:\demo\`, map[string][]string{
			`C:\demo`: {"a.exe", "b.txt", "sub", "z"}, `C:\demo\`: {"a.exe", "b.txt", "sub", "z"}, `C:/demo/`: {"a.exe", "b.txt", "sub", "z"},
			`C:\demo\*.exe`: {"a.exe"}, `C:\demo\?.*`: {"a.exe", "b.txt"}, `C:`: {"demo"}, `C:\demo\sub`: {"c.exe", "deep"},
		}},
		"on Linux": {"LINUX", "/demo/", map[string][]string{
			"/demo": {"a.exe", "b.txt", "sub", "z"}, "/demo/": {"a.exe", "b.txt", "sub", "z"}, "/demo/*.exe": {"a.exe"}, "/": {"demo"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, tree(tt.os, tt.root), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				for path, want := range tt.lists {
					got, err := s.ListDirectory(t.Context(), path)
					if diff := cmp.Diff(want, names(got)); err != nil || diff != "" {
						t.Errorf("ListDirectory(%s): %v, mismatch (-want +got):\n%s", path, err, diff)
					}
				}
				for _, none := range []string{tt.root + "none", tt.root + "a.exe", tt.root + "*.none"} {
					if _, err := s.ListDirectory(t.Context(), none); !errors.Is(err, cbc.ErrFileNotFound) {
						t.Errorf("ListDirectory(%s) = %v, want ErrFileNotFound", none, err)
					}
				}
				if _, err := s.ListDirectory(t.Context(), ""); err == nil {
					t.Error("ListDirectory of nothing succeeded")
				}
				got, err := s.ListDirectory(t.Context(), tt.root)
				if err != nil || len(got) != 4 {
					t.Fatalf("ListDirectory(%s) = %+v, %v", tt.root, got, err)
				}
				if f := got[0]; f.IsDir() || f.Size != 5 || f.Modified.IsZero() || f.Modified.Location().String() != "UTC" {
					t.Errorf("a.exe = %+v", f)
				}
				if d := got[2]; !d.IsDir() || d.IsLink() {
					t.Errorf("sub = %+v, want a directory", d)
				}
			})
		})
	}
}

// seen is what a walk yields, an error as its path with an exclamation mark.
func seen(t *testing.T, s *cbc.Session, root string, opts cbc.WalkOptions) (all []string, errs []error) {
	t.Helper()
	for e, err := range s.Walk(t.Context(), root, opts) {
		line := fmt.Sprintf("%d %s", e.Depth, e.Path)
		if err != nil {
			line += "!"
			errs = append(errs, err)
		}
		all = append(all, line)
	}
	return all, errs
}

func TestWalk(t *testing.T) {
	inBubble(t, tree("WINDOWS", `C:\demo\`), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		for name, tt := range map[string]struct {
			opts cbc.WalkOptions
			want []string
		}{
			"everything": {cbc.WalkOptions{}, []string{
				`1 C:\demo\a.exe`, `1 C:\demo\b.txt`, `1 C:\demo\sub`, `2 C:\demo\sub\c.exe`, `2 C:\demo\sub\deep`, `3 C:\demo\sub\deep\d.txt`,
				`1 C:\demo\z`, `2 C:\demo\z\e.txt`,
			}},
			"one level": {cbc.WalkOptions{MaxDepth: 1}, []string{`1 C:\demo\a.exe`, `1 C:\demo\b.txt`, `1 C:\demo\sub`, `1 C:\demo\z`}},
			"two levels, but for one": {
				cbc.WalkOptions{MaxDepth: 2, Skip: func(e cbc.WalkEntry) bool { return e.Name == "z" }},
				[]string{`1 C:\demo\a.exe`, `1 C:\demo\b.txt`, `1 C:\demo\sub`, `2 C:\demo\sub\c.exe`, `2 C:\demo\sub\deep`, `1 C:\demo\z`},
			},
		} {
			got, errs := seen(t, s, `C:\demo`, tt.opts)
			if diff := cmp.Diff(tt.want, got); diff != "" || errs != nil {
				t.Errorf("%s: errors %v, mismatch (-want +got):\n%s", name, errs, diff)
			}
		}
		before := requests(srv, "POST", commandsOp)
		for range s.Walk(t.Context(), `C:\demo`, cbc.WalkOptions{}) {
			break
		}
		if n := requests(srv, "POST", commandsOp) - before; n != 1 {
			t.Errorf("a walk that was left listed %d directories, want 1", n)
		}
		if got, errs := seen(t, s, `C:\*`, cbc.WalkOptions{}); len(errs) != 1 {
			t.Errorf("a walk through a pattern yields %q, %v, want an error", got, errs)
		}
	})
}

// sensorSays answers the commands with the given paths in the sensor's place.
func sensorSays(answers map[string]map[string]any) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				Name string `json:"name"`
				Path string `json:"path"`
			}
			_ = json.UnmarshalRead(r.Body, &body)
			answer, ok := answers[body.Path]
			if !ok {
				http.Error(w, "no answer for "+body.Path, http.StatusTeapot)
				return
			}
			all := map[string]any{"id": 0, "name": body.Name, "status": "COMPLETE"}
			maps.Copy(all, answer)
			w.WriteHeader(http.StatusCreated)
			_ = json.MarshalWrite(w, all)
		})
	}
}

func entry(name string, attributes ...string) map[string]any {
	return map[string]any{"filename": name, "attributes": attributes, "size": 0}
}

func TestWalkGoesOn(t *testing.T) {
	denied := map[string]any{"status": "ERROR", "result_code": -2147024891, "result_type": "WinHresult"}
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		srv.Inject(onRequest("POST", "/commands"), -1, sensorSays(map[string]map[string]any{
			`C:\`: {"files": []any{
				entry(".", "DIRECTORY"), entry("..", "DIRECTORY"), entry("a?b", "DIRECTORY"), entry("denied", "DIRECTORY"),
				entry("link", "DIRECTORY", "REPARSE_POINT"), entry("odd", "DIRECTORY"), entry("sub", "directory", "HIDDEN"),
			}},
			`C:\denied\`: denied,
			`C:\odd\`:    {"files": []any{entry("none"), entry(`..\..\Windows`, "DIRECTORY")}},
			`C:\sub\`:    {"files": nil},
		}))
		got, errs := seen(t, s, `C:`, cbc.WalkOptions{})
		want := []string{`1 C:\a?b`, `1 C:\a?b!`, `1 C:\denied`, `1 C:\denied!`, `1 C:\link`, `1 C:\odd`, `1 C:\odd!`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("walk mismatch (-want +got):\n%s", diff)
		}
		if len(errs) != 3 || !errors.Is(errs[1], cbc.ErrAccessDenied) {
			t.Errorf("errors = %v", errs)
		}
	})
	t.Run("until the session has ended", func(t *testing.T) {
		inBubble(t, tree("WINDOWS", `C:\demo\`), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			var got []string
			var last error
			for e, err := range s.Walk(t.Context(), `C:\demo`, cbc.WalkOptions{}) {
				got, last = append(got, e.Path), err
				if e.Name == "b.txt" {
					_ = s.CloseForAll(t.Context())
				}
			}
			if !errors.Is(last, cbc.ErrSessionEnded) || got[len(got)-1] != `C:\demo\sub` {
				t.Errorf("walk = %q with the last error %v, want ErrSessionEnded at sub", got, last)
			}
		})
	})
	t.Run("until the context is over", func(t *testing.T) {
		inBubble(t, tree("WINDOWS", `C:\demo\`), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			errs := 0
			for e, err := range s.Walk(ctx, `C:\demo`, cbc.WalkOptions{}) {
				if e.Name == "a.exe" {
					cancel()
				}
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("error = %v, want the context's", err)
				}
				if err != nil {
					errs++
				}
			}
			if errs != 1 {
				t.Errorf("%d errors, want one and the end", errs)
			}
		})
	})
}

func TestCreateDirectories(t *testing.T) {
	for name, tt := range map[string]struct{ os, root, sep string }{
		"on Windows": {"WINDOWS", `C:\demo\`, `\`}, "on Linux": {"LINUX", "/demo/", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, tree(tt.os, tt.root), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				if err := s.CreateDirectory(t.Context(), tt.root+"new"); err != nil {
					t.Errorf("CreateDirectory: %v", err)
				}
				if err := s.CreateDirectory(t.Context(), tt.root+"new"); !errors.Is(err, cbc.ErrExists) {
					t.Errorf("second CreateDirectory = %v, want ErrExists", err)
				}
				deep := tt.root + strings.Join([]string{"new", "x", "y", "z"}, tt.sep)
				if err := s.CreateDirectory(t.Context(), deep); !errors.Is(err, cbc.ErrFileNotFound) {
					t.Errorf("CreateDirectory without parents = %v, want ErrFileNotFound", err)
				}
				for range 2 {
					if err := s.CreateDirectories(t.Context(), deep); err != nil {
						t.Errorf("CreateDirectories: %v", err)
					}
				}
				if err := s.CreateDirectories(t.Context(), deep+tt.sep); err != nil {
					t.Errorf("CreateDirectories with a separator at the end: %v", err)
				}
				if got, err := s.ListDirectory(t.Context(), deep); err != nil || len(got) != 0 {
					t.Errorf("ListDirectory(%s) = %+v, %v, want it empty", deep, got, err)
				}
				if err := s.CreateDirectories(t.Context(), tt.root+"a.exe"); !errors.Is(err, cbc.ErrExists) {
					t.Errorf("CreateDirectories in place of a file = %v, want ErrExists", err)
				}
				if err := s.DeleteFile(t.Context(), tt.root+"new"); !errors.Is(err, cbc.ErrNotEmpty) {
					t.Errorf("DeleteFile of a directory = %v, want ErrNotEmpty", err)
				}
				if err := s.DeleteFile(t.Context(), deep); err != nil {
					t.Errorf("DeleteFile of an empty directory: %v", err)
				}
			})
		})
	}
	inBubble(t, lab(nil), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		if err := s.CreateDirectories(t.Context(), `X:\a\b`); !errors.Is(err, cbc.ErrFileNotFound) {
			t.Errorf("CreateDirectories on a drive that is not there = %v, want ErrFileNotFound", err)
		}
	})
}

// TestWalkOnADeviceWithLinks has the device say what is hidden and what is a link.
func TestWalkOnADeviceWithLinks(t *testing.T) {
	world := lab(func(_ *cbctest.World, d *cbctest.Device) {
		d.Running, d.Files = nil, []cbctest.File{
			{Path: `C:\demo\link\not followed.txt`},
			{Path: `C:\demo\link`, Attributes: []string{"DIRECTORY", "REPARSE_POINT"}},
			{Path: `C:\demo\empty`, Attributes: []string{"DIRECTORY", "HIDDEN"}},
			{Path: `C:\demo\hidden.exe`, Content: "MZ", Attributes: []string{"ARCHIVE", "HIDDEN"}},
		}
	})
	inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		got, errs := seen(t, s, `C:\demo`, cbc.WalkOptions{})
		if diff := cmp.Diff([]string{`1 C:\demo\empty`, `1 C:\demo\hidden.exe`, `1 C:\demo\link`}, got); diff != "" || errs != nil {
			t.Errorf("errors %v, mismatch (-want +got):\n%s", errs, diff)
		}
		list, err := s.ListDirectory(t.Context(), `C:\demo`)
		if err != nil || len(list) != 3 {
			t.Fatalf("ListDirectory = %+v, %v", list, err)
		}
		for i, want := range [][]string{{"DIRECTORY", "HIDDEN"}, {"ARCHIVE", "HIDDEN"}, {"DIRECTORY", "REPARSE_POINT"}} {
			if diff := cmp.Diff(want, list[i].Attributes); diff != "" || list[i].IsLink() != (i == 2) || list[i].IsDir() == (i == 1) {
				t.Errorf("%s: directory %t, link %t, attributes (-want +got):\n%s", list[i].Name, list[i].IsDir(), list[i].IsLink(), diff)
			}
		}
		want := map[string][]string{
			`C:\demo\empty`: {"DIRECTORY", "HIDDEN"}, `C:\demo\hidden.exe`: {"ARCHIVE", "HIDDEN"},
			`C:\demo\link`: {"DIRECTORY", "REPARSE_POINT"}, `C:\demo\link\not followed.txt`: nil,
		}
		have := make(map[string][]string)
		for _, f := range srv.Files(7) {
			have[f.Path] = f.Attributes
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("files of the device (-want +got):\n%s", diff)
		}
	})
}
