package dedupehunt

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

var _ hunt.Cursors = (*Ledger)(nil)

// CursorPrefix begins the keys of cursors: cursor/<name>. Their note is the cursor.
const CursorPrefix dedupe.Key = "cursor/"

const cursorPrefix = string(CursorPrefix)

// Cursor implements [hunt.Cursors].
func (l *Ledger) Cursor(ctx context.Context, name string) ([]byte, error) {
	records, err := l.cfg.Store.Lookup(ctx, dedupe.Key(cursorPrefix+name))
	if err != nil {
		return nil, fmt.Errorf("dedupehunt: cursor: %w", err)
	}
	if len(records) == 0 {
		return nil, nil
	}
	return records[0].Before, nil
}

// CursorNames lists what there is a cursor for, in order.
func (l *Ledger) CursorNames(ctx context.Context) ([]string, error) {
	var names []string
	for r, err := range l.cfg.Store.Scan(ctx, CursorPrefix) {
		if err != nil {
			return names, fmt.Errorf("dedupehunt: cursors: %w", err)
		}
		names = append(names, strings.TrimPrefix(string(r.Key), cursorPrefix))
	}
	return names, nil
}

// MoveCursor implements [hunt.Cursors]. Whoever moves it has it alone meanwhile.
func (l *Ledger) MoveCursor(ctx context.Context, name string, from, to []byte) (moved bool, err error) {
	_, err = l.close(ctx, []dedupe.Key{dedupe.Key(cursorPrefix + name)}, func(g dedupe.Grant) dedupe.Result {
		result := dedupe.Result{Claim: g.Claim, State: dedupe.Released, Before: g.Record.Before}
		if bytes.Equal(g.Record.Before, from) {
			moved, result.Before = true, to
		}
		return result
	})
	if err != nil {
		return false, fmt.Errorf("dedupehunt: move cursor: %w", err)
	}
	return moved, nil
}
