package cbctest

import (
	"maps"
	"net/http"
	"strings"
)

// registerBinaries adds the routes of the Unified Binary Store.
func (s *Server) registerBinaries() {
	s.serve("GET /ubs/v1/orgs/{org_key}/sha256/{sha256}/metadata", "ubs.org.sha256:READ", s.getBinary)
}

// getBinary tells what is known of a file. The store holds executables that were seen; everything else is unknown to it.
func (s *Server) getBinary(w http.ResponseWriter, r *http.Request) {
	hash := r.PathValue("sha256")
	if !isSHA256(hash) {
		s.badRequest(w, "the hash is not 64 hexadecimal digits")
		return
	}
	for _, b := range s.binaries {
		if !strings.EqualFold(b.SHA256, hash) {
			continue
		}
		m := map[string]any{
			"sha256": strings.ToLower(b.SHA256), "md5": strings.ToLower(b.MD5), "architecture": b.Architecture,
			"available_file_size": b.Size, "file_available": true, "file_size": b.Size, "os_type": b.OSType,
		}
		if s.switches.UpperHashes {
			m["sha256"], m["md5"] = strings.ToUpper(b.SHA256), strings.ToUpper(b.MD5)
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
		return
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "no such file")
}
