package cbc_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// slowFile is a file that takes its time, and does not like to be read by two.
type slowFile struct {
	t    *testing.T
	at   int64
	data string
	busy atomic.Int32
}

func (f *slowFile) Seek(offset int64, whence int) (int64, error) {
	if f.busy.Load() != 0 {
		f.t.Error("Seek during a read")
	}
	switch whence {
	case io.SeekStart:
		f.at = offset
	case io.SeekCurrent:
		f.at += offset
	case io.SeekEnd:
		f.at = int64(len(f.data)) + offset
	}
	return f.at, nil
}

func (f *slowFile) Read(p []byte) (int, error) {
	if f.busy.Add(1) != 1 {
		f.t.Error("two reads at once")
	}
	defer f.busy.Add(-1)
	time.Sleep(time.Minute)
	if f.at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[f.at:])
	f.at += int64(n)
	return n, nil
}

// hasty refuses the first upload while it is being read, as the transport of a real connection may hand on.
type hasty struct {
	next http.RoundTripper
	done bool
}

func (h *hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.done || !onRequest("POST", "/files")(r) {
		return h.next.RoundTrip(r)
	}
	h.done = true
	go func() { _, _ = io.Copy(io.Discard, r.Body) }()
	synctest.Wait()
	w := httptest.NewRecorder()
	fake.Status(http.StatusNotFound, nil, `{"error_code":"NOT_FOUND","message":"Session not found"}`)(nil).ServeHTTP(w, r)
	return w.Result(), nil
}

// TestAnUploadIsReadByOneAtATime replaces the session of an upload that is refused while its content is being read.
func TestAnUploadIsReadByOneAtATime(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, _ *cbc.Client) {
		client := connect(t, &http.Client{Transport: &hasty{next: srv.Client().Transport}})
		s := open(t, client, cbc.OpenOptions{Replace: true})
		time.Sleep(time.Hour)
		if err := s.PutFile(t.Context(), `C:\Users\kim\new.txt`, &slowFile{t: t, data: "content"}); err != nil {
			t.Errorf("PutFile: %v", err)
		}
		if got, _ := onDevice(t, srv, `C:\Users\kim\new.txt`); got != "content" {
			t.Errorf("the file is %q", got)
		}
	})
}

// TestAnUploadOfAnotherSize has the vendor say that it has another number of bytes than were sent: they must not get to the device.
func TestAnUploadOfAnotherSize(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		for body, ok := range map[string]bool{`{"id":"x","size":3}`: false, `{"id":"x","size":0}`: true, `{"id":"x"}`: true, `{"id":"x","size":7}`: true} {
			srv.Inject(onRequest("POST", "/files"), 1, fake.Status(http.StatusCreated, nil, body))
			if got, err := s.Upload(t.Context(), "x", strings.NewReader("content")); (err == nil) != ok {
				t.Errorf("Upload that is answered %s = %+v, %v, want success: %t", body, got, err, ok)
			}
		}
	})
}
