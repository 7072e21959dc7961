package cbc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"

	"github.com/pphunt/pphunt/internal/rest"
)

// TransferID identifies a file that the vendor holds for a session.
type TransferID string

// Transfer is a file on its way to or from a device. The vendor holds it for the session, which it ends with.
type Transfer struct {
	// ID identifies the file. It is good in its own session only.
	ID TransferID
	// Name is what the file was called where it came from.
	Name string
	// Size is its size in bytes, Uploaded how much of it the vendor has.
	Size, Uploaded int64
}

type wireTransfer struct {
	ID       string `json:"id"`
	Name     string `json:"file_name"`
	Size     int64  `json:"size"`
	Uploaded int64  `json:"size_uploaded"`
}

func (w wireTransfer) transfer(op string) (Transfer, error) {
	if w.ID == "" {
		return Transfer{}, answerError(op, http.StatusOK, nil, errors.New("a file without an id"))
	}
	return Transfer{ID: TransferID(w.ID), Name: w.Name, Size: max(w.Size, 0), Uploaded: max(w.Uploaded, 0)}, nil
}

// Transfers lists the files that the vendor holds for the session. It needs org.liveresponse.file (READ).
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files
func (s *Session) Transfers(ctx context.Context) ([]Transfer, error) {
	const op = "live_response.transfers"
	if err := s.usable(op); err != nil {
		return nil, err
	}
	session := s.line.id()
	call := s.c.call(op, http.MethodGet, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files", string(session))
	call.Repeatable = true
	wire, err := list[wireTransfer](ctx, s.c, call)
	if err != nil {
		return nil, s.endedBy(op, session, err)
	}
	transfers := make([]Transfer, len(wire))
	for i, w := range wire {
		if transfers[i], err = w.transfer(op); err != nil {
			return nil, err
		}
	}
	return transfers, nil
}

// Transfer looks at one file that the vendor holds for the session. What it does not hold is an [ErrNotFound]. It needs
// org.liveresponse.file (READ).
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}
func (s *Session) Transfer(ctx context.Context, id TransferID) (Transfer, error) {
	const op = "live_response.transfer"
	if err := s.usable(op); err != nil {
		return Transfer{}, err
	}
	session := s.line.id()
	call := s.c.call(op, http.MethodGet, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}", string(session), string(id))
	call.Repeatable = true
	var w wireTransfer
	if err := s.c.do(ctx, call, &w); err != nil {
		return Transfer{}, s.missing(op, session, err)
	}
	return w.transfer(op)
}

// OpenTransfer streams a file that the vendor holds for the session, for as long as ctx lives and bytes arrive. The caller closes
// the reader; the vendor keeps the file. It needs org.liveresponse.file (READ).
func (s *Session) OpenTransfer(ctx context.Context, id TransferID) (io.ReadCloser, error) {
	const op = "live_response.open_transfer"
	if err := s.usable(op); err != nil {
		return nil, err
	}
	return s.content(ctx, op, s.line.id(), id)
}

// DeleteTransfer deletes a file that the vendor holds for the session, and nothing on the device. One that is not there is no
// error. It sets a state, so it is repeatable. It needs org.liveresponse.file (DELETE).
//
//api:op DELETE /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}
func (s *Session) DeleteTransfer(ctx context.Context, id TransferID) error {
	const op = "live_response.delete_transfer"
	if err := s.usable(op); err != nil {
		return err
	}
	return s.discard(ctx, op, s.line.id(), id)
}

func (s *Session) discard(ctx context.Context, op string, session SessionID, id TransferID) error {
	call := s.c.call(op, http.MethodDelete, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}", string(session), string(id))
	call.Repeatable = true
	err := s.missing(op, session, s.c.do(ctx, call, nil))
	if errors.Is(err, ErrSessionEnded) {
		return err
	}
	return ignoreNotFound(err)
}

// Upload hands a file to the vendor for [Session.PutTransfer], under a name that serves people only. Content is streamed, whatever
// its size, and is read until the call returns, or the read that was under way then. If it is an [io.Seeker] it is sent from where
// it stands, and again from there if the vendor asks to wait (429); what cannot be read twice is sent once. It is not repeated
// after other failures: a file whose id got lost stays with the vendor until the session ends. It needs org.liveresponse.file
// (CREATE).
//
//api:op POST /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files
func (s *Session) Upload(ctx context.Context, name string, content io.Reader) (Transfer, error) {
	const op = "live_response.upload"
	if err := s.usable(op); err != nil {
		return Transfer{}, err
	}
	body, err := newForm(name, content)
	if err != nil {
		return Transfer{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	return s.upload(ctx, op, s.line.id(), body)
}

func (s *Session) upload(ctx context.Context, op string, session SessionID, body *form) (Transfer, error) {
	call := s.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files", string(session))
	call.Upload = body.upload()
	if err := body.quiet(ctx); err != nil {
		return Transfer{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	var w wireTransfer
	if err := s.c.do(ctx, call, &w); err != nil {
		return Transfer{}, s.endedBy(op, session, err)
	}
	t, err := w.transfer(op)
	// Zero is what the vendor writes when it does not know.
	if err == nil && body.size >= 0 && t.Size > 0 && t.Size != body.size {
		return Transfer{}, answerError(op, http.StatusCreated, nil, fmt.Errorf("%d bytes were sent, and the vendor has %d", body.size, t.Size))
	}
	return t, err
}

// missing tells a file that is not there from a session that has ended: both are a 404.
func (s *Session) missing(op string, session SessionID, err error) error {
	e, ok := errors.AsType[*APIError](err)
	if ok && aboutSession(e) {
		return s.endedBy(op, session, err)
	}
	return err
}

// form is a file as multipart/form-data, made around a reader.
type form struct {
	contentType string
	head, tail  []byte
	content     io.Reader
	start, size int64         // size is below zero if content cannot be rewound
	busy        chan struct{} // holds one while content is read

	mu   sync.Mutex
	used bool // content has been handed out
}

func newForm(name string, content io.Reader) (*form, error) {
	if content == nil {
		return nil, errors.New("there is no content to send")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return nil, errors.New("the file's name has a control character")
	}
	if name == "" {
		name = "file"
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if _, err := w.CreateFormFile("file", name); err != nil {
		return nil, err
	}
	f := &form{contentType: w.FormDataContentType(), head: bytes.Clone(b.Bytes()), content: content, size: -1, busy: make(chan struct{}, 1)}
	b.Reset()
	if err := w.Close(); err != nil {
		return nil, err
	}
	f.tail = b.Bytes()
	// A pipe has the methods of a file and cannot seek.
	if seeker, ok := content.(io.Seeker); ok {
		start, err := seeker.Seek(0, io.SeekCurrent)
		if err != nil {
			return f, nil //nolint:nilerr // then it is read once
		}
		end, err := seeker.Seek(0, io.SeekEnd)
		if err != nil {
			return f, nil //nolint:nilerr // as above
		}
		if _, err := seeker.Seek(start, io.SeekStart); err != nil {
			return nil, fmt.Errorf("going back to the start of the content: %w", err)
		}
		f.start, f.size = start, max(end-start, 0)
	}
	return f, nil
}

// again tells whether the content can be sent another time.
func (f *form) again() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size >= 0 || !f.used
}

// quiet waits for a read of the call before, which may be under way still after its answer.
func (f *form) quiet(ctx context.Context) error {
	select {
	case f.busy <- struct{}{}:
		<-f.busy
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *form) upload() *rest.Upload {
	u := &rest.Upload{Type: f.contentType, Size: -1, Once: f.size < 0}
	if f.size >= 0 {
		u.Size = int64(len(f.head)) + f.size + int64(len(f.tail))
	}
	u.Open = func() (io.ReadCloser, error) {
		if seeker, ok := f.content.(io.Seeker); ok && f.size >= 0 {
			if _, err := seeker.Seek(f.start, io.SeekStart); err != nil {
				return nil, err
			}
		}
		p := &part{form: f}
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(f.head), p, bytes.NewReader(f.tail)), p}, nil
	}
	return u
}

// part is the content as one attempt reads it.
type part struct {
	*form
	over bool
}

// Read reads the content.
func (p *part) Read(b []byte) (int, error) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return 0, io.ErrClosedPipe
	}
	p.used = true
	p.busy <- struct{}{} // free: whoever reads another time has waited
	p.mu.Unlock()
	defer func() { <-p.busy }()
	return p.content.Read(b)
}

// Close ends reading; the content is the caller's to close.
func (p *part) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	return nil
}
