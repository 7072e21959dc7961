package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pphunt/pphunt/hunt"
)

// closeFiles ends the hunt for files, because a person wants it. A mail that brings one of them later begins it anew.
func (p program) closeFiles(ctx context.Context, args []string) int {
	var o common
	fs := newFlags(&o)
	rest, err := o.parse(fs, args)
	var hashes []hunt.SHA256
	for _, text := range rest {
		hash, e := hunt.ParseSHA256(text)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%.80q: %w", text, e))
		}
		hashes = append(hashes, hash)
	}
	if err == nil && len(rest) == 0 && !o.help {
		err = errors.New("close needs the SHA-256 of files that are hunted; pp2cbc status lists them")
	}
	if code, over := p.flagged(err, o.help); over {
		return code
	}
	return p.remembering(ctx, o, func(j *job, l *ledger, _ []hunt.Record) int { return j.close(ctx, l, hashes) })
}

func (j *job) close(ctx context.Context, l *ledger, hashes []hunt.SHA256) int {
	open, err := l.List(ctx)
	if err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	hunted := make(map[hunt.SHA256]bool)
	for _, ind := range open {
		hunted[ind.SHA256] = true
	}
	code := exitDone
	var found []hunt.SHA256
	for _, hash := range hashes {
		if !hunted[hash] {
			j.complain("%s is not hunted", hash)
			code = exitFailed
			continue
		}
		found = append(found, hash)
	}
	if err := l.Settle(ctx, found...); err != nil {
		j.complain("%v", err)
		return exitFailed
	}
	for _, hash := range found {
		j.logger.Info("closed", "file", hash, "by", operator())
		fmt.Fprintf(j.out, "%s is hunted no longer, unless a later mail brings it again.\n", hash)
	}
	return code
}
