package cbc_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

const filesOp = sessionOp + "/files"

// content of a file on the device.
func onDevice(t *testing.T, srv *cbctest.Server, path string) (string, bool) {
	t.Helper()
	d, _ := srv.Device(7)
	for _, f := range d.Files {
		if strings.EqualFold(f.Path, path) {
			if f.Data != nil {
				return string(f.Data), true
			}
			return f.Content, true
		}
	}
	return "", false
}

// nothingLeft checks that the vendor holds no file for the session.
func nothingLeft(t *testing.T, s *cbc.Session) {
	t.Helper()
	if left, err := s.Transfers(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("the vendor still holds %+v, %v, want nothing", left, err)
	}
}

func TestPutFile(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 1<<16)
	piped := func(text string) io.Reader {
		r, w := io.Pipe()
		go func() {
			_, err := io.WriteString(w, text)
			w.CloseWithError(err)
		}()
		return r
	}
	for name, content := range map[string]func() io.Reader{
		"from a file":     func() io.Reader { return strings.NewReader(big) },
		"from a buffer":   func() io.Reader { return bytes.NewBufferString(big) },
		"from a pipe":     func() io.Reader { return piped(big) },
		"empty":           func() io.Reader { return strings.NewReader("") },
		"from the middle": func() io.Reader { r := strings.NewReader("xx" + big); _, _ = r.Seek(2, io.SeekStart); return r },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				if err := s.PutFile(t.Context(), `C:\Users\kim\big "1".bin`, strings.NewReader("x")); err == nil {
					t.Error("PutFile to a name that Windows does not have succeeded")
				}
				if err := s.PutFile(t.Context(), `C:\Users\kim\plan.txt`, content()); err != nil {
					t.Fatalf("PutFile: %v", err)
				}
				want := big
				if name == "empty" {
					want = ""
				}
				if got, ok := onDevice(t, srv, `C:\Users\kim\plan.txt`); !ok || got != want {
					t.Errorf("the file has %d bytes, want %d", len(got), len(want))
				}
				nothingLeft(t, s)
			})
		})
	}
	t.Run("into a directory that is not there", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			if err := s.PutFile(t.Context(), `C:\none\x.bin`, strings.NewReader("x")); !errors.Is(err, cbc.ErrFileNotFound) {
				t.Errorf("PutFile = %v, want ErrFileNotFound", err)
			}
			nothingLeft(t, s)
		})
	})
	t.Run("that cannot be read", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			bad := errors.New("bad sector")
			r, w := io.Pipe()
			go func() {
				_, _ = io.WriteString(w, "half")
				w.CloseWithError(bad)
			}()
			if err := s.PutFile(t.Context(), `C:\Users\kim\plan.txt`, r); !errors.Is(err, bad) {
				t.Errorf("PutFile = %v, want the reader's error", err)
			}
			if got, _ := onDevice(t, srv, `C:\Users\kim\plan.txt`); got != "plan" {
				t.Errorf("the file is %q, want it untouched", got)
			}
		})
	})
	t.Run("that is none", func(t *testing.T) {
		inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			if err := s.PutFile(t.Context(), `C:\x`, nil); err == nil {
				t.Error("PutFile without content succeeded")
			}
			if err := s.PutFile(t.Context(), " ", strings.NewReader("")); err == nil {
				t.Error("PutFile without a path succeeded")
			}
			if err := s.PutFile(t.Context(), `C:\`+strings.Repeat("x", 10_000), strings.NewReader("")); !errors.Is(err, cbc.ErrCommandTooLarge) {
				t.Errorf("PutFile with a path of 10 KB = %v, want ErrCommandTooLarge", err)
			}
			if n := requests(srv, "POST", filesOp); n != 0 {
				t.Errorf("%d uploads of what cannot be put", n)
			}
		})
	})
}

// TestUploadsThatAreRefused sends again what can be read again.
func TestUploadsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		content io.Reader
		fault   func(http.Handler) http.Handler
		tries   int
		ok      bool
	}{
		"for their rate":             {strings.NewReader("abc"), fake.Fail(http.StatusTooManyRequests), 2, true},
		"for their rate, read once":  {bytes.NewBufferString("abc"), fake.Fail(http.StatusTooManyRequests), 1, false},
		"by a gateway":               {strings.NewReader("abc"), fake.ActThenFail(http.StatusBadGateway), 1, false},
		"by a connection that broke": {strings.NewReader("abc"), fake.ActThenDrop(), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				srv.Inject(onRequest("POST", "/files"), 1, tt.fault)
				err := s.PutFile(t.Context(), `C:\Users\kim\new.txt`, tt.content)
				if _, there := onDevice(t, srv, `C:\Users\kim\new.txt`); (err == nil) != tt.ok || there != tt.ok {
					t.Errorf("PutFile = %v, the file is there: %t; want success: %t", err, there, tt.ok)
				}
				if n := requests(srv, "POST", filesOp); n != tt.tries {
					t.Errorf("%d uploads, want %d", n, tt.tries)
				}
			})
		})
	}
}

func TestTransfers(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		tool, err := s.Upload(t.Context(), `tool "2".exe`, strings.NewReader("MZ tool"))
		if err != nil {
			t.Fatalf("Upload: %v", err)
		}
		want := cbc.Transfer{ID: tool.ID, Name: `tool "2".exe`, Size: 7, Uploaded: 7}
		if diff := cmp.Diff(want, tool); diff != "" || tool.ID == "" {
			t.Errorf("Upload mismatch (-want +got):\n%s", diff)
		}
		for _, path := range []string{`C:\Users\kim\a.exe`, `C:\Users\kim\b.exe`} {
			if err := s.PutTransfer(t.Context(), path, tool.ID); err != nil {
				t.Errorf("PutTransfer(%s): %v", path, err)
			}
			if got, _ := onDevice(t, srv, path); got != "MZ tool" {
				t.Errorf("%s is %q, want the upload", path, got)
			}
		}
		if got, err := s.Transfers(t.Context()); err != nil || !cmp.Equal([]cbc.Transfer{want}, got) {
			t.Errorf("Transfers = %+v, %v, want the upload", got, err)
		}
		if got, err := s.Transfer(t.Context(), tool.ID); err != nil || got != want {
			t.Errorf("Transfer = %+v, %v, want %+v", got, err, want)
		}
		r, err := s.OpenTransfer(t.Context(), tool.ID)
		if err != nil {
			t.Fatalf("OpenTransfer: %v", err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != "MZ tool" {
			t.Errorf("OpenTransfer read %q, %v", got, err)
		}
		if err := errors.Join(s.DeleteTransfer(t.Context(), tool.ID), s.DeleteTransfer(t.Context(), tool.ID)); err != nil {
			t.Errorf("DeleteTransfer twice: %v", err)
		}
		nothingLeft(t, s)
		for name, err := range map[string]error{
			"Transfer":     second(s.Transfer(t.Context(), tool.ID)),
			"OpenTransfer": second(s.OpenTransfer(t.Context(), tool.ID)),
		} {
			if !errors.Is(err, cbc.ErrNotFound) || errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("%s of a deleted file = %v, want ErrNotFound, and the session goes on", name, err)
			}
		}
		if err := s.PutTransfer(t.Context(), `C:\x`, tool.ID); err == nil {
			t.Error("PutTransfer of a deleted file succeeded")
		}
		if _, err := s.Upload(t.Context(), "a\nb", strings.NewReader("")); err == nil {
			t.Error("Upload with a line break in the name succeeded")
		}
		time.Sleep(time.Hour)
		if _, err := s.Transfer(t.Context(), tool.ID); !errors.Is(err, cbc.ErrSessionEnded) {
			t.Errorf("Transfer after the end = %v, want ErrSessionEnded", err)
		}
		if _, err := s.Upload(t.Context(), "x", strings.NewReader("")); !errors.Is(err, cbc.ErrSessionEnded) {
			t.Errorf("Upload after the end = %v, want ErrSessionEnded", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestGetFilePart(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		for _, tt := range []struct {
			offset, count int64
			want          string
		}{{0, 2, "MZ"}, {3, 2, "ev"}, {3, 0, "evil"}, {3, 100, "evil"}, {100, 5, ""}, {0, 0, "MZ evil"}} {
			r, err := s.GetFilePart(t.Context(), invoice, tt.offset, tt.count)
			if err != nil {
				t.Errorf("GetFilePart(%d, %d): %v", tt.offset, tt.count, err)
				continue
			}
			got, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close(), r.Close()); err != nil || string(got) != tt.want {
				t.Errorf("GetFilePart(%d, %d) read %q, %v, want %q", tt.offset, tt.count, got, err, tt.want)
			}
		}
		nothingLeft(t, s)
		sent := requests(srv, "POST", commandsOp)
		for _, bad := range [][2]int64{{-1, 0}, {0, -1}} {
			if _, err := s.GetFilePart(t.Context(), invoice, bad[0], bad[1]); err == nil {
				t.Errorf("GetFilePart(%d, %d) succeeded", bad[0], bad[1])
			}
		}
		if n := requests(srv, "POST", commandsOp); n != sent {
			t.Errorf("%d commands were sent for parts that are none", n-sent)
		}
	})
}

// TestCopiesThatCannotBeDeleted gets a file with a key that may not delete: the file is what counts.
func TestCopiesThatCannotBeDeleted(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		srv.Inject(func(r *http.Request) bool {
			return r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/files/")
		}, -1,
			fake.Status(http.StatusForbidden, nil, "no"))
		r, err := s.GetFile(t.Context(), invoice)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != "MZ evil" {
			t.Errorf("GetFile read %q, %v", got, err)
		}
		if err := s.PutFile(t.Context(), `C:\Users\kim\plan.txt`, strings.NewReader("new")); err != nil {
			t.Errorf("PutFile: %v", err)
		}
	})
}
