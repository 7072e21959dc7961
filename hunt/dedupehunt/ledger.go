package dedupehunt

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
)

// Config wires a [Ledger]. Store is required.
type Config struct {
	Store dedupe.Store
	// Owner is the name under which tasks are claimed. Two ledgers that are in use at once must not share it. Defaults to the
	// host name, the process id and a random part.
	Owner string
	// Lease is how long a claim holds without being renewed, and so how long the tasks of a process that died must wait. Defaults
	// to 60 s.
	Lease time.Duration
	// Renew is how often claims are renewed. Defaults to a third of Lease, and must be less than half of it.
	Renew time.Duration
	// Poll is the longest pause between two looks at tasks that another hunter is doing. Defaults to 1 s.
	Poll time.Duration
	// Record is how long the ledger tries to record outcomes, also after the context has ended. Defaults to 10 s.
	Record time.Duration
	// Retry says how long a task that has failed waits, at least, until it is tried again: after how many failures of this kind in a
	// row, and whether the last was a refusal, see [hunt.Outcome]. Defaults to [Backoff].
	Retry func(failures int, refused bool) time.Duration
	// GiveUp is how long after its first failure a task is given up, and an open indicator after it was kept. Defaults to [Patience].
	GiveUp time.Duration
	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// Ledger is a [hunt.Ledger], a [hunt.Archive] and a [hunt.Backlog] on a store. It is safe for concurrent use.
type Ledger struct {
	cfg Config
}

var (
	_ hunt.Ledger  = (*Ledger)(nil)
	_ hunt.Archive = (*Ledger)(nil)
)

// New checks the configuration and reports everything that is wrong with it.
func New(cfg Config) (*Ledger, error) {
	var problems []error
	if cfg.Store == nil {
		problems = append(problems, errors.New("dedupehunt: Config.Store is missing"))
	}
	if cfg.Lease < 0 || cfg.Renew < 0 || cfg.Poll < 0 || cfg.Record < 0 || cfg.GiveUp < 0 {
		problems = append(problems, errors.New("dedupehunt: Lease, Renew, Poll, Record and GiveUp must not be negative"))
	}
	if cfg.Lease == 0 {
		cfg.Lease = time.Minute
	}
	if cfg.Renew == 0 {
		cfg.Renew = cfg.Lease / 3
	}
	if cfg.Renew >= (cfg.Lease+1)/2 {
		problems = append(problems, fmt.Errorf("dedupehunt: renewing every %v is too seldom for a lease of %v", cfg.Renew, cfg.Lease))
	}
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.Record == 0 {
		cfg.Record = 10 * time.Second
	}
	if cfg.Retry == nil {
		cfg.Retry = Backoff
	}
	if cfg.GiveUp == 0 {
		cfg.GiveUp = Patience
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Owner == "" {
		cfg.Owner = owner()
	}
	if len(cfg.Owner) > dedupe.MaxOwner {
		problems = append(problems, fmt.Errorf("dedupehunt: Config.Owner has %d bytes, more than %d", len(cfg.Owner), dedupe.MaxOwner))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Ledger{cfg: cfg}, nil
}

// owner is a name that no other process has, and that tells an operator where to look.
func owner() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown host"
	}
	host = strings.ReplaceAll(strings.ToValidUTF8(host[:min(len(host), 200)], "?"), "\x00", "?")
	return host + "/" + strconv.Itoa(os.Getpid()) + "/" + strings.ToLower(rand.Text()[:8])
}
