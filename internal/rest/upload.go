package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Upload is a body that is read while it is sent. Neither its size nor the time that it takes is bounded, but the time between two
// reads is (Config.Timeout), and so is the wait for the answer after the last one. How long a read takes is the reader's affair.
type Upload struct {
	// Type is the content type.
	Type string
	// Size is the number of bytes, below zero if nobody knows it. More or fewer of them fail the call.
	Size int64
	// Open returns the bytes from the first on. It is called for each attempt, once that has its turn, and what it returns is
	// closed. When the context ends during a read, the call may return before that read does; no other one follows.
	Open func() (io.ReadCloser, error)
	// Once says that the bytes can be had once. As soon as one of them was read the call is not repeated, not even after a 429.
	Once bool
}

var errAttemptOver = errors.New("the attempt is over")

// sending is the body of one attempt.
type sending struct {
	src   io.ReadCloser
	size  int64
	clock *time.Timer
	limit time.Duration
	busy  chan struct{} // holds one while src is read
	close sync.Once

	mu      sync.Mutex
	sent    int64
	ended   bool // src is at its end
	touched bool
	over    bool
	err     error
}

// attach gives an attempt its body.
func (u *Upload) attach(f *flight, r *http.Request, clock *time.Timer, limit time.Duration) error {
	open := func() (io.ReadCloser, error) {
		if err := f.quiet(r.Context()); err != nil {
			return nil, err
		}
		src, err := u.Open()
		if err != nil {
			return nil, fmt.Errorf("opening what is to be sent: %w", err)
		}
		f.sending = &sending{src: src, size: u.Size, clock: clock, limit: limit, busy: make(chan struct{}, 1)}
		return f.sending, nil
	}
	body, err := open()
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = body, max(u.Size, -1)
	if !u.Once {
		r.GetBody = open // for a connection that turns out to be closed before anything was written
	}
	return nil
}

// Read reads on, unless the attempt is over. The clock of the attempt stands still meanwhile.
func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return 0, errAttemptOver
	}
	s.touched = true
	s.clock.Stop()
	s.busy <- struct{}{} // free: transports read one after the other
	s.mu.Unlock()

	n, err := s.src.Read(p)

	s.mu.Lock()
	defer s.mu.Unlock()
	<-s.busy
	s.sent += int64(n)
	if s.over {
		return 0, errAttemptOver
	}
	s.clock.Reset(s.limit)
	switch {
	case s.size >= 0 && s.sent > s.size:
		err = fmt.Errorf("there is more than the %d bytes that were to be sent", s.size)
	case err == io.EOF && s.sent < s.size: //nolint:errorlint // an end that is wrapped in something is not the end
		err = fmt.Errorf("there are %d of the %d bytes that were to be sent: %w", s.sent, s.size, io.ErrUnexpectedEOF)
	}
	s.ended = err == io.EOF          //nolint:errorlint // as above
	if err != nil && err != io.EOF { //nolint:errorlint // as above
		s.err = fmt.Errorf("reading what is to be sent: %w", err)
		return 0, s.err
	}
	return n, err
}

// Close ends reading. It may be called more than once.
func (s *sending) Close() error {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	var err error
	s.close.Do(func() { err = s.src.Close() })
	return err
}

// quiet waits for a read of the attempt before, which may be under way still: both may be reading from the same place.
func (f *flight) quiet(ctx context.Context) error {
	if f.sending == nil {
		return nil
	}
	_ = f.sending.Close()
	select {
	case f.sending.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finish ends reading when an attempt is over, whatever its transport does.
func (f *flight) finish() {
	if f.sending != nil {
		_ = f.sending.Close() // what was read was read
	}
}

var errHasty = errors.New("the answer came before all was sent")

// unread is why what was to be sent is not all there, whatever the service answers: it could not be read, or nobody has.
func (f *flight) unread(success bool) error {
	if f.sending == nil {
		return nil
	}
	s := f.sending
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && success && (s.size < 0 && !s.ended || s.sent < s.size) {
		return errHasty
	}
	return s.err
}

// spent tells whether the body cannot be sent again.
func (f *flight) spent() bool {
	if f.call.Upload == nil || !f.call.Upload.Once || f.sending == nil {
		return false
	}
	f.sending.mu.Lock()
	defer f.sending.mu.Unlock()
	return f.sending.touched
}
