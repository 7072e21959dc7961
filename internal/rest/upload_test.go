package rest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/rest"
)

// upload is a call that sends text, which can be had again unless once is set.
func upload(text string, once bool) rest.Call {
	r := strings.NewReader(text)
	return rest.Call{
		Op: "things.put", Method: http.MethodPost, Route: "/v1/things", Repeatable: true,
		Upload: &rest.Upload{Type: "text/plain", Size: int64(len(text)), Once: once, Open: func() (io.ReadCloser, error) {
			_, err := r.Seek(0, io.SeekStart)
			return io.NopCloser(r), err
		}},
	}
}

func TestAnUploadIsSentAnewWithEachAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(503, ""), answer(429, "", "Retry-After", "1"), broken(errRefused), answer(201, `{}`))
		if _, err := call(t.Context(), core(t, s), upload("content", false)); err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, r := range s.requests() {
			bodies = append(bodies, r.Body+" as "+r.Header.Get("Content-Type"))
		}
		want := []string{"content as text/plain", "content as text/plain", "content as text/plain", "content as text/plain"}
		if diff := cmp.Diff(want, bodies); diff != "" {
			t.Errorf("bodies (-want +got):\n%s", diff)
		}
	})
}

func TestAnUploadThatCanBeReadOnceIsNotRepeated(t *testing.T) {
	for name, first := range map[string]step{"503": answer(503, ""), "429": answer(429, "", "Retry-After", "1"), "a broken connection": broken(errRefused)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := play(first, answer(201, `{}`))
				if _, err := call(t.Context(), core(t, s), upload("content", true)); err == nil || len(s.requests()) != 1 {
					t.Errorf("error %v after %d requests, want the failure of the only one", err, len(s.requests()))
				}
			})
		})
	}
}

// unreading answers without having read the request.
type unreading struct {
	first error
	then  *script
}

func (u *unreading) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := u.first; err != nil {
		u.first = nil
		r.Body.Close()
		return nil, err
	}
	return u.then.RoundTrip(r)
}

func TestAnUploadThatNobodyReadIsRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(201, `{}`))
		if _, err := call(t.Context(), core(t, &unreading{errRefused, s}), upload("content", true)); err != nil {
			t.Fatal(err)
		}
		if got := s.requests(); len(got) != 1 || got[0].Body != "content" {
			t.Errorf("requests = %+v, want one with the content", got)
		}
	})
}

func TestAnUploadThatCannotBeReadFails(t *testing.T) {
	bad := errors.New("bad sector")
	for name, tt := range map[string]struct {
		upload rest.Upload
		want   string
		is     error
	}{
		"opened": {
			rest.Upload{Open: func() (io.ReadCloser, error) { return nil, bad }},
			"svc: things.put: opening what is to be sent: bad sector", bad,
		},
		"read": {
			rest.Upload{Size: -1, Open: func() (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader("ab"), broke{bad})), nil
			}},
			"svc: things.put: reading what is to be sent: bad sector", bad,
		},
		"too short": {
			rest.Upload{Size: 5, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abc")), nil }},
			"svc: things.put: reading what is to be sent: there are 3 of the 5 bytes that were to be sent: unexpected EOF", io.ErrUnexpectedEOF,
		},
		"too long": {
			rest.Upload{Size: 2, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abc")), nil }},
			"svc: things.put: reading what is to be sent: there is more than the 2 bytes that were to be sent", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				what := upload("", false)
				what.Upload = &tt.upload
				// The service answers what it likes to what it has got of it.
				lenient := func(r *http.Request) (*http.Response, error) {
					return response(r, 201, io.NopCloser(strings.NewReader("{}"))), nil
				}
				s := roundTripper(func(r *http.Request) (*http.Response, error) {
					_, _ = io.Copy(io.Discard, r.Body)
					r.Body.Close()
					return lenient(r)
				})
				_, err := call(t.Context(), core(t, s), what)
				if err == nil || err.Error() != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("error = %v, want %s", err, tt.want)
				}
			})
		})
	}
}

type broke struct{ err error }

func (b broke) Read([]byte) (int, error) { return 0, b.err }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// pause is a source that takes its time, or a transport that does.
type pause struct {
	before time.Duration
	parts  int
}

func (p *pause) Read(b []byte) (int, error) {
	if p.parts == 0 {
		return 0, io.EOF
	}
	p.parts--
	time.Sleep(p.before)
	b[0] = 'x'
	return 1, nil
}

func TestAnUploadMayTakeAsLongAsItMoves(t *testing.T) {
	t.Run("with a slow source", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := play(answer(201, "{}"))
			what := upload("", false)
			what.Upload = &rest.Upload{Size: -1, Open: func() (io.ReadCloser, error) { return io.NopCloser(&pause{time.Hour, 24}), nil }}
			if _, err := call(t.Context(), core(t, s), what); err != nil || len(s.requests()) != 1 || len(s.requests()[0].Body) != 24 {
				t.Errorf("error %v, requests %+v; want 24 bytes in one of them", err, s.requests())
			}
		})
	})
	slow := func(between time.Duration) roundTripper {
		return func(r *http.Request) (*http.Response, error) {
			defer r.Body.Close()
			for b := make([]byte, 1); ; {
				if _, err := r.Body.Read(b); err != nil {
					return response(r, 201, io.NopCloser(strings.NewReader("{}"))), nil
				}
				select {
				case <-time.After(between):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}
		}
	}
	t.Run("over a slow line", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			if took, err := call(t.Context(), core(t, slow(59*time.Second)), upload("abcdefgh", false)); err != nil || took != 8*59*time.Second {
				t.Errorf("error %v after %s, want none after 8 times 59 s", err, took)
			}
		})
	})
	t.Run("and no longer", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			took, err := call(t.Context(), core(t, slow(61*time.Second), func(c *rest.Config) { c.Attempts = 1 }), upload("abcdefgh", false))
			if err == nil || took != time.Minute {
				t.Errorf("error %v after %s, want a time-out after 1m", err, took)
			}
		})
	})
}

// TestNoTwoAttemptsReadAtOnce gives up an attempt whose read is under way: the next one waits for it.
func TestNoTwoAttemptsReadAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		reading := &counter{}
		n := 0
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			n++
			if n == 1 {
				go io.Copy(io.Discard, r.Body)
				synctest.Wait()
				return nil, errRefused
			}
			defer r.Body.Close()
			_, err := io.Copy(io.Discard, r.Body)
			return response(r, 201, io.NopCloser(strings.NewReader("{}"))), err
		})
		what := upload("", false)
		what.Upload = &rest.Upload{Size: -1, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(readFunc(func([]byte) (int, error) {
				if reading.add(1) > 1 {
					t.Error("two reads at once")
				}
				time.Sleep(time.Hour)
				reading.add(-1)
				return 0, io.EOF
			})), nil
		}}
		if took, err := call(t.Context(), core(t, transport), what); err != nil || took < 2*time.Hour {
			t.Errorf("error %v after %s, want none after both reads", err, took)
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestACanceledUploadEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, w := io.Pipe()
		defer w.Close()
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			go io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		what := upload("", false)
		what.Upload = &rest.Upload{Size: -1, Once: true, Open: func() (io.ReadCloser, error) { return r, nil }}
		if took, err := call(ctx, core(t, transport), what); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("error %v after %s, want the context's after 1s", err, took)
		}
	})
}

func TestUploadExcludesABody(t *testing.T) {
	t.Parallel()
	what := upload("x", false)
	what.Body = "y"
	s := play(answer(201, "{}"))
	if _, err := call(t.Context(), core(t, s), what); err == nil || len(s.requests()) != 0 {
		t.Errorf("error %v after %d requests, want one without any", err, len(s.requests()))
	}
}

// TestUploadOverASocket sends more than any buffer holds through net/http itself, with and without a length.
func TestUploadOverASocket(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, content) {
			http.Error(w, "other content", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strconv.FormatInt(r.ContentLength, 10))
	}))
	defer srv.Close()
	c := core(t, srv.Client().Transport, func(c *rest.Config) { c.BaseURL = srv.URL })
	for _, size := range []int64{-1, int64(len(content))} {
		what := upload("", false)
		what.Upload = &rest.Upload{Size: size, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
		var length int64
		if _, err := c.Do(t.Context(), what, &length); err != nil || length != size {
			t.Errorf("size %d: length %d, error %v", size, length, err)
		}
	}
}

// TestAnUploadThatWasNotReadFails has a service call it a success before it has all of it.
func TestAnUploadThatWasNotReadFails(t *testing.T) {
	for name, size := range map[string]int64{"of a known size": 3, "of an unknown size": -1} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				hasty := roundTripper(func(r *http.Request) (*http.Response, error) {
					_, _ = io.ReadFull(r.Body, make([]byte, 2))
					r.Body.Close()
					return response(r, 201, io.NopCloser(strings.NewReader("{}"))), nil
				})
				what := upload("", false)
				what.Upload = &rest.Upload{Size: size, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abc")), nil }}
				const want = "svc: things.put: the answer came before all was sent"
				if _, err := call(t.Context(), core(t, hasty), what); err == nil || err.Error() != want {
					t.Errorf("error = %v, want %s", err, want)
				}
			})
		})
	}
}
