package cbctest

import (
	"net/http"
	"strings"
)

// translateQuery turns a query in the language of Carbon Black EDR into one of this service. Fields that this service calls the
// same, or does not know, stay as they are.
func (s *Server) translateQuery(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Query string `json:"query"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	out := translated(in.Query)
	if _, err := parseQuery(out, dialect{phrases: true}); err != nil {
		s.reply(w, http.StatusBadRequest, map[string]any{"reason": "query_malformed_syntax", "message": err.Error()})
		return
	}
	s.reply(w, http.StatusOK, map[string]any{"query": out})
}

// translated replaces the names of fields: the words before a colon that stand outside of quotes.
func translated(query string) string {
	var out strings.Builder
	word, quoted := "", false
	for i := 0; i < len(query); i++ {
		c := query[i]
		switch {
		case c == '\\' && i+1 < len(query):
			word += query[i : i+2]
			i++
		case c == '"':
			quoted = !quoted
			word += `"`
		case quoted:
			word += string(c)
		case c == ':':
			out.WriteString(translatedField(word))
			out.WriteByte(c)
			word = ""
		case strings.IndexByte(" \t\r\n()-", c) >= 0:
			out.WriteString(word)
			out.WriteByte(c)
			word = ""
		default:
			word += string(c)
		}
	}
	out.WriteString(word)
	return out.String()
}

// translatedField is what this service calls a field of the other product.
func translatedField(field string) string {
	switch field {
	case "path":
		return "process_name"
	case "cmdline":
		return "process_cmdline"
	case "username":
		return "process_username"
	case "md5", "sha256", "process_md5", "process_sha256":
		return "process_hash"
	case "parent_md5", "parent_sha256":
		return "parent_hash"
	case "childproc_md5", "childproc_sha256":
		return "childproc_hash"
	case "blocked_md5", "blocked_sha256":
		return "blocked_hash"
	case "filewrite_md5", "filewrite_sha256":
		return "filemod_hash"
	case "modload", "filemod", "regmod", "crossproc":
		return field + "_name"
	case "ipaddr":
		return "netconn_ipv4"
	case "ipv6addr":
		return "netconn_ipv6"
	case "ipport":
		return "netconn_port"
	case "domain":
		return "netconn_domain"
	case "hostname":
		return "device_name"
	case "group":
		return "device_group"
	case "os_type":
		return "device_os"
	case "digsig_publisher":
		return "process_publisher"
	case "company_name", "product_name", "internal_name", "original_filename":
		return "process_" + field
	case "file_desc":
		return "process_file_description"
	case "start":
		return "process_start_time"
	default:
		return field
	}
}
