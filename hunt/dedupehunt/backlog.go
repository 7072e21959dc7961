package dedupehunt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

var _ hunt.Backlog = (*Ledger)(nil)

// openPrefix begins the keys of open indicators: indicator/<sha256>/<run>. No action can have the name, see [hunt.New] and the
// three parts of a task's key, whose second is a scope.
const openPrefix = "indicator/"

// Keep implements [hunt.Backlog]. The records of mails as they came are not kept.
func (l *Ledger) Keep(ctx context.Context, run string, indicators ...hunt.Indicator) error {
	notes := make(map[dedupe.Key][]byte, len(indicators))
	keys := make([]dedupe.Key, 0, len(indicators))
	for _, ind := range indicators {
		note, err := json.Marshal(ind)
		if err != nil {
			return fmt.Errorf("dedupehunt: keep: %w", err)
		}
		key := dedupe.Key(openPrefix + ind.SHA256.String() + "/" + run)
		notes[key] = note
		keys = append(keys, key)
	}
	if _, err := l.close(ctx, keys, func(g dedupe.Grant) dedupe.Result {
		return dedupe.Result{Claim: g.Claim, State: dedupe.Released, Before: notes[g.Claim.Key]}
	}); err != nil {
		return fmt.Errorf("dedupehunt: keep: %w", err)
	}
	return nil
}

// Settle implements [hunt.Backlog].
func (l *Ledger) Settle(ctx context.Context, hashes ...hunt.SHA256) error {
	records, err := l.ofFiles(ctx, hashes)
	if err != nil {
		return fmt.Errorf("dedupehunt: settle: %w", err)
	}
	var keys []dedupe.Key
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	if err := l.settle(ctx, keys, "settled"); err != nil {
		return fmt.Errorf("dedupehunt: settle: %w", err)
	}
	return nil
}

// ofFiles are the open records of files.
func (l *Ledger) ofFiles(ctx context.Context, hashes []hunt.SHA256) ([]dedupe.Record, error) {
	if len(hashes) == 1 {
		return l.cfg.Store.Unfinished(ctx, dedupe.Key(openPrefix+hashes[0].String()+"/"))
	}
	records, err := l.cfg.Store.Unfinished(ctx, openPrefix)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(hashes))
	for _, h := range hashes {
		wanted[h.String()] = true
	}
	return slices.DeleteFunc(records, func(r dedupe.Record) bool { return !wanted[fileOf(r.Key)] }), nil
}

func (l *Ledger) settle(ctx context.Context, keys []dedupe.Key, detail string) error {
	_, err := l.close(ctx, keys, func(g dedupe.Grant) dedupe.Result {
		return dedupe.Result{Claim: g.Claim, State: dedupe.Done, Detail: detail}
	})
	return err
}

// close claims keys and ends the claims at once. Those that somebody else has, or has done, are missed: they are his to end.
func (l *Ledger) close(ctx context.Context, keys []dedupe.Key, end func(dedupe.Grant) dedupe.Result) (missed []dedupe.Grant, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	now := l.cfg.Now()
	grants, err := l.cfg.Store.Claim(ctx, l.cfg.Owner, now, l.cfg.Lease, keys...)
	if err != nil {
		return nil, err
	}
	var results []dedupe.Result
	for _, g := range grants {
		if g.Won {
			results = append(results, end(g))
		} else {
			missed = append(missed, g)
		}
	}
	if len(results) == 0 {
		return missed, nil
	}
	_, err = l.cfg.Store.Finish(ctx, now, results...)
	return missed, err
}

// Open implements [hunt.Backlog]. Indicators that could not be finished with for longer than [Config.GiveUp] are given up: the error
// names them, once.
func (l *Ledger) Open(ctx context.Context) ([]hunt.OpenIndicator, error) {
	all, tired, problems := l.unfinished(ctx)
	var keys []dedupe.Key
	for _, t := range tired {
		keys = append(keys, t.keys...)
		problems = append(problems, fmt.Errorf("gave up on %s: it could not be finished with since %s", t.file.SHA256, t.last.UTC().Format(time.RFC3339)))
	}
	problems = append(problems, l.settle(ctx, keys, "given up"))
	if err := errors.Join(problems...); err != nil {
		return all, fmt.Errorf("dedupehunt: open: %w", err)
	}
	return all, nil
}

// List tells which indicators are open, as Open does, and changes nothing: for people who want to know.
func (l *Ledger) List(ctx context.Context) ([]hunt.OpenIndicator, error) {
	all, tired, problems := l.unfinished(ctx)
	for _, t := range tired {
		all = append(all, t.file)
	}
	if err := errors.Join(problems...); err != nil {
		return all, fmt.Errorf("dedupehunt: list: %w", err)
	}
	return all, nil
}

// tired is an indicator that is to be given up.
type tired struct {
	file hunt.OpenIndicator
	last time.Time
	keys []dedupe.Key
}

// unfinished are the open indicators, those that are to be given up, and what could not be read.
func (l *Ledger) unfinished(ctx context.Context) (all []hunt.OpenIndicator, over []tired, problems []error) {
	records, err := l.cfg.Store.Unfinished(ctx, openPrefix)
	if err != nil {
		return nil, nil, []error{err}
	}
	now := l.cfg.Now()
	open := make(map[string]*openFile)
	var order []string
	for _, r := range records {
		if r.State == dedupe.Claimed && r.Until.After(now) && len(r.Before) == 0 {
			continue // being written at this moment, for the first time
		}
		w, err := indicatorOf(r)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		text := fileOf(r.Key)
		f := open[text]
		if f == nil {
			f = new(openFile)
			open[text] = f
			order = append(order, text)
		}
		f.add(r, w)
	}
	for _, text := range order {
		o, last := open[text].open()
		if now.Sub(last) > l.cfg.GiveUp {
			over = append(over, tired{o, last, open[text].keys})
			continue
		}
		all = append(all, o)
	}
	return all, over, problems
}

// openFile is what the records say about one file.
type openFile struct {
	merged merger
	keys   []dedupe.Key
	kept   time.Time // the newest, zero if everything that was kept was finished with
	watch  watched
}

func (f *openFile) add(r dedupe.Record, w watched) {
	f.merged.add(w.Indicator)
	f.keys = append(f.keys, r.Key)
	switch {
	case watches(r.Key):
		f.watch = w
	case r.Created.After(f.kept):
		f.kept = r.Created
	}
}

// open is the file as the hunt sees it, and when it was last kept or finished with.
func (f *openFile) open() (o hunt.OpenIndicator, last time.Time) {
	ind := f.merged.indicators[0]
	ind.Seen = slices.Clone(f.watch.Seen)
	for i := range ind.Seen {
		ind.Seen[i].Keep = true // nothing else was kept
	}
	o = hunt.OpenIndicator{Indicator: ind, Since: f.watch.Since, Searched: f.watch.Searched, Verified: f.watch.Verified, Expanded: f.watch.Expanded}
	if f.kept.IsZero() {
		return o, o.Searched
	}
	o.Searched = time.Time{}
	if f.kept.After(o.Since) {
		o.Since = f.kept
	}
	return o, f.kept
}

// merger puts together what several runs kept about the same files.
type merger struct {
	indicators []hunt.Indicator
	index      map[hunt.SHA256]int
	mails      map[mailOf]bool
}

type mailOf struct {
	hash hunt.SHA256
	mail string
}

// add takes a mail that is known already not twice, and the newest word about the threat.
func (m *merger) add(ind hunt.Indicator) {
	if m.index == nil {
		m.index, m.mails = make(map[hunt.SHA256]int), make(map[mailOf]bool)
	}
	i, known := m.index[ind.SHA256]
	if !known {
		i = len(m.indicators)
		m.index[ind.SHA256] = i
		m.indicators = append(m.indicators, hunt.Indicator{SHA256: ind.SHA256, MD5: ind.MD5, Of: ind.Of})
	}
	to := &m.indicators[i]
	if to.MD5.IsZero() {
		to.MD5 = ind.MD5
	}
	if ind.Of.IsZero() {
		to.Of = hunt.SHA256{}
	}
	if to.Threat.ID == "" || ind.Threat.Time.After(to.Threat.Time) {
		to.Threat = ind.Threat
	}
	for _, mail := range ind.Mails {
		if id := (mailOf{ind.SHA256, mail.ID}); !m.mails[id] {
			m.mails[id] = true
			to.Mails = append(to.Mails, mail)
		}
	}
}

// fileOf is the part of an open indicator's key that is its hash.
func fileOf(key dedupe.Key) string {
	text, _, _ := strings.Cut(strings.TrimPrefix(string(key), openPrefix), "/")
	return text
}

// indicatorOf reads the note on an open indicator. Where the process died before it had written one, the key alone tells the file,
// whose hash is the id of its threat as well.
func indicatorOf(r dedupe.Record) (watched, error) {
	text := fileOf(r.Key)
	hash, err := hunt.ParseSHA256(text)
	if err != nil {
		return watched{}, fmt.Errorf("record %s: %w", r.Key, err)
	}
	if len(r.Before) == 0 {
		return watched{Indicator: hunt.Indicator{SHA256: hash, Threat: hunt.Threat{ID: text, Type: "attachment", Status: "active"}}}, nil
	}
	var w watched
	if err := json.Unmarshal(r.Before, &w); err != nil {
		return watched{}, fmt.Errorf("record %s: %w", r.Key, err)
	}
	if w.SHA256 != hash {
		return watched{}, fmt.Errorf("record %s is about another file", r.Key)
	}
	return w, nil
}
