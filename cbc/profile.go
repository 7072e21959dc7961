package cbc

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// DefaultProfile is the profile of a credentials file that is taken if none is named.
const DefaultProfile = "default"

// Profile is the way to one organization as the environment or a credentials file says it, in the form that the vendor's own
// tools read.
type Profile struct {
	// Config is ready for [New], and can be completed before.
	Config Config
	// Source tells where the profile is from: the path of the file with the name of the profile, or "environment".
	Source string
	// Warnings are about the profile, not errors: a file that others may read, a name that is not known.
	Warnings []string
}

// ProfileFromEnv reads CBC_URL, CBC_TOKEN ("SECRET/ID") and CBC_ORG_KEY, and the older CBAPI_* of the same names where those are
// not set. Instead of a token there can be CBC_CSP_OAUTH_APP_ID with CBC_CSP_OAUTH_APP_SECRET, or CBC_CSP_API_TOKEN. lookup is
// usually [os.LookupEnv]. A program that has no token there gets an error that matches [fs.ErrNotExist]. CBC_SSL_VERIFY must not
// switch certificate checks off: see [ReadProfile].
func ProfileFromEnv(lookup func(string) (string, bool)) (Profile, error) {
	values := map[string]string{}
	for _, key := range profileKeys() {
		for _, prefix := range []string{"CBC_", "CBAPI_"} {
			if value, ok := lookup(prefix + strings.ToUpper(key)); ok && strings.TrimSpace(value) != "" {
				values[key] = strings.TrimSpace(value)
				break
			}
		}
	}
	p := Profile{Source: "environment"}
	if values["token"] == "" && values["csp_api_token"] == "" && values["csp_oauth_app_id"] == "" {
		return p, fmt.Errorf("cbc: profile: neither CBC_TOKEN nor CBC_CSP_API_TOKEN nor CBC_CSP_OAUTH_APP_ID is set: %w", fs.ErrNotExist)
	}
	return p.filled(values, "")
}

// ProfilePaths are the places where the vendor's tools look for credentials files, the most special first: the directory
// .carbonblack here, then in the home directory, then carbonblack in /etc or in the directory of Windows; in each of them
// credentials.cbc, then the older credentials.psc.
func ProfilePaths() []string {
	system := filepath.Join("/etc", "carbonblack")
	if runtime.GOOS == "windows" {
		windows := os.Getenv("windir")
		if windows == "" {
			windows = `C:\Windows`
		}
		system = filepath.Join(windows, "carbonblack")
	}
	dirs := []string{".carbonblack"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".carbonblack"))
	}
	var paths []string
	for _, dir := range append(dirs, system) {
		paths = append(paths, filepath.Join(dir, "credentials.cbc"), filepath.Join(dir, "credentials.psc"))
	}
	return paths
}

// FindProfile reads the profile of that name from the first of [ProfilePaths] that has it. An empty name is [DefaultProfile]. If
// none has it, the error matches [fs.ErrNotExist]; a file that cannot be read or understood ends the search.
func FindProfile(name string) (Profile, error) {
	for _, path := range ProfilePaths() {
		p, err := ReadProfile(path, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	return Profile{}, fmt.Errorf("cbc: profile %q is in none of the files where credentials are looked for: %w", orDefaultProfile(name), fs.ErrNotExist)
}

// ReadProfile reads one profile of a credentials file. An empty name is [DefaultProfile]. The file has a section for each profile,
// with these keys:
//
//	[default]
//	url = https://defense-prod05.conferdeploy.net
//	token = SECRET/ID
//	org_key = 7QRST4UV
//	integration_name = soc/1.0
//	ssl_cert_file = /etc/ssl/company.pem
//	proxy = proxy.example:8080
//	ignore_system_proxy = yes
//
// Instead of a token it can have csp_oauth_app_id with csp_oauth_app_secret, or csp_api_token, and csp_url_override. Two keys of
// the vendor's tools are refused when they weaken the connection: ssl_verify and ssl_verify_hostname cannot switch checks off; give
// the private authority in ssl_cert_file (PEM) instead. ssl_force_tls_1_2 keeps connections to that version. Lines that begin with
// # or ; are comments, and what the section DEFAULT says holds for all others. Unknown keys are ignored with a warning.
//
// A file or a profile that does not exist is an error that matches [fs.ErrNotExist].
func ReadProfile(path, name string) (Profile, error) {
	name = orDefaultProfile(name)
	p := Profile{Source: path + " [" + name + "]"}
	text, warning, err := readPrivate(path)
	if err != nil {
		return p, fmt.Errorf("cbc: profile: %w", err)
	}
	if warning != "" {
		p.Warnings = append(p.Warnings, warning)
	}
	sections, err := parseSections(text)
	if err != nil {
		return p, fmt.Errorf("cbc: profile: %s: %w", path, err)
	}
	values, ok := sections[name]
	if !ok {
		return p, fmt.Errorf("cbc: profile: %s has no profile %q: %w", path, name, fs.ErrNotExist)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(profileKeys(), key) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: the key %q is not known", p.Source, key))
		}
	}
	return p.filled(values, filepath.Dir(path))
}

func orDefaultProfile(name string) string {
	if name == "" {
		return DefaultProfile
	}
	return name
}

// maxProfile is the largest credentials file that is read.
const maxProfile = 1 << 20

// readPrivate reads a file that only its owner should be able to read.
func readPrivate(path string) (text, warning string, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", "", err
	case !info.Mode().IsRegular():
		return "", "", fmt.Errorf("%s is no file", path)
	case info.Size() > maxProfile:
		return "", "", fmt.Errorf("%s is larger than %d bytes", path, maxProfile)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		warning = fmt.Sprintf("%s: others than its owner may read or write the file (mode %04o, want 0600)", path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(path) // #nosec G304 -- the caller names the file
	return string(raw), warning, err
}
