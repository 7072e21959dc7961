package sqlitededupe_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	store, err := sqlitededupe.Open(ctx, filepath.Join(dir, "app.sql"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	grants, err := store.Claim(ctx, "host-a/4711", now, time.Minute, "isolate/device/8", "isolate/device/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	results := []dedupe.Result{
		{Claim: grants[0].Claim, State: dedupe.Done, Before: []byte(`{"quarantined":false}`)},
		{Claim: grants[1].Claim, State: dedupe.Failed, Detail: "cbc: devices.quarantine: 503 Service Unavailable"},
	}
	if _, err := store.Finish(ctx, now.Add(time.Second), results...); err != nil {
		fmt.Println(err)
		return
	}
	records, err := store.Lookup(ctx, "isolate/device/7", "isolate/device/8")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range records {
		fmt.Println(r.Key, r.State, r.Updated.Format(time.TimeOnly), string(r.Before)+r.Detail)
	}
	// Output:
	// isolate/device/7 done 12:00:01 {"quarantined":false}
	// isolate/device/8 failed 12:00:01 cbc: devices.quarantine: 503 Service Unavailable
}

// The database of the old script becomes the ledger: what the script did is not done again.
func ExampleStore_ImportLegacy() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.sql")
	if err := oldScript(ctx, path); err != nil {
		fmt.Println(err)
		return
	}

	store, err := sqlitededupe.Open(ctx, path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	n, err := store.ImportLegacy(ctx, now, func(r sqlitededupe.LegacyRecord) []dedupe.Key {
		return []dedupe.Key{dedupe.Key(fmt.Sprintf("isolate/device/%d", r.DeviceID))}
	})
	fmt.Println("imported:", n, err)

	grants, err := store.Claim(ctx, "host-a/4711", now, time.Minute, "isolate/device/4571602", "isolate/device/4571603")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, g := range grants {
		fmt.Println(g.Claim.Key, "to be done:", g.Won, g.Record.State)
	}
	// Output:
	// imported: 1 <nil>
	// isolate/device/4571602 to be done: false done
	// isolate/device/4571603 to be done: true
}

// oldScript leaves behind what the old script did.
func oldScript(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `
		CREATE TABLE records (id integer PRIMARY KEY, timestamp text, device_id text, process_guid text, sha256 text);
		INSERT INTO records (timestamp, device_id, process_guid, sha256) VALUES (
			'2026-02-27T09:30:00Z', 4571602, 'ABCD1234-0045c212-00001538-00000000-1d7123',
			'9c5d7b1f0b1e4ea0c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172839')`)
	return err
}
