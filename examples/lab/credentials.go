package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// writeProfile writes the file in which the vendor's own tools look for credentials, with the lab as its default profile. It is
// removed as soon as the lab ends, unless somebody has changed it.
func writeProfile(path string, r ready) (remove func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "[default]\nurl=%s\ntoken=%s/%s\norg_key=%s\n", r.URL, r.CBC.APIKey, r.CBC.APIID, r.CBC.OrgKey)
	if r.CA != "" {
		fmt.Fprintf(&b, "ssl_cert_file=%s\n", r.CA)
	}
	// The vendor's tools read the percent sign as the beginning of a reference.
	text := []byte(strings.ReplaceAll(b.String(), "%", "%%"))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	return func() {
		if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, text) { //nolint:gosec // the file that the user names
			_ = os.Remove(path)
		}
	}, nil
}
