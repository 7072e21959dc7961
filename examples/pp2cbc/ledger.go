package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// ledger is the ledger of the hunts, which also knows what the old script did.
type ledger struct {
	*dedupehunt.Ledger
	store dedupe.Store
}

// openLedger opens the ledger, takes over what the old script noted in it, and forgets what is older than the configuration says.
// A dry run forgets nothing, and makes no file where there is none. It takes over all the same: it would plan otherwise what is not done.
func openLedger(ctx context.Context, cfg *config, dry bool, now func() time.Time, logger *slog.Logger) (*ledger, func(), error) {
	if _, err := os.Stat(cfg.ledger); dry && errors.Is(err, fs.ErrNotExist) {
		l, err := newLedger(new(dedupe.Memory), cfg, now)
		return l, func() {}, err
	}
	store, err := sqlitededupe.Open(ctx, cfg.ledger)
	if err != nil {
		return nil, nil, err
	}
	closeStore := func() {
		if err := store.Close(); err != nil {
			logger.Error("the ledger could not be closed", "error", err)
		}
	}
	_, err = takeOver(ctx, store, now(), logger)
	if err == nil && !dry {
		err = forget(ctx, store, cfg, now(), logger)
	}
	var l *ledger
	if err == nil {
		l, err = newLedger(store, cfg, now)
	}
	if err != nil {
		closeStore()
		return nil, nil, err
	}
	return l, closeStore, nil
}

func newLedger(store dedupe.Store, cfg *config, now func() time.Time) (*ledger, error) {
	l, err := dedupehunt.New(dedupehunt.Config{Store: store, Lease: cfg.lease, GiveUp: cfg.guard.giveUp, Now: now})
	if err != nil {
		return nil, err
	}
	return &ledger{Ledger: l, store: store}, nil
}

// takenOver is what became of the old script's records.
type takenOver struct {
	// imported counts the processes that are new to the ledger.
	imported int
	// unusable says which rows mean nothing, nil if all do.
	unusable error
}

// takeOver makes the old script's records our own, once.
func takeOver(ctx context.Context, store *sqlitededupe.Store, now time.Time, logger *slog.Logger) (over takenOver, err error) {
	legacy, err := store.Legacy(ctx)
	if err == nil && legacy.Waiting == 0 {
		return over, nil
	}
	over.imported, err = store.ImportLegacy(ctx, now, func(r sqlitededupe.LegacyRecord) []dedupe.Key {
		if r.ProcessGUID == "" || hunt.SHA256(r.SHA256).IsZero() {
			return nil
		}
		return []dedupe.Key{legacyKey(r.ProcessGUID, r.SHA256)}
	})
	if over.imported > 0 {
		logger.Info("took over the old script's records", "processes", over.imported)
	}
	if err != nil {
		// Rows that cannot be read are passed over. Rows that wait are not: without them hosts would be acted on again.
		if legacy, e := store.Legacy(ctx); e != nil || legacy.Waiting > 0 {
			return over, err
		}
		logger.Warn("some records of the old script cannot be used", "error", err)
		over.unusable = err
	}
	return over, nil
}

// onlyOfScript tells whether all that the ledger remembers is what the old script did.
func (l *ledger) onlyOfScript(ctx context.Context) bool {
	store, ok := l.store.(*sqlitededupe.Store)
	if !ok {
		return false
	}
	if legacy, err := store.Legacy(ctx); err != nil || legacy.Records == 0 {
		return false
	}
	all, err := l.all(ctx)
	return err == nil && len(all) == 0
}

// forget forgets what is old.
func forget(ctx context.Context, store *sqlitededupe.Store, cfg *config, now time.Time, logger *slog.Logger) error {
	forgotten, err := store.Forget(ctx, now.Add(-cfg.remember))
	if forgotten > 0 {
		logger.Info("forgot finished tasks", "tasks", forgotten, "older_than", cfg.remember)
	}
	return err
}

// legacyKey marks a file in a process that the old script has acted on.
func legacyKey(guid string, hash hunt.SHA256) dedupe.Key {
	return dedupe.Key("legacy/process/" + guid + "/" + hash.String())
}

// legacyDone picks the tasks that the old script has done: it had the action, and has acted on every process that the task is
// about. A machine with anything newer on it is not among them.
func (l *ledger) legacyDone(ctx context.Context, tasks []hunt.Task) ([]hunt.Outcome, error) {
	keys := make(map[dedupe.Key]bool)
	for _, t := range tasks {
		if oldAction(t) {
			for _, s := range t.Sightings {
				keys[legacyKey(s.Process.GUID, s.SHA256)] = false
			}
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	all := make([]dedupe.Key, 0, len(keys))
	for key := range keys {
		if key.Check() == nil {
			all = append(all, key)
		}
	}
	records, err := l.store.Lookup(ctx, all...)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		keys[r.Key] = r.State == dedupe.Done
	}
	var done []hunt.Outcome
	for _, t := range tasks {
		open := func(s hunt.Sighting) bool { return !keys[legacyKey(s.Process.GUID, s.SHA256)] }
		if oldAction(t) && !slices.ContainsFunc(t.Sightings, open) {
			done = append(done, hunt.Outcome{Task: t, Status: hunt.Already, Detail: "the old script has acted on this"})
		}
	}
	return done, nil
}

// oldAction tells whether the old script had the action and did it for each process. What it did cannot be taken back from here.
func oldAction(t hunt.Task) bool {
	return !t.Undo && len(t.Sightings) > 0 && slices.Contains([]string{"webhook", "script", "isolate", "policy", "denylist", "nsx_tag"}, t.Action)
}

// Look implements [hunt.Ledger].
func (l *ledger) Look(ctx context.Context, tasks []hunt.Task) ([]hunt.Outcome, error) {
	old, err := l.legacyDone(ctx, tasks)
	if err != nil {
		return nil, err
	}
	known, err := l.Ledger.Look(ctx, without(tasks, old))
	return append(old, known...), err
}

// Once implements [hunt.Ledger].
func (l *ledger) Once(ctx context.Context, run string, tasks []hunt.Task, do hunt.DoFunc) ([]hunt.Outcome, error) {
	old, err := l.legacyDone(ctx, tasks)
	if err != nil {
		return nil, err
	}
	rest := without(tasks, old)
	if len(rest) == 0 {
		return old, nil
	}
	outcomes, err := l.Ledger.Once(ctx, run, rest, do)
	return append(old, outcomes...), err
}

// without leaves out the tasks that have an outcome.
func without(tasks []hunt.Task, outcomes []hunt.Outcome) []hunt.Task {
	ended := make(map[string]bool, len(outcomes))
	for _, o := range outcomes {
		ended[o.Task.Key()] = true
	}
	return slices.DeleteFunc(slices.Clone(tasks), func(t hunt.Task) bool { return ended[t.Key()] })
}
