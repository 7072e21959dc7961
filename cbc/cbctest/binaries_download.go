package cbctest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// binaryStorePrefix is where the object store has the files of the Unified Binary Store.
const binaryStorePrefix = objectStorePrefix + "ubs/"

// The limits of a request for downloads.
const (
	maxDownloads     = 100
	downloadLifetime = 300
	maxLifetime      = 7 * 24 * 3600
)

// downloadBinaries hands out pre-signed addresses of files. It never fails as a whole: each hash is in one of three lists.
func (s *Server) downloadBinaries(w http.ResponseWriter, r *http.Request) {
	var in struct {
		SHA256            []string `json:"sha256"`
		ExpirationSeconds *int     `json:"expiration_seconds"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	lifetime := downloadLifetime
	if in.ExpirationSeconds != nil {
		lifetime = *in.ExpirationSeconds
	}
	switch {
	case len(in.SHA256) == 0 || len(in.SHA256) > maxDownloads:
		s.badRequest(w, "sha256 has not between 1 and 100 hashes")
		return
	case lifetime < 1 || lifetime > maxLifetime:
		s.badRequest(w, "expiration_seconds is not between 1 and 604800")
		return
	case slices.ContainsFunc(in.SHA256, func(h string) bool { return !isSHA256(h) }):
		s.badRequest(w, "a hash is not 64 hexadecimal digits")
		return
	}
	found, notFound, failed := []map[string]any{}, []string{}, []string{}
	for _, hash := range in.SHA256 {
		b, ok := s.findBinary(hash)
		key := strings.ToLower(hash)
		switch {
		case !ok || !b.available():
			notFound = append(notFound, s.echo(hash))
		case s.downloadsAsked[key] < s.switches.Binaries.DownloadErrors:
			s.downloadsAsked[key]++
			failed = append(failed, s.echo(hash))
		default:
			found = append(found, map[string]any{"sha256": s.echo(hash), "url": s.binaryURL(r, key, lifetime)})
		}
	}
	s.reply(w, http.StatusOK, map[string]any{"found": found, "not_found": notFound, "error": failed})
}

// binaryURL is an address that is good for a while, for everybody who has it.
func (s *Server) binaryURL(r *http.Request, hash string, lifetime int) string {
	date := s.now().Format("20060102T150405Z")
	query := url.Values{
		"X-Amz-Date": {date}, "X-Amz-Expires": {strconv.Itoa(lifetime)},
		"X-Amz-Signature": {binarySignature(hash, date, strconv.Itoa(lifetime))},
	}
	return s.storeOrigin(r) + binaryStorePrefix + hash + "?" + query.Encode()
}

// binarySignature is what makes an address good.
func binarySignature(hash, date, lifetime string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "binary store\x00%s\x00%s\x00%s", hash, date, lifetime))
	return hex.EncodeToString(sum[:])
}

// storedBinary sends a file in a zip. It is another host's service, which must never see the console's credentials.
func (s *Server) storedBinary(w http.ResponseWriter, r *http.Request) {
	hash, query := r.PathValue("sha256"), r.URL.Query()
	date, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	lifetime, err2 := strconv.Atoi(query.Get("X-Amz-Expires"))
	signed := query.Get("X-Amz-Signature") == binarySignature(hash, query.Get("X-Amz-Date"), query.Get("X-Amz-Expires"))
	b, ok := s.findBinary(hash)
	switch {
	case s.leaks(r):
		http.Error(w, "the object store was sent the credentials of another host", http.StatusBadRequest)
	case err != nil || err2 != nil || !signed:
		http.Error(w, "the address is not signed", http.StatusForbidden)
	case !s.now().Before(date.Add(time.Duration(lifetime) * time.Second)):
		http.Error(w, "the address has expired", http.StatusForbidden)
	case !ok || !b.available():
		http.Error(w, "no such object", http.StatusNotFound)
	default:
		body := b.archive()
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		// Whoever asked may have gone away meanwhile; there is nobody left to tell.
		_, _ = w.Write(body)
	}
}

// archive is the zip in which a file is handed out.
func (b Binary) archive() []byte {
	data := b.Data
	if data == nil {
		data = []byte("MZ made up for " + strings.ToLower(b.SHA256))
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	// Into memory, where nothing fails.
	if member, err := z.Create("filedata"); err == nil {
		_, _ = member.Write(data)
	}
	_ = z.Close()
	return buf.Bytes()
}
