package hunt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config wires a [Hunter]. Source and Searcher are required; Ledger too, as soon as there are Actions.
type Config struct {
	// Source tells what is condemned.
	Source Source
	// Searcher finds it on the endpoints.
	Searcher Searcher
	// Ledger remembers what is done.
	Ledger Ledger
	// Backlog takes files up again that an earlier run did not finish with, and those that are hunted still, see Rehunt. Defaults to
	// none: what fails is then taken up again only if its window is asked about again, and a source never moves its cursor.
	Backlog Backlog
	// Rehunt is for how long a file stays open after it was condemned: files are opened days later. It is searched for by every run on
	// the first day, every hour on the second, and every six hours then, see [NextSearch]. Defaults to seven days; below zero never.
	Rehunt time.Duration
	// Expander names more files of the same threat. Defaults to none.
	Expander Expander
	// ActOnSecondStage lets the files that the Expander names reach every action, within its evidence. By default they reach those that
	// merely tell: no mail brought them, and what a sandbox saw a bad file write may be a good one.
	ActOnSecondStage bool
	// DeadLetters keep what a source could not read. Defaults to nobody: such records are only counted.
	DeadLetters DeadLetters
	// Verifier is asked again right before anything is done about a file, see [Impact] and FreshVerdict, and is required with a Backlog.
	Verifier Verifier
	// FreshVerdict is how long ago a verdict may have been given that the Source has just told, so that machines are contained on its word,
	// which can be taken back. Before anything is destroyed, and on an older verdict, the Verifier is asked. Defaults to two hours; below
	// zero the Verifier is always asked.
	FreshVerdict time.Duration
	// Actions are done in this order: the first for all its targets, then the second, and so on. Those that merely tell are begun in their
	// turn, and the others do not wait for them. Defaults to none: look only.
	Actions []Action
	// Guards may hold any task before the first is done, except those of actions that merely tell. All of them are asked.
	Guards []Guard
	// Archive remembers what is held and tells of earlier runs. Defaults to none: then what is held is forgotten with the report,
	// nothing is undone, and nobody notices when the verdict on a file that was acted on is taken back.
	Archive Archive
	// Journal keeps the report of each run that is no dry run, also of one that failed or was stopped. Defaults to none.
	Journal Journal
	// AutoUndo takes back what was done about a file as soon as it is condemned no longer. It needs an Archive and a Verifier.
	AutoUndo bool
	// Recheck is for how long after it was done the verdict behind a task is asked about: of a few files by every run, of many at least once an
	// hour. Defaults to seven days; below zero never.
	Recheck time.Duration
	// Realm names what the hunt acts on, such as the organization. A saved plan of another realm is not applied.
	Realm string
	// PlanAge is how old a saved plan may be when it is applied. Defaults to 24 hours.
	PlanAge time.Duration
	// Auditor keeps every decision. Defaults to none.
	Auditor Auditor
	// Observer is told of the steps. Defaults to nobody.
	Observer Observer
	// LookBack is how far back processes are searched. Defaults to two weeks.
	LookBack time.Duration
	// BatchSize is the most files in one search. Defaults to 100.
	BatchSize int
	// BatchDelay is how long a file waits for others to share its search with. Defaults to 500 ms.
	BatchDelay time.Duration
	// Searches is how many searches run at once. Defaults to 4.
	Searches int
	// NewRunID names a run that begins at a time. No two runs may have the same name, and those of later runs must sort behind. Defaults to
	// [NewRunID].
	NewRunID func(begun time.Time) string
	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// Hunter runs hunts. It is safe for concurrent use, and two runs at once do each task once, as far as they share a ledger.
type Hunter struct {
	cfg Config
}

// New checks the configuration and reports everything that is wrong with it.
func New(cfg Config) (*Hunter, error) {
	var problems []error
	if cfg.Source == nil {
		problems = append(problems, errors.New("hunt: Config.Source is missing"))
	}
	if cfg.Searcher == nil {
		problems = append(problems, errors.New("hunt: Config.Searcher is missing"))
	}
	if cfg.Ledger == nil && len(cfg.Actions) > 0 {
		problems = append(problems, errors.New("hunt: Config.Ledger is missing: without it an action would be repeated by every run"))
	}
	if cfg.Backlog != nil && cfg.Verifier == nil {
		problems = append(problems, errors.New("hunt: Config.Verifier is missing: without it an old verdict would be acted on"))
	}
	if cfg.AutoUndo && (cfg.Archive == nil || cfg.Verifier == nil) {
		problems = append(problems, errors.New("hunt: AutoUndo needs an Archive and a Verifier"))
	}
	if cfg.LookBack < 0 || cfg.PlanAge < 0 || cfg.BatchSize < 0 || cfg.BatchDelay < 0 || cfg.Searches < 0 {
		problems = append(problems, errors.New("hunt: LookBack, PlanAge, BatchSize, BatchDelay and Searches must not be negative"))
	}
	problems = append(problems, checkActions(cfg.Actions)...)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	setDefault(&cfg.LookBack, 14*24*time.Hour)
	setDefault(&cfg.Recheck, 7*24*time.Hour)
	setDefault(&cfg.FreshVerdict, 2*time.Hour)
	setDefault(&cfg.PlanAge, 24*time.Hour)
	setDefault(&cfg.BatchSize, 100)
	setDefault(&cfg.Rehunt, 7*24*time.Hour)
	setDefault(&cfg.BatchDelay, 500*time.Millisecond)
	setDefault(&cfg.Searches, 4)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewRunID == nil {
		cfg.NewRunID = NewRunID
	}
	if cfg.Observer == nil {
		cfg.Observer = ObserverFunc(func(Event) {})
	}
	return &Hunter{cfg: cfg}, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func checkActions(actions []Action) []error {
	var problems []error
	seen := make(map[string]bool)
	for _, a := range actions {
		spec := a.Spec()
		switch {
		case spec.Name == "" || strings.Contains(spec.Name, "/"):
			problems = append(problems, fmt.Errorf("hunt: %q is no name for an action", spec.Name))
		case slices.Contains(reserved(), spec.Name):
			problems = append(problems, fmt.Errorf("hunt: an action cannot be named %s: ledgers use the word", spec.Name))
		case seen[spec.Name]:
			problems = append(problems, fmt.Errorf("hunt: there are two actions named %s", spec.Name))
		}
		seen[spec.Name] = true
		switch spec.Scope {
		case ScopeHash:
		case ScopeHold:
			if spec.Impact != Tells {
				problems = append(problems, fmt.Errorf("hunt: action %s has the scope %s, but does more than tell", spec.Name, spec.Scope))
			}
		case ScopeDevice, ScopeProcess:
			if spec.Evidence == None {
				problems = append(problems, fmt.Errorf("hunt: action %s has the scope %s but needs no evidence", spec.Name, spec.Scope))
			}
		default:
			problems = append(problems, fmt.Errorf("hunt: action %s has the unknown scope %q", spec.Name, spec.Scope))
		}
		if spec.Impact < Destroys || spec.Impact > Tells {
			problems = append(problems, fmt.Errorf("hunt: action %s has the unknown impact %d", spec.Name, int(spec.Impact)))
		}
		if spec.Evidence < None || spec.Evidence > Executed {
			problems = append(problems, fmt.Errorf("hunt: action %s needs the unknown evidence %d", spec.Name, int(spec.Evidence)))
		}
	}
	return problems
}

// reserved are the first parts of keys that are not those of tasks.
func reserved() []string { return []string{"undo", "indicator", "legacy", "cursor", "audit", "run"} }

// Run asks for what was condemned in the window, or since the run before for the zero window, hunts it, and acts: [Hunter.Plan], then [Hunter.Apply], with the difference that
// the backlog learns of each file before it is searched for. The report is never nil and tells of everything that was done; the
// error is [Report.Err].
func (h *Hunter) Run(ctx context.Context, w Window) (*Report, error) {
	return h.Apply(ctx, h.plan(ctx, w, h.cfg.Backlog != nil))
}

// NewRunID names a run by the second in which it begins, and at random behind that.
func NewRunID(now time.Time) string {
	return now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:8])
}

func (h *Hunter) observe(run string, e Event) {
	e.Time, e.Run = h.cfg.Now().UTC(), run
	h.cfg.Observer.Observe(e)
}
