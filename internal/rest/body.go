package rest

import (
	"context"
	"io"
	"sync"
	"time"
)

// body is what is left of an attempt once its headers are there. Closing it, or reading it to its end, ends the attempt and
// frees its place.
type body struct {
	src     io.ReadCloser
	explain func(error) error // the cause of a failed read, without secrets
	end     func()
	once    sync.Once

	idle  time.Duration // zero: not watched
	guard *time.Timer
}

// watch lets the body be silent for no longer than idle while somebody reads. The time between two reads is the reader's.
func (b *body) watch(idle time.Duration, cancel context.CancelCauseFunc) {
	b.idle = idle
	b.guard = time.AfterFunc(idle, func() { cancel(&timeoutError{"no more data", idle}) })
	b.guard.Stop()
}

// Read reads on. Its errors have no address in them; they do not name the operation either, which its reader knows.
func (b *body) Read(p []byte) (int, error) {
	if b.guard != nil {
		b.guard.Reset(b.idle)
	}
	n, err := b.src.Read(p)
	if b.guard != nil {
		b.guard.Stop()
	}
	if err == nil {
		return n, nil
	}
	if err != io.EOF { //nolint:errorlint // an end that is wrapped in something is not the end of the body
		err = b.explain(err)
	}
	b.finish()
	return n, err
}

// Close ends the attempt. It may be called more than once.
func (b *body) Close() error {
	// Ending the attempt first wakes a source that would otherwise be drained for as long as it sends.
	b.finish()
	return b.src.Close()
}

func (b *body) finish() { b.once.Do(b.end) }
