package proofpointhunt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// cursors are cursors in memory.
type cursors struct {
	mu   sync.Mutex
	text map[string][]byte
}

func (c *cursors) Cursor(_ context.Context, name string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text[name], nil
}

func (c *cursors) MoveCursor(_ context.Context, name string, from, to []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !bytes.Equal(c.text[name], from) {
		return false, nil
	}
	if c.text == nil {
		c.text = make(map[string][]byte)
	}
	c.text[name] = slices.Clone(to)
	return true, nil
}

// follower makes a run after another, each with a client of its own, as cron does.
type follower struct {
	srv     *proofpointtest.Server
	options proofpointhunt.Options
	quota   map[proofpoint.Bucket]int
	holes   []hunt.Window
	read    []hunt.Window
	bad     int
	// end is where the window of the last run was to end.
	end time.Time
	// lose makes every answer to Ask.Read an error.
	lose bool
}

func follow(srv *proofpointtest.Server) *follower {
	return &follower{
		srv: srv, options: proofpointhunt.Options{Delivered: true, Cursors: new(cursors), Delta: 15 * time.Minute},
		quota: map[proofpoint.Bucket]int{proofpoint.BucketSIEM: proofpoint.NoLimit},
	}
}

func (f *follower) source(t *testing.T) *proofpointhunt.Source {
	t.Helper()
	quota, err := proofpoint.NewQuota(f.quota)
	if err != nil {
		t.Fatal(err)
	}
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret), HTTPClient: f.srv.Client(), Quota: quota,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.options.Quota = quota
	source, err := proofpointhunt.New(client, f.options)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// run names each file with the recipient of its mail.
func (f *follower) run(t *testing.T) ([]string, error) {
	t.Helper()
	return f.ask(t, hunt.Window{})
}

func (f *follower) ask(t *testing.T, w hunt.Window) ([]string, error) {
	t.Helper()
	ask := hunt.Ask{
		Window: w, OnHole: func(w hunt.Window) { f.holes = append(f.holes, w) }, OnBad: func(hunt.BadRecord) { f.bad++ },
		OnRead: func(_ context.Context, w hunt.Window) error {
			if f.lose {
				return hunt.ErrNotKept
			}
			if !w.IsZero() {
				f.read = append(f.read, w)
			}
			return nil
		},
	}
	f.end = time.Now().UTC().Add(-f.options.Delta).Truncate(time.Second)
	var names []string
	for ind, err := range f.source(t).Indicators(t.Context(), ask) {
		if err != nil {
			slices.Sort(names)
			return names, err
		}
		names = append(names, ind.Mails[0].FileName+" to "+ind.Mails[0].Recipients[0])
	}
	slices.Sort(names)
	return names, nil
}

// mail is a mail with a condemned file that carries its name.
func mail(n int, at time.Time) proofpointtest.Message {
	name := fmt.Sprintf("file-%03d.exe", n)
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	return proofpointtest.Message{
		GUID: name, Time: at, Recipients: []string{"kim@corp.example", "pat@corp.example"},
		Parts:   []proofpointtest.Part{{Filename: name, SHA256: hash, MD5: hash[:32]}},
		Threats: []proofpointtest.Threat{{Artifact: hash, Time: at}},
	}
}

// mails come every ten minutes, and both recipients are expected.
func mails(start time.Time, hours int) (all []proofpointtest.Message, want []string) {
	for n := range hours * 6 {
		m := mail(n, start.Add(time.Duration(n)*10*time.Minute+time.Second))
		all = append(all, m)
		for _, to := range m.Recipients {
			want = append(want, m.GUID+" to "+to)
		}
	}
	return all, want
}

// cut answers with the first part of the body, and breaks off.
func cut(part float64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			whole := httptest.NewRecorder()
			next.ServeHTTP(whole, r)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.CopyN(w, whole.Body, int64(float64(whole.Body.Len())*part))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}
}
