package nsx

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// Node tells what the manager itself is. It is safe for concurrent use.
type Node struct {
	core *core
}

// Version is that of a manager. The parts may differ by the build number.
type Version struct {
	// Product is the version of NSX, such as "4.2.1.0.0.24304119".
	Product string `json:"product_version"`
	// Node is the version of the node that answered.
	Node string `json:"node_version"`
}

// AtLeast tells whether the product is of a release or a later one. It is false if the version cannot be read.
func (v Version) AtLeast(major, minor int) bool {
	a, b, ok := v.numbers()
	return ok && (a > major || a == major && b >= minor)
}

func (v Version) numbers() (major, minor int, ok bool) {
	parts := strings.Split(v.Product, ".")
	if v.Product == "" {
		parts = strings.Split(v.Node, ".")
	}
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err == nil && err2 == nil && major > 0 && minor >= 0
}

// Version asks the manager for its version. It also proves that the address and the credentials are right. Managers of VMware Cloud
// may not allow it, with [ErrForbidden].
//
//api:op GET /api/v1/node/version
func (n *Node) Version(ctx context.Context) (Version, error) {
	const op = "node.version"
	var v Version
	if err := n.core.do(ctx, rest.Call{Op: op, Method: http.MethodGet, Route: "/api/v1/node/version", Repeatable: true}, &v); err != nil {
		return Version{}, err
	}
	if v == (Version{}) {
		return v, odd(op, "not the documented answer: no version")
	}
	return v, nil
}

// Health is how a manager feels.
type Health struct {
	Healthy bool
	// Components is what the manager says of its parts, such as "MANAGER:UP". Its form is not documented.
	Components string
}

// Health asks the manager how it is. That it is not well is no error: then Healthy is false. An error means that there was no answer
// to the question. It is asked once, since a manager that is not well answers 503.
//
//api:op GET /api/v1/reverse-proxy/node/health
func (n *Node) Health(ctx context.Context) (Health, error) {
	const op = "node.health"
	var body struct {
		Healthy    *bool          `json:"healthy"`
		Components jsontext.Value `json:"components_health"`
	}
	err := n.core.do(ctx, rest.Call{Op: op, Method: http.MethodGet, Route: "/api/v1/reverse-proxy/node/health"}, &body)
	if e, ok := errors.AsType[*APIError](err); ok && e.StatusCode == http.StatusServiceUnavailable {
		if json.Unmarshal(e.Body, &body, jsontext.AllowInvalidUTF8(true)) != nil || body.Healthy == nil {
			return Health{}, err // of a gateway, or of somebody who has too much to do
		}
		return Health{Healthy: false, Components: text(body.Components)}, nil
	}
	if err != nil {
		return Health{}, err
	}
	if body.Healthy == nil {
		return Health{}, odd(op, "not the documented answer: it does not say whether the manager is healthy")
	}
	return Health{Healthy: *body.Healthy, Components: text(body.Components)}, nil
}

// age remembers whether a manager is of the 2.x releases, which cannot add or remove tags.
type age struct{ state atomic.Int32 }

const (
	ageOld = iota + 1
	ageRecent
)

// replacesOnly tells whether an answer to an action for tags means that the manager does not know it. What such a manager answers is
// not documented, and a 400 can have many reasons: so the manager is asked what it is. One that does not say is taken for a recent
// one.
func (c *core) replacesOnly(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*APIError](err)
	if !ok {
		return false
	}
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented:
	default:
		return false
	}
	if c.old.state.Load() == 0 {
		v, err := (&Node{c}).Version(ctx)
		major, _, ok := v.numbers()
		switch {
		case err != nil || !ok:
			return false
		case major < 3:
			c.old.state.Store(ageOld)
		default:
			c.old.state.Store(ageRecent)
		}
	}
	return c.old.state.Load() == ageOld
}
