package cbc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/pphunt/pphunt/internal/rest"
)

// GetFile fetches a file: the device uploads it to the vendor, for up to OpenOptions.TransferTimeout, and the reader streams it
// from there, for as long as ctx lives and bytes arrive. The caller closes the reader, which also deletes the vendor's copy if the
// key has org.liveresponse.file (DELETE); otherwise that goes with the session. A file that does not exist is a [*CommandError]
// with [ErrFileNotFound]. GetFile needs org.liveresponse.file (READ) and org.liveresponse.session (READ).
func (s *Session) GetFile(ctx context.Context, path string) (io.ReadCloser, error) {
	return s.fetch(ctx, order{op: "live_response.get_file", body: orderBody{Path: path}})
}

// GetFilePart is [Session.GetFile] for count bytes of a file from an offset on; a count of 0 is for all that follow. Where the file
// ends before, there are fewer of them.
func (s *Session) GetFilePart(ctx context.Context, path string, offset, count int64) (io.ReadCloser, error) {
	const op = "live_response.get_file_part"
	if offset < 0 || count < 0 {
		return nil, fmt.Errorf("cbc: %s: %d bytes from %d on are no part of a file", op, count, offset)
	}
	o := order{op: op, body: orderBody{Path: path, Offset: &offset}}
	if count > 0 {
		o.body.Count = &count
	}
	return s.fetch(ctx, o)
}

// fetch gives a command to get a file, and opens what it has brought.
func (s *Session) fetch(ctx context.Context, o order) (content io.ReadCloser, err error) {
	if err := checkDevicePath(o.op, o.body.Path); err != nil {
		return nil, err
	}
	o.body.Name, o.repeatable = commandGetFile, true
	if o.limit == 0 {
		o.limit = s.opts.TransferTimeout
	}
	err = s.in(ctx, o.op, always, func(session SessionID) error {
		first, last, err := s.give(ctx, session, o)
		file := TransferID(either(first.file(), last.file()))
		switch {
		case errors.Is(err, ErrUnfinished) && file != "" && !errors.Is(err, ErrSessionEnded):
			s.forget(ctx, o.op, session, file) // what came of it nobody wants
			return err
		case err != nil:
			return err
		case file == "":
			return answerError(o.op, http.StatusOK, nil, errors.New("the file has no id"))
		}
		content, err = s.content(ctx, o.op, session, file)
		if err != nil {
			if !o.precious {
				s.forget(ctx, o.op, session, file)
			}
			return err
		}
		content = &fetched{ReadCloser: content, precious: o.precious, forget: func() { s.forget(ctx, o.op, session, file) }}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return content, nil
}

// forget deletes the vendor's copy of a file. Nobody is told if that fails: the copy goes with its session.
func (s *Session) forget(ctx context.Context, op string, session SessionID, file TransferID) {
	ctx, stop := farewell(ctx)
	defer stop()
	_ = s.discard(ctx, op, session, file)
}

// fetched is the content of a file, whose copy at the vendor goes when it is closed; one that is precious only if it was read.
type fetched struct {
	io.ReadCloser
	precious bool
	read     bool // to its end
	forget   func()
	once     sync.Once
}

// Read reads on.
func (f *fetched) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	f.read = f.read || err == io.EOF
	return n, err
}

// Close ends reading. It may be called more than once.
func (f *fetched) Close() error {
	err := f.ReadCloser.Close()
	if f.read || !f.precious {
		f.once.Do(f.forget)
	}
	return err
}

// content streams an uploaded file. The vendor answers with the signed address of an object store on another host, which must not
// get the API key.
//
//api:op GET /appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}/content
func (s *Session) content(ctx context.Context, op string, session SessionID, file TransferID) (io.ReadCloser, error) {
	call := s.c.call(op, http.MethodGet,
		"/appservices/v6/orgs/{org_key}/liveresponse/sessions/{session_id}/files/{file_id}/content", string(session), string(file))
	call.Repeatable = true
	call.OK = []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}
	body, err := s.c.rest.Stream(ctx, call)
	if err != nil {
		return nil, s.missing(op, session, err)
	}
	if body.Status/100 == 2 {
		return whole(op, body)
	}
	location := body.Header.Get("Location")
	if err := body.Close(); err != nil {
		return nil, fmt.Errorf("cbc: %s: %w", op, err)
	}
	if location == "" {
		return nil, answerError(op, body.Status, nil, errors.New("a redirect to nowhere"))
	}
	stored, err := s.c.rest.Fetch(ctx, op, location)
	if err != nil {
		return nil, err
	}
	return whole(op, stored)
}

// whole refuses a success without the file in it, which would pass for an empty one, and one with a part of it.
func whole(op string, body *rest.Body) (io.ReadCloser, error) {
	if body.Status == http.StatusOK {
		return body, nil
	}
	_ = body.Close() // it is not read
	return nil, answerError(op, body.Status, nil, errors.New("this is no file"))
}

// PutFile writes a file on the device, in a directory that exists, and replaces what is there: it uploads content as
// [Session.Upload] does, has the device fetch it, for up to OpenOptions.TransferTimeout, and deletes the vendor's copy if the key has
// org.liveresponse.file (DELETE). A directory that does not exist is a [*CommandError] with [ErrFileNotFound]. PutFile is never
// repeated by itself; when it ends with an error that is no CommandError, the file may be there. It needs org.liveresponse.file
// (CREATE, READ) and org.liveresponse.session (READ).
func (s *Session) PutFile(ctx context.Context, path string, content io.Reader) error {
	const op = "live_response.put_file"
	if err := errors.Join(checkDevicePath(op, path), s.usable(op)); err != nil {
		return err
	}
	body, err := newForm(base(path), content)
	if err != nil {
		return fmt.Errorf("cbc: %s: %w", op, err)
	}
	o := order{op: op, limit: s.opts.TransferTimeout, body: orderBody{Name: commandPutFile, Path: path}}
	// What the device would refuse anyway is not worth the upload.
	if _, err := o.encoded(); err != nil {
		return err
	}
	if err := s.supports(op, commandPutFile); err != nil {
		return err
	}
	again := func(err error) bool { return notTaken(err) && body.again() }
	return s.in(ctx, op, again, func(session SessionID) error {
		file, err := s.upload(ctx, op, session, body)
		if err != nil {
			return err
		}
		o.body.FileID = file.ID
		_, _, err = s.give(ctx, session, o)
		if !errors.Is(err, ErrSessionEnded) {
			s.forget(ctx, op, session, file.ID)
		}
		return err
	})
}

// PutTransfer writes a file on the device that was uploaded before, so that one upload can be put in more than one place. It needs
// what [Session.PutFile] needs and leaves the vendor's copy. Of a session that was replaced no uploads are left.
func (s *Session) PutTransfer(ctx context.Context, path string, file TransferID) error {
	const op = "live_response.put_transfer"
	if err := checkDevicePath(op, path); err != nil {
		return err
	}
	if file == "" {
		return fmt.Errorf("cbc: %s: the id of the upload is empty", op)
	}
	never := func(error) bool { return false }
	return s.in(ctx, op, never, func(session SessionID) error {
		_, _, err := s.give(ctx, session, order{
			op: op, limit: s.opts.TransferTimeout, body: orderBody{Name: commandPutFile, Path: path, FileID: file},
		})
		return err
	})
}

// DeleteFile deletes a file, or an empty directory. The path is absolute and in the form of the device. What does not exist is a
// [*CommandError] with [ErrFileNotFound], what is open one with [ErrInUse], and a directory that is not empty one with
// [ErrNotEmpty]. DeleteFile is never repeated by itself; when it ends with an error that is no CommandError, it may have been
// carried out. It needs org.liveresponse.file (DELETE, READ) and org.liveresponse.session (READ).
func (s *Session) DeleteFile(ctx context.Context, path string) error {
	const op = "live_response.delete_file"
	if err := checkDevicePath(op, path); err != nil {
		return err
	}
	_, err := s.run(ctx, order{op: op, limit: s.opts.CommandTimeout, body: orderBody{Name: commandDeleteFile, Path: path}})
	return err
}

// checkDevicePath refuses what no device could open.
func checkDevicePath(op, path string) error {
	switch {
	case strings.TrimSpace(path) == "":
		return fmt.Errorf("cbc: %s: the path is empty", op)
	case strings.ContainsRune(path, 0):
		return fmt.Errorf("cbc: %s: the path has a zero byte", op)
	}
	return nil
}

// separators of a path on the device that it is from. A path of POSIX begins with a slash, no other one is absolute there.
func separators(devicePath string) string {
	if strings.HasPrefix(devicePath, "/") {
		return "/"
	}
	return `\/`
}

// join appends a name to the path of a directory, with nothing for the directory itself.
func join(dir, name string) string {
	seps := separators(dir)
	if strings.ContainsRune(seps, rune(dir[len(dir)-1])) {
		return dir + name
	}
	return dir + seps[:1] + name
}

// base is the last name of a path.
func base(devicePath string) string {
	seps := separators(devicePath)
	if seps == "/" {
		return path.Base(devicePath)
	}
	devicePath = strings.TrimRight(devicePath, seps)
	return devicePath[strings.LastIndexAny(devicePath, seps+":")+1:]
}

// parent is the path of the directory that something lies in; false for what has none, such as a drive or a share.
func parent(devicePath string) (string, bool) {
	seps := separators(devicePath)
	trimmed := strings.TrimRight(devicePath, seps)
	i := strings.LastIndexAny(trimmed, seps)
	if i < 0 {
		return "", false
	}
	dir := strings.TrimRight(trimmed[:i], seps)
	switch {
	case seps == "/" && dir == "":
		return "/", trimmed != ""
	case seps != "/" && len(dir) == 2 && dir[1] == ':':
		return dir + `\`, true
	case seps != "/" && strings.HasPrefix(devicePath, `\\`) && strings.Count(strings.TrimLeft(dir, seps), `\`) == 0:
		return "", false // the share of a server
	}
	return dir, dir != ""
}
