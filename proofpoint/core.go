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
}

// do makes a call and decodes its answer into out.
func (c *core) do(ctx context.Context, call rest.Call, out any) (rest.Result, error) {
	return c.rest.Do(ctx, call, out)
}

// stream makes a call and returns its answer unread.
func (c *core) stream(ctx context.Context, call rest.Call) (*rest.Body, error) {
	return c.rest.Stream(ctx, call)
}

// invalid is the error of a call that is not sent because of its arguments.
func invalid(op string, err error) error { return fmt.Errorf("proofpoint: %s: %w", op, err) }
