package cbc

import (
	"context"
	"errors"
	"io"
	"time"
)

// DefaultMemoryTimeout is how long the vendor's own SDK waits for a memory dump, and for its upload.
const DefaultMemoryTimeout = time.Hour

// MemoryOptions say how the memory of a device is dumped. The zero value is a good choice.
type MemoryOptions struct {
	// Compress has the sensor pack the dump: what is read is a ZIP archive then. It takes longer on the device and less on the line.
	Compress bool
	// Directory is where the device keeps the dump, under a name of its own, until it is uploaded: on a drive with room for all of
	// the memory. Defaults to the system's directory for temporary files.
	Directory string
	// Timeout is how long the device may take for the dump, and again for its upload. Defaults to DefaultMemoryTimeout.
	Timeout time.Duration
}

// MemoryDump dumps the memory of the device and streams it, for as long as ctx lives and bytes arrive. The device writes a file,
// uploads it to the vendor and deletes it, before MemoryDump returns; if deleting fails, the reader is returned with an error that
// names the file. The caller closes the reader, which also deletes the vendor's copy if that can be and all of it was read. Of a
// dump whose way broke the vendor's copy stays as long as the session: see [Session.Transfers] and [Session.OpenTransfer]. The
// session is kept alive meanwhile, and a dump that was begun is never begun again by itself. It needs org.liveresponse.memdump (READ),
// org.liveresponse.file (READ, DELETE) and org.liveresponse.session (READ).
func (s *Session) MemoryDump(ctx context.Context, opts MemoryOptions) (io.ReadCloser, error) {
	const op = "live_response.memory_dump"
	if err := errors.Join(s.usable(op), s.supports(op, commandMemoryDump), s.supports(op, commandGetFile), s.supports(op, commandDeleteFile)); err != nil {
		return nil, err
	}
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultMemoryTimeout
	}
	path, err := s.temporary(op, opts.Directory, ".dmp")
	if err != nil {
		return nil, err
	}
	file := path
	if opts.Compress {
		file += ".zip"
	}
	err = s.dump(ctx, order{op: op, limit: opts.Timeout, pause: longestLook, body: orderBody{Name: commandMemoryDump, Path: path, Compress: opts.Compress}})
	if err != nil && !mayHaveStarted(err) {
		return nil, err
	}
	var content io.ReadCloser
	if err == nil {
		content, err = s.fetch(ctx, order{op: op, limit: opts.Timeout, pause: longestLook, precious: true, body: orderBody{Path: file}})
	}
	// A sensor that is interrupted while it packs has both.
	left := s.tidy(ctx, op, file)
	if err != nil && file != path {
		left = errors.Join(left, s.tidy(ctx, op, path))
	}
	return content, errors.Join(err, left)
}

func (s *Session) dump(ctx context.Context, o order) error {
	return s.in(ctx, o.op, notTaken, func(session SessionID) error {
		first, last, err := s.give(ctx, session, o)
		if code := last.MemoryDump.is.ReturnCode; err == nil && code != 0 {
			id, _ := first.id() // give has looked at it
			failed := s.commandError(taken{order: o, session: session, id: id}, last)
			failed.Code = uint32(code) //nolint:gosec // signed or unsigned, as result codes are
			return failed
		}
		return err
	})
}
