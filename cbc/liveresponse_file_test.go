package cbc_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// TestGetFile fetches a file with the first command of a session, whose id is 0. The object store of the fake refuses whoever
// shows the API key.
func TestGetFile(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 1<<16)
	world := func(change func(*cbctest.LiveResponseSwitches)) cbctest.World {
		return lab(func(w *cbctest.World, d *cbctest.Device) {
			d.Files = append(d.Files, cbctest.File{Path: `C:\big.bin`, Content: big})
			change(&w.Switches.LiveResponse)
		})
	}
	for name, change := range map[string]func(*cbctest.LiveResponseSwitches){
		"through the redirect":    func(*cbctest.LiveResponseSwitches) {},
		"directly":                func(s *cbctest.LiveResponseSwitches) { s.DirectContent = true },
		"after a slow transfer":   func(s *cbctest.LiveResponseSwitches) { s.CommandDelay = 9 * time.Minute },
		"with the older statuses": func(s *cbctest.LiveResponseSwitches) { s.LowerStatus = true },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, world(change), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				r, err := s.GetFile(t.Context(), `C:\big.bin`)
				if err != nil {
					t.Fatalf("GetFile: %v", err)
				}
				got, err := io.ReadAll(r)
				if err := errors.Join(err, r.Close()); err != nil || string(got) != big {
					t.Errorf("GetFile read %d bytes, %v, want %d", len(got), err, len(big))
				}
				for _, req := range srv.Requests() {
					if req.Status == http.StatusBadRequest {
						t.Errorf("%s %s was refused", req.Method, req.Path)
					}
				}
			})
		})
	}
	t.Run("after more time than an idle session has", func(t *testing.T) {
		slow := world(func(s *cbctest.LiveResponseSwitches) { s.CommandDelay = 20 * time.Minute })
		inBubble(t, slow, func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{TransferTimeout: time.Hour})
			r, err := s.GetFile(t.Context(), `C:\big.bin`)
			if err != nil {
				t.Fatalf("GetFile: %v", err)
			}
			_ = r.Close()
		})
	})
	t.Run("that does not exist", func(t *testing.T) {
		inBubble(t, world(func(*cbctest.LiveResponseSwitches) {}), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			if _, err := s.GetFile(t.Context(), `C:\none.bin`); !errors.Is(err, cbc.ErrFileNotFound) {
				t.Errorf("GetFile = %v, want ErrFileNotFound", err)
			}
			if n := requests(srv, "GET", sessionOp+"/files/{file_id}/content"); n != 0 {
				t.Errorf("the content of a file that is not there was asked for %d times", n)
			}
		})
	})
	for name, location := range map[string]string{
		"to nowhere": "", "to another protocol": "ftp://objects.example/x", "to plain http": "http://objects.example/x", "to a path": "/x",
	} {
		t.Run("redirected "+name, func(t *testing.T) {
			inBubble(t, world(func(*cbctest.LiveResponseSwitches) {}), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				header := http.Header{}
				if location != "" {
					header.Set("Location", location)
				}
				srv.Inject(onRequest("GET", "/content"), -1, fake.Status(http.StatusFound, header, ""))
				if r, err := s.GetFile(t.Context(), `C:\big.bin`); err == nil {
					t.Errorf("GetFile = %v, want an error", r)
				} else if location != "" && strings.Contains(err.Error(), location) {
					t.Errorf("GetFile = %v, which tells the signed address", err)
				}
			})
		})
	}
	t.Run("that the vendor has lost", func(t *testing.T) {
		inBubble(t, world(func(*cbctest.LiveResponseSwitches) {}), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			srv.Inject(onRequest("GET", "/content"), 1, fake.Status(http.StatusNotFound, nil, ""))
			if _, err := s.GetFile(t.Context(), `C:\big.bin`); !errors.Is(err, cbc.ErrNotFound) {
				t.Errorf("GetFile = %v, want ErrNotFound", err)
			}
			srv.Inject(onRequest("POST", "/commands"), 1, fake.Status(http.StatusCreated, nil, `{"id":9,"name":"get file","status":"COMPLETE"}`))
			if _, err := s.GetFile(t.Context(), `C:\big.bin`); err == nil {
				t.Error("GetFile succeeded without a file")
			}
			if _, err := s.GetFile(t.Context(), ""); err == nil {
				t.Error("GetFile without a path succeeded")
			}
		})
	})
	t.Run("cut off", func(t *testing.T) {
		inBubble(t, world(func(*cbctest.LiveResponseSwitches) {}), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			s := open(t, client, cbc.OpenOptions{})
			srv.Inject(func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/cbc-object-store/") }, -1, fake.Truncate(1000))
			r, err := s.GetFile(t.Context(), `C:\big.bin`)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err == nil {
				t.Errorf("%d bytes of %d pass for the file", len(got), len(big))
			}
			_ = r.Close()
		})
	})
}

// TestAnswersThatAreNoFile has a success without the file in it pass for none.
func TestAnswersThatAreNoFile(t *testing.T) {
	for _, status := range []int{http.StatusAccepted, http.StatusNoContent, http.StatusPartialContent} {
		for where, match := range map[string]func(*http.Request) bool{
			"the vendor": onRequest("GET", "/content"),
			"the store":  func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/cbc-object-store/") },
		} {
			t.Run(http.StatusText(status)+" from "+where, func(t *testing.T) {
				inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
					s := open(t, client, cbc.OpenOptions{})
					srv.Inject(match, -1, fake.Status(status, nil, ""))
					if _, err := s.GetFile(t.Context(), invoice); err == nil {
						t.Errorf("GetFile takes a %d for a file", status)
					}
				})
			})
		}
	}
}
