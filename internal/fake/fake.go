package fake

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxBody is the largest request body that a fake reads; beyond it the answer is 413.
const maxBody = 64 << 20

// Config describes a Server. The zero value serves nothing and lets everybody in.
type Config struct {
	// Name begins the texts of refusals: "cbctest".
	Name string
	// URL is the address under which Client reaches the server: "https://cbc.invalid". Requests to another host fail as
	// they would on a network without that host. Empty lets every host through.
	URL string
	// Now is the clock of the journal. Defaults to time.Now.
	Now func() time.Time
	// Authenticate wraps every handler but those of routes marked [Open], unknown routes included: as with the real
	// services, nobody learns without credentials what is served. Nil lets everybody in.
	Authenticate func(next http.Handler) http.Handler
	// Wrap is outside everything else, faults included. Nil adds nothing.
	Wrap func(next http.Handler) http.Handler
	// Unknown answers paths without a route, and MethodNotAllowed paths whose route has another method (the header Allow
	// is set). They default to 501 and 405 with a reason in plain text.
	Unknown, MethodNotAllowed http.Handler
}

// Server is an http.Handler that routes, records and fails on request.
type Server struct {
	cfg    Config
	routes router
	log    journal
	faults faults
	client *transport
}

// New makes a server without routes.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Unknown == nil {
		cfg.Unknown = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, fmt.Sprintf("%s: no route for %s %s", cfg.Name, r.Method, r.URL.EscapedPath()), http.StatusNotImplemented)
		})
	}
	if cfg.MethodNotAllowed == nil {
		cfg.MethodNotAllowed = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := fmt.Sprintf("%s: %s does not take %s, only %s", cfg.Name, r.URL.EscapedPath(), r.Method, w.Header().Get("Allow"))
			http.Error(w, text, http.StatusMethodNotAllowed)
		})
	}
	s := &Server{cfg: cfg, log: journal{limits: defaultLimits()}}
	s.client = &transport{handler: s}
	if u, err := url.Parse(cfg.URL); err == nil {
		s.client.host = u.Host
	}
	return s
}

// Client reaches the server without a network, and can be used inside synctest bubbles. Bodies are streamed; a context that
// ends cuts them; [http.ErrAbortHandler] in a handler is a transport error for the caller.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.client} }

// Inject lets fault stand in front of the next n requests that match; nil matches any, n below zero lasts for ever. Faults
// are consumed in the order in which they were injected, at most one a request. A match may read the body.
func (s *Server) Inject(match func(*http.Request) bool, n int, fault func(http.Handler) http.Handler) {
	s.faults.add(match, n, fault)
}

// Requests returns the journal, oldest first.
func (s *Server) Requests() []Request { return s.log.all() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, allowed := s.routes.find(r)
	var secret bool
	if found != nil {
		r.Pattern, secret = found.pattern, found.secret
	}
	body, whole := readBody(r)
	entry := s.log.open(r, body, secret, s.cfg.Now().UTC())
	rec := &statusWriter{ResponseWriter: w, written: func(status int) { s.log.status(entry, status) }}
	if !whole {
		http.Error(rec, s.cfg.Name+": the request's body is too large or broken", http.StatusRequestEntityTooLarge)
		return
	}
	rewind := func() { r.Body = io.NopCloser(bytes.NewReader(body)) }
	fault := s.faults.next(r, rewind)
	rewind()

	var h http.Handler
	open := false
	switch {
	case found != nil:
		h, open = found.handler, found.open
	case allowed != "":
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allowed)
			s.cfg.MethodNotAllowed.ServeHTTP(w, r)
		})
	default:
		h = s.cfg.Unknown
	}
	if s.cfg.Authenticate != nil && !open {
		h = s.cfg.Authenticate(h)
	}
	if fault != nil {
		h = fault(h)
	}
	if s.cfg.Wrap != nil {
		h = s.cfg.Wrap(h)
	}
	h.ServeHTTP(rec, r)
}

// readBody reads the request's body; whole is false if it is broken or too large.
func readBody(r *http.Request) (body []byte, whole bool) {
	if r.Body == nil {
		return nil, true
	}
	defer func() { _ = r.Body.Close() }()
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(r.Body, maxBody+1))
	return buf.Bytes(), err == nil && n <= maxBody
}

// statusWriter tells the first status that is written.
type statusWriter struct {
	http.ResponseWriter
	written func(int)
	done    bool
}

// WriteHeader notes the status and passes it on.
func (w *statusWriter) WriteHeader(status int) {
	if !w.done && status >= http.StatusOK {
		w.done = true
		w.written(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write is preceded by a status of 200 unless another was set.
func (w *statusWriter) Write(p []byte) (int, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Flush sends what is buffered.
func (w *statusWriter) Flush() {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets [http.ResponseController] through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
