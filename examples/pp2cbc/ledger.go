package main

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

// openLedger opens the ledger, takes over what the old script noted in it, and forgets what is older than the configuration says.
func openLedger(ctx context.Context, cfg *config, list []hunt.Action, now func() time.Time, logger *slog.Logger) (hunt.Ledger, func(), error) {
	store, err := sqlitededupe.Open(ctx, cfg.ledger)
	if err != nil {
		return nil, nil, err
	}
	closeStore := func() {
		if err := store.Close(); err != nil {
			logger.Error("the ledger could not be closed", "error", err)
		}
	}
	imported, err := store.ImportLegacy(ctx, now(), func(r sqlitededupe.LegacyRecord) []dedupe.Key { return legacyKeys(r, list) })
	if imported > 0 {
		logger.Info("took over the old script's records", "tasks", imported)
	}
	if err != nil {
		// Rows that cannot be read are passed over. Rows that wait are not: without them hosts would be acted on again.
		if legacy, e := store.Legacy(ctx); e != nil || legacy.Waiting > 0 {
			closeStore()
			return nil, nil, err
		}
		logger.Warn("some records of the old script cannot be used", "error", err)
	}
	forgotten, err := store.Forget(ctx, now().Add(-cfg.remember))
	if err != nil {
		closeStore()
		return nil, nil, err
	}
	if forgotten > 0 {
		logger.Info("forgot finished tasks", "tasks", forgotten, "older_than", cfg.remember)
	}
	ledger, err := dedupehunt.New(dedupehunt.Config{Store: store, Now: now})
	if err != nil {
		closeStore()
		return nil, nil, err
	}
	return ledger, closeStore, nil
}

// legacyKeys are the tasks that a record of the old script stands for: those of the actions that are on, as far as the script had
// them. It did not have live_response, and it did the watchlist apart from the processes.
func legacyKeys(r sqlitededupe.LegacyRecord, list []hunt.Action) []dedupe.Key {
	var keys []dedupe.Key
	hash := hunt.SHA256(r.SHA256)
	for _, a := range list {
		spec := a.Spec()
		t := hunt.Task{Action: spec.Name, Scope: spec.Scope}
		switch {
		case spec.Name == "live_response" || spec.Name == "watchlist":
			continue
		case spec.Scope == hunt.ScopeDevice && r.DeviceID > 0:
			t.Target = strconv.FormatInt(r.DeviceID, 10)
		case spec.Scope == hunt.ScopeProcess && r.ProcessGUID != "" && !hash.IsZero():
			t.Target = r.ProcessGUID + "/" + hash.String()
		case spec.Scope == hunt.ScopeHash && !hash.IsZero():
			t.Target = hash.String()
		default:
			continue
		}
		keys = append(keys, dedupe.Key(t.Key()))
	}
	return keys
}
