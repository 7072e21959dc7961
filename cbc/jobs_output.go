package cbc

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// output is the output of a job while it arrives.
type output struct {
	io.Reader
	source io.Closer
	op     string
}

// newOutput undoes the compression that the headers tell of: that of the transfer, and that of a file that is kept compressed. It takes
// the source over.
func newOutput(op string, status int, header http.Header, source io.ReadCloser) (io.ReadCloser, error) {
	out := &output{Reader: source, source: source, op: op}
	refuse := func(why error) error {
		return errors.Join(answerError(op, status, nil, why), source.Close())
	}
	for coding := range strings.SplitSeq(strings.Join(header.Values("Content-Encoding"), ","), ",") {
		switch coding = strings.ToLower(strings.TrimSpace(coding)); coding {
		case "", "identity":
		case "gzip", "x-gzip":
			out.Reader = &gunzip{src: out.Reader}
		default:
			return nil, refuse(fmt.Errorf("it is compressed as %q", printable(coding)))
		}
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "" // missing or odd: then it is what the job was told to write
	}
	switch kind {
	case "text/html":
		return nil, refuse(errors.New("a page instead of the output of a job"))
	case "application/gzip", "application/x-gzip":
		// Some servers name one compression in both headers.
		out.Reader = &gunzip{src: out.Reader, optional: true}
	}
	return out, nil
}

// Read reads on. The error of a stream that ended too early names the operation.
func (o *output) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped end is not the end of the output
		err = fmt.Errorf("cbc: %s: %w", o.op, err)
	}
	return n, err
}

// Close ends the transfer.
func (o *output) Close() error { return o.source.Close() }

// gunzip looks at its source when it is read first. A source without a byte is empty output, not broken compression.
type gunzip struct {
	src      io.Reader
	optional bool      // what is not compressed is passed on as it is
	plain    io.Reader // what src turned out to be
}

// Read reads on.
func (g *gunzip) Read(p []byte) (int, error) {
	if g.plain == nil {
		if err := g.begin(); err != nil {
			return 0, err
		}
	}
	n, err := g.plain.Read(p)
	if _, packed := g.plain.(*gzip.Reader); packed && err != nil && err != io.EOF { //nolint:errorlint // a wrapped end is not the end of the output
		err = fmt.Errorf("the output cannot be decompressed: %w", err)
	}
	return n, err
}

func (g *gunzip) begin() error {
	src := bufio.NewReader(g.src)
	magic, err := src.Peek(2)
	switch {
	case len(magic) == 0:
		return err
	case g.optional && !bytes.Equal(magic, []byte{0x1f, 0x8b}):
		g.plain = src
		return nil
	}
	gz, err := gzip.NewReader(src)
	if err != nil {
		return fmt.Errorf("the output cannot be decompressed: %w", early(err))
	}
	g.plain = gz
	return nil
}

// early is the error of a source that ended within a header.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
