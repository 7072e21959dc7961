package sqldedupe

import (
	"context"
	"errors"
	"fmt"
)

// ErrNewerSchema is the error of [New] when the tables were made by a later version of this module than this one understands.
// Nothing is changed then.
var ErrNewerSchema = errors.New("the ledger was made by a newer version of this program")

// fail names the operation, and the end of the context where the driver has words of its own for it.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	if over := ctx.Err(); over != nil && !errors.Is(err, over) {
		err = fmt.Errorf("%w: %w", over, err)
	}
	if s.explain != nil {
		err = s.explain(err)
	}
	return fmt.Errorf("sqldedupe: %s: %w", op, err)
}
