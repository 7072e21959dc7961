package fake

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// sendBuffer is how much of an answer is held back until it is flushed, as a network would.
const sendBuffer = 16 << 10

// transport runs the handler on a goroutine for each request and streams its answer.
type transport struct {
	handler http.Handler
	host    string
}

// RoundTrip sends one request. The handler's goroutine ends when the answer has been read, its body closed, or the context is
// done.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.host != "" && r.URL.Host != t.host {
		closeBody(r)
		return nil, fmt.Errorf("fake: no such host: %q (this client reaches %q alone)", r.URL.Host, t.host)
	}
	if err := r.Context().Err(); err != nil {
		closeBody(r)
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	pr, pw := io.Pipe()
	a := &answering{ready: make(chan struct{}), header: http.Header{}, pipe: pw, head: r.Method == http.MethodHead}
	a.buf = bufio.NewWriterSize(pw, sendBuffer)
	stop := context.AfterFunc(ctx, func() { _ = pw.CloseWithError(ctx.Err()) })
	go func() {
		defer closeBody(r)
		defer cancel()
		defer stop()
		a.serve(t.handler, incoming(ctx, r))
	}()
	// Closing the body ends the handler's context, as closing a connection does.
	body := &responseBody{PipeReader: pr, close: func() { stop(); cancel() }}
	select {
	case <-a.ready:
	case <-r.Context().Done():
		cancel()
		return nil, r.Context().Err()
	}
	if a.failed != nil {
		_ = body.Close()
		return nil, a.failed
	}
	return a.response(r, body), nil
}

// incoming is the request as a server sees it.
func incoming(ctx context.Context, r *http.Request) *http.Request {
	in := r.Clone(ctx)
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:49152"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	if _, ok := in.Header["User-Agent"]; !ok {
		in.Header.Set("User-Agent", "Go-http-client/1.1")
	}
	return in
}

// closeBody does what every RoundTripper must, even on errors.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// answering is the ResponseWriter of one request. The caller reads sent, status, length and failed once ready is closed; from
// then on the handler's goroutine leaves them alone.
type answering struct {
	header http.Header
	pipe   *io.PipeWriter
	buf    *bufio.Writer
	head   bool

	wrote  bool
	typed  bool
	status int
	sent   http.Header
	length int64

	ready  chan struct{}
	once   sync.Once
	failed error
}

// serve runs the handler to its end.
func (a *answering) serve(h http.Handler, r *http.Request) {
	finished := false
	defer func() {
		switch v := recover(); {
		case v == http.ErrAbortHandler: //nolint:errorlint // a panic's value is compared as net/http compares it
			// Before the header this is a refused connection, afterwards a cut one.
			a.once.Do(func() { a.failed = io.EOF; close(a.ready) })
			_ = a.pipe.CloseWithError(io.ErrUnexpectedEOF)
		case v != nil:
			panic(v)
		case !finished: // runtime.Goexit, which t.FailNow in a handler does
			a.once.Do(func() { a.failed = io.EOF; close(a.ready) })
			_ = a.pipe.CloseWithError(io.ErrUnexpectedEOF)
		}
	}()
	h.ServeHTTP(a, r)
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	select {
	case <-a.ready:
	default: // nothing was sent yet, so the length is known
		a.length = int64(a.buf.Buffered())
	}
	a.Flush()
	_ = a.pipe.Close()
	finished = true
}

// Header returns the header that WriteHeader will send.
func (a *answering) Header() http.Header { return a.header }

// WriteHeader fixes status and header; they are sent with the first bytes that leave the buffer.
func (a *answering) WriteHeader(status int) {
	if a.wrote || status < http.StatusOK {
		return
	}
	a.wrote, a.status, a.length = true, status, -1
	a.sent = a.header.Clone()
	if a.sent.Get("Date") == "" {
		a.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if n, err := strconv.ParseInt(a.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		a.length = n
	}
}

// Write buffers p and sends what no longer fits.
func (a *answering) Write(p []byte) (int, error) {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	if !a.typed && len(p) > 0 {
		a.typed = true
		if _, ok := a.sent["Content-Type"]; !ok {
			a.sent.Set("Content-Type", http.DetectContentType(p))
		}
	}
	if a.head {
		return len(p), nil
	}
	if len(p) > a.buf.Available() {
		a.release()
	}
	return a.buf.Write(p)
}

// Flush sends the header and what is buffered.
func (a *answering) Flush() {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	a.release()
	_ = a.buf.Flush()
}

// release lets RoundTrip return.
func (a *answering) release() {
	a.typed = true
	a.once.Do(func() { close(a.ready) })
}

// response is what the caller gets.
func (a *answering) response(r *http.Request, body io.ReadCloser) *http.Response {
	res := &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, ContentLength: a.length, Body: body, Request: r,
	}
	if a.length < 0 && !a.head {
		res.TransferEncoding = []string{"chunked"}
	}
	return res
}

// responseBody closes the exchange with the body.
type responseBody struct {
	*io.PipeReader
	close func()
}

// Close cuts what the handler still wants to send.
func (b *responseBody) Close() error {
	err := b.PipeReader.Close()
	b.close()
	return err
}
