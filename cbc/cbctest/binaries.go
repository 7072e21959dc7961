package cbctest

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// registerBinaries adds the routes of the Unified Binary Store.
func (s *Server) registerBinaries() {
	const (
		one  = "/ubs/v1/orgs/{org_key}/sha256/{sha256}"
		read = "ubs.org.sha256:READ"
	)
	s.serve("GET "+one+"/metadata", read, s.getBinary)
	s.serve("GET "+one+"/summary/device", read, s.binaryDevices)
	s.serve("GET "+one+"/summary/signature", read, s.binarySignatures, "rows")
	s.serve("GET "+one+"/summary/file_path", read, s.binaryPaths, "rows")
	s.serve("POST /ubs/v1/orgs/{org_key}/file/_download", "ubs.org.file:READ", s.downloadBinaries)
	s.handleOpen("GET "+binaryStorePrefix+"{sha256}", s.locked(s.storedBinary))
}

// findBinary finds a file by its hash. The caller holds the lock.
func (s *Server) findBinary(hash string) (Binary, bool) {
	i := slices.IndexFunc(s.binaries, func(b Binary) bool { return strings.EqualFold(b.SHA256, hash) })
	if i < 0 {
		return Binary{}, false
	}
	return s.binaries[i], true
}

// binary finds the file of the path, or answers why there is none. The store holds executables that were seen; everything
// else is unknown to it.
func (s *Server) binary(w http.ResponseWriter, r *http.Request) (Binary, bool) {
	hash := r.PathValue("sha256")
	if !isSHA256(hash) {
		s.badRequest(w, "the hash is not 64 hexadecimal digits")
		return Binary{}, false
	}
	b, ok := s.findBinary(hash)
	if !ok {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "no such file")
	}
	return b, ok
}

// echo writes a hash as the store does.
func (s *Server) echo(hash string) string {
	if s.switches.UpperHashes {
		return strings.ToUpper(hash)
	}
	return strings.ToLower(hash)
}

// available says whether the file itself can be had. Those above 25 MB are not collected.
func (b Binary) available() bool { return !b.Unavailable && b.Size <= 25<<20 }

// getBinary tells what is known of a file.
func (s *Server) getBinary(w http.ResponseWriter, r *http.Request) {
	b, ok := s.binary(w, r)
	if !ok {
		return
	}
	m := map[string]any{
		"sha256": s.echo(b.SHA256), "md5": s.echo(b.MD5), "architecture": b.Architecture,
		"available_file_size": b.Size, "file_available": b.available(), "file_size": b.Size, "os_type": b.OSType,
	}
	if !b.available() {
		m["available_file_size"] = 0
	}
	for _, member := range []string{
		"charset_id", "comments", "company_name", "copyright", "file_description", "file_version", "internal_name", "lang_id",
		"original_filename", "private_build", "product_description", "product_name", "product_version", "special_build",
		"trademark",
	} {
		m[member] = nil
	}
	maps.Copy(m, b.Extra)
	s.reply(w, http.StatusOK, m)
}

// sighting is an event in which a file was run or loaded.
type sighting struct {
	at     time.Time
	device int64
	path   string
}

// sightings are the events of the process search in which a file was run or loaded, the oldest first. The caller holds the
// lock.
func (s *Server) sightings(b Binary) []sighting {
	same := func(h string) bool { return strings.EqualFold(h, b.SHA256) }
	var all []sighting
	for _, p := range s.processes {
		if p.Time.After(s.now()) {
			continue
		}
		if slices.ContainsFunc(p.Hashes, same) {
			all = append(all, sighting{at: p.Time, device: p.DeviceID, path: p.Name})
		}
		for _, e := range p.Events {
			if e.Type != "modload" || !same(e.SHA256) {
				continue
			}
			at := p.Time
			if !e.Time.IsZero() {
				at = e.Time
			}
			all = append(all, sighting{at: at, device: p.DeviceID, path: strings.ToLower(e.Name)})
		}
	}
	slices.SortStableFunc(all, func(a, b sighting) int { return a.at.Compare(b.at) })
	return all
}

// microStamp is a time as the store writes it.
func microStamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// binaryDevices tells where a file was seen first and last, and on how many devices.
func (s *Server) binaryDevices(w http.ResponseWriter, r *http.Request) {
	b, ok := s.binary(w, r)
	if !ok {
		return
	}
	m := map[string]any{"sha256": s.echo(b.SHA256)}
	seen := s.sightings(b)
	devices := map[int64]bool{}
	for _, one := range seen {
		devices[one.device] = true
	}
	m["num_devices"] = len(devices)
	for _, end := range []string{"first", "last"} {
		for _, member := range []string{"timestamp", "id", "name"} {
			m[end+"_seen_device_"+member] = nil
		}
		if len(seen) == 0 {
			continue
		}
		one := seen[0]
		if end == "last" {
			one = seen[len(seen)-1]
		}
		m[end+"_seen_device_timestamp"], m[end+"_seen_device_id"] = microStamp(one.at), one.device
		if d, ok := s.byID[one.device]; ok {
			m[end+"_seen_device_name"] = d.Name
		}
	}
	s.reply(w, http.StatusOK, m)
}

// summaryRows reads how much of a summary is asked for: at most 100 entries, which is also the default.
func summaryRows(r *http.Request) (int, error) {
	const most = 100
	text := r.URL.Query().Get("rows")
	if !r.URL.Query().Has("rows") {
		return most, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, errors.New("rows is not between 1 and 100")
	}
	return n, nil
}

// counted is something that was seen a number of times.
type counted struct {
	value string
	count int
	first time.Time
}

// binaryPaths tells under which paths a file was seen, the most frequent first.
func (s *Server) binaryPaths(w http.ResponseWriter, r *http.Request) {
	b, ok := s.binary(w, r)
	if !ok {
		return
	}
	rows, err := summaryRows(r)
	if err != nil {
		s.badRequest(w, err.Error())
		return
	}
	var paths []*counted
	total := 0
	for _, one := range s.sightings(b) {
		if one.path == "" {
			continue
		}
		total++
		i := slices.IndexFunc(paths, func(c *counted) bool { return c.value == one.path })
		if i < 0 {
			i = len(paths)
			paths = append(paths, &counted{value: one.path, first: one.at})
		}
		paths[i].count++
	}
	slices.SortStableFunc(paths, func(a, b *counted) int { return cmp.Compare(b.count, a.count) })
	list := []map[string]any{}
	for _, p := range paths[:min(rows, len(paths))] {
		list = append(list, map[string]any{"count": p.count, "file_path": p.value, "first_seen_timestamp": microStamp(p.first)})
	}
	s.reply(w, http.StatusOK, map[string]any{
		"sha256": s.echo(b.SHA256), "file_path_count": len(paths), "total_file_path_count": total, "file_paths": list,
	})
}

// binarySignatures tells who signed a file.
func (s *Server) binarySignatures(w http.ResponseWriter, r *http.Request) {
	b, ok := s.binary(w, r)
	if !ok {
		return
	}
	rows, err := summaryRows(r)
	if err != nil {
		s.badRequest(w, err.Error())
		return
	}
	list := []map[string]any{}
	total := 0
	for _, sig := range b.Signatures {
		total += sig.Count
	}
	for _, sig := range b.Signatures[:min(rows, len(b.Signatures))] {
		list = append(list, map[string]any{
			"count": sig.Count, "signed_by": orNull(sig.SignedBy), "certificate_authority": orNull(sig.CertificateAuthority),
		})
	}
	s.reply(w, http.StatusOK, map[string]any{
		"sha256": s.echo(b.SHA256), "signature_count": len(b.Signatures), "total_signature_count": total,
		s.switches.Binaries.SignatureMember: list,
	})
}
