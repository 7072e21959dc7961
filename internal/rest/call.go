package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	retryablehttp "github.com/hashicorp/go-retryablehttp"
)

// Call is one operation of a service.
type Call struct {
	// Op names the operation in errors and logs, such as "devices.get".
	Op string
	// Method is the HTTP method.
	Method string
	// Route is the path with a name in braces for each variable part, such as "/orgs/{org_key}/devices/{device_id}".
	Route string
	// Args are the values of these parts in order. Each is escaped as one path segment; "", "." and ".." are refused, since they
	// would make another path.
	Args []string
	// Query is escaped and sent.
	Query url.Values
	// Body is sent as JSON. It is marshaled once, whatever the number of attempts. Nil means none.
	Body any
	// Form is sent instead of Body, as application/x-www-form-urlencoded.
	Form url.Values
	// Upload is sent instead of Body, as it is read.
	Upload *Upload
	// Header is added to the request.
	Header http.Header
	// Repeatable says that doing it twice is doing it once. Only then is the call repeated after a failure of the network or of
	// the server (500, 502, 503, 504). After a 429 every call is.
	Repeatable bool
	// Pool is what the service counts the call in, for Config.Quota. Empty means that it is not counted.
	Pool string
	// OK lists statuses besides 2xx that are no error.
	OK []int
}

// succeeded tells whether a status is a success of the call.
func (c Call) succeeded(status int) bool { return status/100 == 2 || slices.Contains(c.OK, status) }

// path fills in the variable parts of the route.
func (c Call) path() (string, error) {
	var b strings.Builder
	args := c.Args
	rest := c.Route
	if !strings.HasPrefix(rest, "/") || strings.ContainsAny(rest, "?#") {
		return "", errors.New("route: must be a path")
	}
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		switch {
		case !closed:
			return "", errors.New("route: a brace is not closed")
		case len(args) == 0:
			return "", fmt.Errorf("route: no value for {%s}", name)
		case args[0] == "" || args[0] == "." || args[0] == "..":
			return "", fmt.Errorf("route: %q cannot be the value of {%s}", args[0], name)
		}
		b.WriteString(url.PathEscape(args[0]))
		args, rest = args[1:], tail
	}
	if len(args) > 0 {
		return "", errors.New("route: more values than variable parts")
	}
	return b.String(), nil
}

// payload is the body to send and its content type.
func (c Call) payload() ([]byte, string, error) {
	switch {
	case c.Body != nil && c.Form != nil, c.Upload != nil && (c.Body != nil || c.Form != nil):
		return nil, "", errors.New("request: either a body or a form or an upload")
	case c.Form != nil:
		return []byte(c.Form.Encode()), "application/x-www-form-urlencoded", nil
	case c.Body != nil:
		body, err := json.Marshal(c.Body)
		if err != nil {
			return nil, "", fmt.Errorf("request: %w", err)
		}
		return body, "application/json", nil
	}
	return nil, "", nil
}

// target is the address of the call.
func (c Call) target(base *url.URL) (string, error) {
	path, err := c.path()
	if err != nil {
		return "", err
	}
	target := base.Scheme + "://" + base.Host + base.EscapedPath() + path
	if query := c.Query.Encode(); query != "" {
		target += "?" + query
	}
	return target, nil
}

// request makes what the engine sends. The body goes in as bytes, which the engine can send again without reading them anew.
func (c Call) request(ctx context.Context, target string) (*retryablehttp.Request, error) {
	body, contentType, err := c.payload()
	if err != nil {
		return nil, err
	}
	var raw any // a nil []byte in it would be a body of length zero
	if contentType != "" {
		raw = body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, c.Method, target, raw)
	if err != nil {
		return nil, clean(err)
	}
	if c.Upload != nil {
		contentType = c.Upload.Type // the transport attaches the bytes
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for name, values := range c.Header {
		req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	return req, nil
}
