package cbctest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// objectStorePrefix is the path under which the object store answers. It asks for no credentials but the signature in
// the query, as pre-signed addresses do.
const objectStorePrefix = "/cbc-object-store/"

// objectStoreURL is the object store's own origin in process.
const objectStoreURL = "https://objects.cbc.invalid"

// maxUpload is the largest file that can be uploaded.
const maxUpload = 64 << 20

// transfer is a file on its way from or to a device.
type transfer struct {
	id       string
	name     string
	data     []byte
	ready    bool // its content can be downloaded
	uploaded bool
}

// newTransfer makes a file with an id of its own. It stays in the object store when its session ends, because an
// address that was given out stays good.
func (s *Server) newTransfer(name string) *transfer {
	t := &transfer{id: s.newUUID("file"), name: name}
	s.edr.objects[t.id] = t
	return t
}

func (t *transfer) json() map[string]any {
	return map[string]any{
		"id": t.id, "file_name": t.name, "size": len(t.data), "size_uploaded": len(t.data), "upload_url": nil,
	}
}

// uploadFile takes a file for a later put file.
func (s *Server) uploadFile(w http.ResponseWriter, r *http.Request) {
	name, data, err := uploaded(w, r)
	if err != nil {
		s.fail(w, http.StatusBadRequest, "INVALID_ARGUMENT", err.Error())
		return
	}
	ss, ok := s.session(w, r)
	if !ok {
		return
	}
	t := s.newTransfer(name)
	t.data, t.ready, t.uploaded = data, true, true
	ss.files = append(ss.files, t)
	s.reply(w, http.StatusCreated, t.json())
}

// uploaded reads the only part of a form.
func uploaded(w http.ResponseWriter, r *http.Request) (name string, data []byte, err error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		return "", nil, errors.New("the body is not multipart/form-data")
	}
	form := multipart.NewReader(http.MaxBytesReader(w, r.Body, maxUpload), params["boundary"])
	part, err := form.NextPart()
	if err != nil {
		return "", nil, errors.New("the form has no part")
	}
	if part.FormName() != "file" || part.FileName() == "" {
		return "", nil, errors.New("the form's part is not a file with the name file")
	}
	name = part.FileName()
	if data, err = io.ReadAll(part); err != nil { //nolint:forbidigo // the form is bounded
		return "", nil, errors.New("the file cannot be read or is larger than 64 MB")
	}
	if _, err = form.NextPart(); !errors.Is(err, io.EOF) {
		return "", nil, errors.New("the form has more than one part")
	}
	return name, data, nil
}

func (s *Server) listTransfers(w http.ResponseWriter, r *http.Request) {
	ss, ok := s.session(w, r)
	if !ok {
		return
	}
	list := []map[string]any{}
	for _, t := range ss.files {
		if t.ready {
			list = append(list, t.json())
		}
	}
	s.reply(w, http.StatusOK, list)
}

// transfer finds the file of the path, or answers 404.
func (s *Server) transfer(w http.ResponseWriter, r *http.Request) (*session, *transfer, bool) {
	ss, ok := s.session(w, r)
	if !ok {
		return nil, nil, false
	}
	id := r.PathValue("file_id")
	for _, t := range ss.files {
		if t.id == id && t.ready {
			return ss, t, true
		}
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "File not found")
	return nil, nil, false
}

func (s *Server) getTransfer(w http.ResponseWriter, r *http.Request) {
	if _, t, ok := s.transfer(w, r); ok {
		s.reply(w, http.StatusOK, t.json())
	}
}

func (s *Server) deleteTransfer(w http.ResponseWriter, r *http.Request) {
	ss, t, ok := s.transfer(w, r)
	if !ok {
		return
	}
	ss.files = slices.DeleteFunc(ss.files, func(f *transfer) bool { return f == t })
	delete(s.edr.objects, t.id)
	w.WriteHeader(http.StatusNoContent)
}

// getContent sends the caller to the object store.
func (s *Server) getContent(w http.ResponseWriter, r *http.Request) {
	_, t, ok := s.transfer(w, r)
	if !ok {
		return
	}
	if s.lr().DirectContent {
		sendObject(w, t)
		return
	}
	w.Header().Set("Location", s.storeOrigin(r)+objectStorePrefix+url.PathEscape(t.id)+"?signature="+signature(t.id))
	w.WriteHeader(http.StatusFound)
}

// storeOrigin is where the object store can be reached by whoever sent the request.
func (s *Server) storeOrigin(r *http.Request) string {
	if s.lr().ObjectStore != "" {
		return strings.TrimSuffix(s.lr().ObjectStore, "/")
	}
	if "https://"+r.Host == URL {
		return objectStoreURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// signature is what makes an address of the object store good.
func signature(id string) string {
	sum := sha256.Sum256([]byte("object store\x00" + id))
	return hex.EncodeToString(sum[:16])
}

// leaks says whether a request to the object store carries the console's credentials although it is another host. Served on
// the console's own address the store cannot be told apart: whoever follows the redirect there keeps the header, and rightly.
// The caller holds the lock.
func (s *Server) leaks(r *http.Request) bool {
	secret := r.Header.Get("X-Auth-Token") != "" || r.Header.Get("Authorization") != ""
	own := "https://"+r.Host == objectStoreURL || s.lr().ObjectStore != ""
	return secret && own && !s.lr().StoreTakesToken
}

// storeObject is the object store: another host's service, which must never see the console's credentials.
func (s *Server) storeObject(w http.ResponseWriter, r *http.Request) {
	t, ok := s.edr.objects[r.PathValue("file_id")]
	switch {
	case s.leaks(r):
		http.Error(w, "the object store was sent the credentials of another host", http.StatusBadRequest)
	case r.URL.Query().Get("signature") != signature(r.PathValue("file_id")):
		http.Error(w, "the address is not signed", http.StatusForbidden)
	case !ok || !t.ready:
		http.Error(w, "no such object", http.StatusNotFound)
	default:
		sendObject(w, t)
	}
}

func sendObject(w http.ResponseWriter, t *transfer) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(t.data)))
	// Whoever asked may have gone away meanwhile; there is nobody left to tell.
	_, _ = w.Write(t.data)
}
