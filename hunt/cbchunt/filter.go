package cbchunt

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/hunt"
)

// Filter leaves out of what an expander names the files that are trusted: those that the organization has allowed by their hash and those
// that one of the known signers signed, see [TrustedFiles]. Reputation is known only where a file ran, and is looked at there by the
// [Searcher]. A file that nobody could be asked about is left out too, and the error says so: the expander is asked again.
func (g *TrustedFiles) Filter(next hunt.Expander) hunt.Expander {
	return hunt.ExpanderFunc(func(ctx context.Context, ind hunt.Indicator) ([]hunt.Indicator, error) {
		more, err := next.Expand(ctx, ind)
		if len(more) == 0 {
			return nil, err
		}
		files := make([]hunt.SHA256, len(more))
		for i, m := range more {
			files[i] = m.SHA256
		}
		why := make(map[hunt.SHA256]doubt)
		if !g.cfg.SkipOverrides {
			g.overrides(ctx, why, files)
		}
		if !g.cfg.SkipSigners {
			g.signed(ctx, why, without(files, why))
		}
		problems := []error{err, ctx.Err()}
		var good []hunt.Indicator
		for _, m := range more {
			switch d := why[m.SHA256]; {
			case d.text == "" && ctx.Err() == nil:
				good = append(good, m)
			case d.unsure || d.forbidden:
				problems = append(problems, fmt.Errorf("cbchunt: whether %s can be trusted: %s", m.SHA256, d.text))
			}
		}
		return good, errors.Join(problems...)
	})
}
