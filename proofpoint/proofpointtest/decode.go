package proofpointtest

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/pphunt/pphunt/internal/fake"
)

// The texts for links that are not decoded. Only the first was seen on the wire.
const (
	errNotRewritten refusal = "Invalid URL - encoded URL is not a URL Defense URL"
	errBroken       refusal = "Invalid URL - encoded URL cannot be decoded"
)

// runLengths are the letters that say how many characters stand for "**" and the letter: two for the first.
const runLengths = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Link is a rewritten link of which the tenant knows the mail.
type Link struct {
	// URL is the link as it stands in the mail.
	URL string `json:"url"`
	// MessageGUID, Cluster and Recipient are told to callers with a credential; left out if empty.
	MessageGUID string `json:"message_guid,omitempty"`
	Cluster     string `json:"cluster,omitempty"`
	Recipient   string `json:"recipient,omitempty"`
}

// decodeURLs serves the URL decoder, which needs no credential but takes one.
func (s *Server) decodeURLs(w http.ResponseWriter, r *http.Request) {
	p := PoolAnonymousDecode
	if r.Header.Get("Authorization") != "" {
		a := s.account(r)
		if a == nil {
			refuseLogin(w)
			return
		}
		p = PoolDecode
		r = r.WithContext(context.WithValue(r.Context(), accountKey{}, a))
	}
	var in struct {
		URLs []string `json:"urls"`
	}
	_, err := fake.Query(r)
	if err == nil {
		err = fake.DecodeStrict(r, &in)
	}
	if err == nil && len(in.URLs) == 0 {
		err = refusal("The urls member is required.")
	}
	if !s.admit(w, r, p, err) {
		return
	}
	out := make([]object, len(in.URLs))
	for i, address := range in.URLs {
		out[i] = s.decodeURL(address, p == PoolDecode)
	}
	if s.switches.ShuffleDecoded {
		slices.Reverse(out)
	}
	s.send(w, object{{"urls", out}})
}

// decodeURL is what is answered to one link.
func (s *Server) decodeURL(address string, known bool) object {
	o := object{{"encodedUrl", address}}
	decoded, err := unrewrite(address)
	if err != nil {
		return append(o, member{"success", false}, member{"error", err.Error()})
	}
	o = append(o, member{"decodedUrl", decoded})
	i := slices.IndexFunc(s.links, func(l Link) bool { return l.URL == address })
	if known && i >= 0 {
		for _, m := range []struct{ name, value string }{
			{"messageGuid", s.links[i].MessageGUID},
			{"clusterName", s.links[i].Cluster},
			{"recipientEmail", s.links[i].Recipient},
		} {
			if m.value != "" {
				o = append(o, member{m.name, m.value})
			}
		}
	}
	return append(o, member{"success", true})
}

// unrewrite undoes a rewrite of URL Defense, of any of its three versions. Links that were damaged on the way into a text, with
// line breaks and HTML entities, are not repaired: that is the caller's part.
func unrewrite(address string) (string, error) {
	if strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) || strings.Contains(address, "&amp;") {
		return "", errNotRewritten
	}
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", errNotRewritten
	}
	switch strings.ToLower(host) {
	case "urldefense.com", "urldefense.us", "urldefense.proofpoint.com":
	default:
		return "", errNotRewritten
	}
	version, path, _ := strings.Cut(path, "/")
	switch version {
	case "v1", "v2":
		return unrewriteQuery(path, version == "v2")
	case "v3":
		return unrewriteStars(path)
	default:
		return "", errNotRewritten
	}
}

// unrewriteQuery undoes versions 1 and 2: the parameter u, in which version 2 has "-" for "%" and "_" for "/".
func unrewriteQuery(path string, second bool) (string, error) {
	query, ok := strings.CutPrefix(path, "url?")
	if !ok {
		return "", errNotRewritten
	}
	for parameter := range strings.SplitSeq(query, "&") {
		u, ok := strings.CutPrefix(parameter, "u=")
		if !ok || u == "" {
			continue
		}
		if second {
			u = strings.NewReplacer("-", "%", "_", "/").Replace(u)
		}
		decoded, err := url.PathUnescape(u)
		if err != nil {
			return "", errBroken
		}
		return decoded, nil
	}
	return "", errBroken
}

// unrewriteStars undoes version 3: the link stands between double underscores, with "*" for a character and "**" and a letter
// for a run of them; the characters follow in base64.
func unrewriteStars(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "__")
	end := strings.LastIndex(rest, "__;")
	if !ok || end < 1 {
		return "", errBroken
	}
	link := rest[:end]
	encoded, _, ok := strings.Cut(rest[end+len("__;"):], "!")
	if !ok {
		return "", errBroken
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", errBroken
	}
	// Some ways to quote links take one of two slashes away.
	if scheme, after, ok := strings.Cut(link, ":/"); ok && !strings.HasPrefix(after, "/") && !strings.ContainsAny(scheme, "/?#") {
		link = scheme + "://" + after
	}
	replaced := []rune(string(data))
	var out strings.Builder
	for i := 0; i < len(link); i++ {
		if link[i] != '*' {
			out.WriteByte(link[i])
			continue
		}
		n := 1
		if i+2 < len(link) && link[i+1] == '*' {
			if n = strings.IndexByte(runLengths, link[i+2]) + 2; n < 2 {
				return "", errBroken
			}
			i += 2
		}
		if n > len(replaced) {
			return "", errBroken
		}
		out.WriteString(string(replaced[:n]))
		replaced = replaced[n:]
	}
	return out.String(), nil
}

// RewriteV1 rewrites a link as URL Defense did first.
func RewriteV1(link string) string {
	return "https://urldefense.proofpoint.com/v1/url?u=" + escapeAll(link) + "&k=Zm9yIHRlc3Rz&r=cg&m=bQ&s=cw"
}

// escapeAll escapes everything but letters, digits and a few signs, spaces included.
func escapeAll(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// RewriteV2 rewrites a link as URL Defense did next.
func RewriteV2(link string) string {
	escaped := strings.NewReplacer("-", "%2D", "_", "%5F", "%2F", "/").Replace(escapeAll(link))
	return "https://urldefense.proofpoint.com/v2/url?u=" + strings.NewReplacer("%", "-", "/", "_").Replace(escaped) + "&d=DwMFaQ&c=Yw&r=cg&m=bQ&s=cw&e="
}

// RewriteV3 rewrites a link as URL Defense does now.
func RewriteV3(link string) string {
	var shown strings.Builder
	var hidden []rune
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._~:/?&=%", r))
	}
	run := 0
	flush := func() {
		for run > 0 {
			n := min(run, len(runLengths)+1)
			if n == 1 {
				shown.WriteByte('*')
			} else {
				shown.WriteString("**" + string(runLengths[n-2]))
			}
			run -= n
		}
	}
	for _, r := range link {
		if plain(r) {
			flush()
			shown.WriteRune(r)
			continue
		}
		run++
		hidden = append(hidden, r)
	}
	flush()
	return "https://urldefense.com/v3/__" + shown.String() + "__;" + base64.RawURLEncoding.EncodeToString([]byte(string(hidden))) + "!!AbCdEf!gHiJkL$"
}
