package cbchunt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// span is when the newest activity of processes was: a window up to now, or from start to end.
type span struct {
	window     time.Duration
	start, end time.Time
}

// ahead is how far the clock of an endpoint may be ahead.
const ahead = 24 * time.Hour

// shortest is the shortest span that is searched for itself. More processes than a search keeps do not touch one file in it.
const shortest = time.Minute

// halves cuts a span in the middle. They share a second: whether ends count is not documented.
func (s span) halves(now time.Time) (a, b span, ok bool) {
	if s.window > 0 {
		s = span{start: now.Add(-s.window).UTC().Truncate(time.Second), end: now.Add(ahead).UTC().Truncate(time.Second)}
	}
	if s.end.Sub(s.start) < 2*shortest {
		return a, b, false
	}
	mid := s.start.Add(s.end.Sub(s.start) / 2).Truncate(time.Second)
	return span{start: s.start, end: mid.Add(time.Second)}, span{start: mid, end: s.end}, true
}

// look searches for files, and for less at a time where that finds too much or is too much to ask.
func (q *query) look(ctx context.Context, files []file, when span) {
	if q.stopped {
		return
	}
	if err := ctx.Err(); err != nil {
		q.fail(files, err)
		return
	}
	open := make(map[cbc.ProcessGUID]cbc.Process) // rows that do not say which file they are about
	err := q.rows(ctx, q.expression(files), when, 0, func(p cbc.Process) { q.row(files, p, open) })
	if q.stopped {
		return
	}
	if tooMuch(err) {
		if q.less(ctx, files, when, err) {
			return // everything that is in open comes again
		}
		err = fmt.Errorf("it cannot be parted any more: %w", err)
	}
	if err != nil {
		q.fail(files, err)
	}
	if len(open) > 0 && ctx.Err() == nil {
		q.tellApart(ctx, files, when, open)
	} else if len(open) > 0 && err == nil {
		q.fail(files, ctx.Err())
	}
}

// tooMuch tells whether a search has to be parted: it found more than it keeps, or the vendor does not take what was asked.
func tooMuch(err error) bool {
	var refused *cbc.APIError
	return errors.Is(err, cbc.ErrTruncated) || errors.As(err, &refused) &&
		(refused.StatusCode == http.StatusBadRequest || refused.StatusCode == http.StatusRequestEntityTooLarge || refused.StatusCode == http.StatusRequestURITooLong)
}

// mostSearches bounds the searches for one batch. What is in more pieces than this is everywhere.
const mostSearches = 400

// less searches for parts: without the names, which may be in every mailbox, then file by file, then piece of time by piece of time. It
// reports whether there was anything to part.
func (q *query) less(ctx context.Context, files []file, when span, err error) bool {
	if q.searches >= mostSearches {
		return false
	}
	if len(files) > 1 {
		half := len(files) / 2
		q.look(ctx, files[:half], when)
		q.look(ctx, files[half:], when)
		return true
	}
	if hasNames(files) {
		q.s.cfg.Warn(fmt.Sprintf("the name of %s is on too many machines to say anything, and is not searched for", files[0].sha256))
		q.look(ctx, nameless(files), when)
		return true
	}
	a, b, ok := when.halves(q.now)
	if ok = ok && errors.Is(err, cbc.ErrTruncated); ok {
		q.look(ctx, files, a)
		q.look(ctx, files, b)
	}
	return ok
}

// row tells what a row says by itself, and keeps it open if it does not say what it is about.
func (q *query) row(files []file, p cbc.Process, open map[cbc.ProcessGUID]cbc.Process) {
	own := ownHashes(p)
	other := len(own.sha256) > 0
	explained := false
	for _, f := range files {
		isFile, hasMD5 := slices.Contains(own.sha256, f.sha256), !f.md5.IsZero() && slices.Contains(own.md5, f.md5)
		switch {
		case f.second && trusted(reputation(p)) && (isFile || hasMD5):
			explained = true
			q.s.cfg.Warn(fmt.Sprintf("a condemned file brings %s along, which Carbon Black Cloud trusts: it is not hunted", f.sha256))
		case isFile:
			explained = true
			q.found(f, hunt.Executed, p, func(s *hunt.Sighting) { s.Field = ownField })
		case hasMD5 && !other:
			explained = true
			q.found(f, hunt.Executed, p, func(s *hunt.Sighting) { s.Field, s.ByMD5 = ownField, true })
		case hasMD5:
			q.s.cfg.Warn(fmt.Sprintf("process %s has the MD5 of %s and another SHA-256: it is another file", p.GUID, f.sha256))
		case f.hidden[p.GUID] && !other:
			explained = true
		}
	}
	if explained {
		delete(open, p.GUID)
		return
	}
	for _, f := range files {
		if q.told[told{p.GUID, f.sha256, hunt.Executed}] {
			return // another row of the same process said so
		}
	}
	open[p.GUID] = p
}

// hashes are those of a process's own executable.
type hashes struct {
	sha256 []hunt.SHA256
	md5    []hunt.MD5
}

func ownHashes(p cbc.Process) (own hashes) {
	for _, text := range append([]string{p.DetailHash}, p.Hashes...) {
		if sha256, err := hunt.ParseSHA256(text); err == nil {
			own.sha256 = append(own.sha256, sha256)
		} else if md5, err := hunt.ParseMD5(text); err == nil {
			own.md5 = append(own.md5, md5)
		}
	}
	return own
}

// rows runs one search to its end. At most the given number of rows is kept, all that can be had for 0.
func (q *query) rows(ctx context.Context, expr cbc.Expr, when span, rows int, each func(cbc.Process)) error {
	q.searches++
	job, err := q.s.cfg.Processes.Start(ctx, cbc.ProcessQuery{Query: expr, Window: when.window, Start: when.start, End: when.end, Rows: rows})
	if err != nil {
		return err
	}
	status, err := job.Wait(ctx)
	for _, warning := range status.Warnings {
		q.s.cfg.Warn(warning)
	}
	if err != nil && !errors.Is(err, cbc.ErrIncomplete) {
		cancel(ctx, job)
		return err
	}
	for p, err := range job.Results(ctx) {
		if err != nil {
			if ctx.Err() != nil {
				cancel(ctx, job)
			}
			return err
		}
		each(p)
		if q.stopped {
			return nil
		}
	}
	if err == nil && status.Truncated {
		err = &cbc.IncompleteError{Op: "processes.search", Job: job.ID, Status: status}
	}
	return err
}

// cancel gives a search back that nobody waits for any more; few may run at once.
func cancel(ctx context.Context, job *cbc.SearchJob) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer stop()
	_ = job.Cancel(ctx)
}
