package proofpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/internal/rest"
)

// core is what all services of a client share.
type core struct {
	rest     *rest.Core
	now      func() time.Time
	lookBack time.Duration
	// anonymous says that there are no credentials, so that only links can be decoded.
	anonymous bool
}

// do makes a call and decodes its answer into out.
func (c *core) do(ctx context.Context, call rest.Call, out any) (rest.Result, error) {
	if err := c.allowed(call); err != nil {
		return rest.Result{}, err
	}
	return c.rest.Do(ctx, call, out)
}

// stream makes a call and returns its answer unread.
func (c *core) stream(ctx context.Context, call rest.Call) (*rest.Body, error) {
	if err := c.allowed(call); err != nil {
		return nil, err
	}
	return c.rest.Stream(ctx, call)
}

// allowed refuses what the service would refuse.
func (c *core) allowed(call rest.Call) error {
	if c.anonymous && call.Op != opDecode {
		return invalid(call.Op, fmt.Errorf("%w: there are none, and only links can be decoded without", ErrUnauthorized))
	}
	return nil
}

// invalid is the error of a call that is not sent because of its arguments.
func invalid(op string, err error) error { return fmt.Errorf("proofpoint: %s: %w", op, err) }
