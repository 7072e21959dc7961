package cbc

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/pphunt/pphunt/internal/rest"
)

// profileKeys are the keys that a profile can have.
func profileKeys() []string {
	return []string{
		"url", "token", "org_key", "ssl_verify", "ssl_verify_hostname", "ssl_cert_file", "ssl_force_tls_1_2", "proxy",
		"ignore_system_proxy", "integration", "integration_name", "csp_oauth_app_id", "csp_oauth_app_secret", "csp_api_token",
		"csp_url_override",
	}
}

// parseSections reads a file of sections with keys. Names of keys are compared without regard to case. A line that stands further to the
// right than the key before it goes on with its value for the vendor's tools, whatever it looks like: it is refused.
func parseSections(text string) (map[string]map[string]string, error) {
	sections := map[string]map[string]string{}
	inherited := map[string]string{}
	var current map[string]string
	deepest := -1 // where a key may begin after another one; below zero: anywhere
	lines := bufio.NewScanner(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	lines.Buffer(nil, maxProfile+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		indent := len(lines.Text()) - len(strings.TrimLeftFunc(lines.Text(), unicode.IsSpace))
		if deepest >= 0 && indent > deepest {
			return nil, fmt.Errorf("line %d: it stands further to the right than the key before it, and would be a part of its value", n)
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, closed := strings.CutSuffix(name, "]")
			switch _, twice := sections[name]; {
			case !closed || name == "":
				return nil, fmt.Errorf("line %d: a section whose name has no end", n)
			case name == "DEFAULT":
				current = inherited
			case twice:
				return nil, fmt.Errorf("line %d: the profile %q is there twice", n, name)
			default:
				current = map[string]string{}
				sections[name] = current
			}
			deepest = -1
			continue
		}
		key, value, err := splitKey(line)
		switch _, twice := current[key]; {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case current == nil:
			return nil, fmt.Errorf("line %d: a key before the first profile", n)
		case twice:
			return nil, fmt.Errorf("line %d: the key %q is there twice", n, key)
		}
		current[key], deepest = value, indent
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	for _, values := range sections {
		for key, value := range inherited {
			if _, own := values[key]; !own {
				values[key] = value
			}
		}
	}
	return sections, nil
}

// splitKey reads "key = value" or "key: value". The errors do not repeat the line, which may be a secret.
func splitKey(line string) (key, value string, err error) {
	at := strings.IndexAny(line, "=:")
	if at < 0 {
		return "", "", errors.New("neither a key with a value nor a section")
	}
	key = strings.ToLower(strings.TrimSpace(line[:at]))
	value = strings.TrimSpace(line[at+1:])
	switch {
	case key == "":
		return "", "", errors.New("a value without a key")
	case strings.Contains(value, "%("):
		return "", "", fmt.Errorf("the value of %q refers to another value, which is not supported", key)
	}
	return key, strings.ReplaceAll(value, "%%", "%"), nil
}

// filled makes the configuration out of the values. dir is where relative file names begin.
func (p Profile) filled(values map[string]string, dir string) (Profile, error) {
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("cbc: profile: %s: "+format, append([]any{p.Source}, args...)...))
	}
	for _, key := range []string{"url", "org_key"} {
		if values[key] == "" {
			problem("%s is missing", key)
		}
	}
	flag := func(key string, otherwise bool) bool {
		switch strings.ToLower(values[key]) {
		case "":
			return otherwise
		case "1", "yes", "on", "true":
			return true
		case "0", "no", "off", "false":
			return false
		}
		problem("%s is neither true nor false", key)
		return otherwise
	}
	for _, key := range []string{"ssl_verify", "ssl_verify_hostname"} {
		if !flag(key, true) {
			problem("%s must not switch the check of certificates off; name the private authority in ssl_cert_file", key)
		}
	}
	p.Config.BaseURL, p.Config.OrgKey = values["url"], values["org_key"]
	p.Config.UserAgent = values["integration"]
	if p.Config.UserAgent == "" {
		p.Config.UserAgent = values["integration_name"]
	}
	p.Config.CloudServicesURL = values["csp_url_override"]
	p.Config.Credentials = profileCredentials(values)
	if err := p.Config.Credentials.problem; err != nil {
		problem("%w", err)
	}
	connection := profileConnection{dir: dir, ca: values["ssl_cert_file"], proxy: values["proxy"], direct: flag("ignore_system_proxy", false), tls12: flag("ssl_force_tls_1_2", false)}
	if connection.special() {
		client, err := connection.client()
		if err != nil {
			problem("%w", err)
		}
		p.Config.HTTPClient = client
	}
	return p, errors.Join(problems...)
}

func profileCredentials(values map[string]string) Credentials {
	switch {
	case values["token"] != "":
		secret, id, ok := strings.Cut(values["token"], "/")
		if !ok {
			return Credentials{problem: errors.New(`token is not of the form "SECRET/ID"`)}
		}
		return APIKey(id, secret)
	case values["csp_oauth_app_id"] != "":
		return OAuthApp(values["csp_oauth_app_id"], values["csp_oauth_app_secret"])
	case values["csp_api_token"] != "":
		return APIToken(values["csp_api_token"])
	}
	return Credentials{problem: errors.New("token is missing")}
}

// profileConnection is what a profile says of the connection.
type profileConnection struct {
	dir, ca, proxy string
	direct, tls12  bool
}

// special tells whether the default of [Config] does not do.
func (c profileConnection) special() bool { return c != profileConnection{dir: c.dir} }

func (c profileConnection) client() (*http.Client, error) {
	how := rest.Connection{Direct: c.direct, OnlyTLS12: c.tls12}
	var err error
	if c.proxy != "" {
		if how.Proxy, err = rest.ParseProxy(c.proxy); err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		how.Direct = false
	}
	if c.ca != "" {
		path := c.ca
		if !filepath.IsAbs(path) {
			path = filepath.Join(c.dir, path)
		}
		how.Roots, err = rest.ReadRoots(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // the profile exists: nobody may look for another one of its name
			return nil, fmt.Errorf("ssl_cert_file: there is no file %s", path)
		case err != nil:
			return nil, fmt.Errorf("ssl_cert_file: %w", err)
		}
	}
	return how.Client(), nil
}
