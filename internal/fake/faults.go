package fake

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// faults are the injected ones, in order.
type faults struct {
	mu   sync.Mutex
	list []*injection
}

// injection is a fault with the requests that it is meant for.
type injection struct {
	match func(*http.Request) bool
	left  int
	fault func(http.Handler) http.Handler
}

// add puts a fault at the end.
func (f *faults) add(match func(*http.Request) bool, n int, fault func(http.Handler) http.Handler) {
	if n == 0 || fault == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, &injection{match: match, left: n, fault: fault})
}

// next takes the first fault that is meant for r. The lock is held while a match runs, so that two requests never share one
// count.
func (f *faults) next(r *http.Request, rewind func()) func(http.Handler) http.Handler {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, in := range f.list {
		if in.match != nil {
			rewind()
			if !in.match(r) {
				continue
			}
		}
		if in.left > 0 {
			in.left--
		}
		if in.left == 0 {
			f.list = append(f.list[:i:i], f.list[i+1:]...)
		}
		return in.fault
	}
	return nil
}

// Status answers in the handler's place.
func Status(code int, header http.Header, body string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			answer(w, code, header, body)
		})
	}
}

// Fail is what FailNext of the fakes injects: an answer of plain text with the given status. A 429 asks to wait for a minute.
func Fail(code int) func(http.Handler) http.Handler {
	header := http.Header{}
	if code == http.StatusTooManyRequests {
		header.Set("Retry-After", "60")
	}
	return Status(code, header, http.StatusText(code)+" (injected fault)\n")
}

// Drop closes the connection without an answer. The handler does not run.
func Drop() func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	}
}

// ActThenDrop runs the handler and closes the connection in place of its answer: what was asked for is done, and nobody
// was told.
func ActThenDrop() func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&discard{header: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		})
	}
}

// ActThenFail runs the handler and answers with code in its place.
func ActThenFail(code int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&discard{header: http.Header{}}, r)
			Fail(code)(nil).ServeHTTP(w, r)
		})
	}
}

// Truncate sends the first n bytes of the body and closes the connection, however short the body is: n at least its length
// loses the end alone.
func Truncate(n int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&truncator{ResponseWriter: w, left: n}, r)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}
}

// Delay waits before the handler runs, and gives up when the caller does.
func Delay(d time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		})
	}
}

// answer writes a whole answer.
func answer(w http.ResponseWriter, code int, header http.Header, body string) {
	for name, values := range header {
		w.Header()[http.CanonicalHeaderKey(name)] = append([]string(nil), values...)
	}
	if w.Header().Get("Content-Type") == "" && body != "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}

// discard is a ResponseWriter that nobody reads.
type discard struct{ header http.Header }

// Header returns a header that is thrown away.
func (d *discard) Header() http.Header { return d.header }

// Write throws p away.
func (*discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader does nothing.
func (*discard) WriteHeader(int) {}

// Flush does nothing.
func (*discard) Flush() {}

// truncator lets the first bytes through and then closes the connection.
type truncator struct {
	http.ResponseWriter
	left int64
}

// WriteHeader leaves the length untold: a server refuses to send less than it promised.
func (t *truncator) WriteHeader(code int) {
	t.Header().Del("Content-Length")
	t.ResponseWriter.WriteHeader(code)
}

// Write passes on what is left to send. It does not panic itself: the handler may hold a lock.
func (t *truncator) Write(p []byte) (int, error) {
	t.Header().Del("Content-Length")
	n, err := t.ResponseWriter.Write(p[:min(t.left, int64(len(p)))])
	t.left -= int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// Flush sends what is buffered.
func (t *truncator) Flush() { _ = http.NewResponseController(t.ResponseWriter).Flush() }

// Unwrap lets [http.ResponseController] through.
func (t *truncator) Unwrap() http.ResponseWriter { return t.ResponseWriter }
