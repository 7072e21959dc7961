package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// SessionOpener opens Live Response sessions. *cbc.LiveResponse is one.
type SessionOpener interface {
	Open(ctx context.Context, device cbc.DeviceID, opts cbc.OpenOptions) (*cbc.Session, error)
}

// LiveResponseConfig wires the action. Sessions and Devices are required.
type LiveResponseConfig struct {
	Sessions SessionOpener
	Devices  DeviceLister
	// EvidenceDir keeps a copy of each file before it is deleted, as <sha256>.evidence, readable by its owner only. The directory
	// must exist. Empty keeps none, and what is deleted then cannot be put back.
	EvidenceDir string
	// EvidenceLimit is the size in bytes up to which a copy is kept. A larger file is not deleted, and a person has to look.
	// Defaults to DefaultEvidenceLimit.
	EvidenceLimit int64
	// Options are the patience of the sessions. CheckInTimeout defaults to 2 min here: a machine that is off does not hold the
	// others up, the next run asks again.
	Options cbc.OpenOptions
	// InFlight is on how many devices it works at once. Defaults to 8.
	InFlight int
}

// NewLiveResponse kills the process that a condemned file was executed in and deletes the file, on the device itself and after
// checking both, see [Contain]. All tasks on a device share one session, which is closed whatever happens; one that somebody
// else had open is used and left open. A file that was in use gets a second go when the other tasks are through. A device that is
// offline is a failure that is tried again.
//
// On Linux, where a search does not tell the case of a path, a task is held whose file is not found under the path of the search: a
// person has to look for it.
//
// It needs device (READ), org.liveresponse.session (CREATE, READ, DELETE), org.liveresponse.process (READ, DELETE) and
// org.liveresponse.file (READ, DELETE): READ because a file is deleted only after its hash was compared.
//
// Undo puts a deleted file back from its copy, if its path is free. A process that was killed stays so. It needs
// org.liveresponse.file (CREATE) too.
func NewLiveResponse(cfg LiveResponseConfig) (hunt.Action, error) {
	var problems []error
	if cfg.Sessions == nil || cfg.Devices == nil {
		problems = append(problems, errors.New("actions: live_response: Sessions and Devices are required"))
	}
	if cfg.EvidenceLimit < 0 {
		problems = append(problems, fmt.Errorf("actions: live_response: EvidenceLimit is %d", cfg.EvidenceLimit))
	}
	if cfg.EvidenceDir != "" {
		if info, err := os.Stat(cfg.EvidenceDir); err != nil {
			problems = append(problems, fmt.Errorf("actions: live_response: EvidenceDir: %w", err))
		} else if !info.IsDir() {
			problems = append(problems, fmt.Errorf("actions: live_response: EvidenceDir: %s is no directory", cfg.EvidenceDir))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if cfg.Options.CheckInTimeout <= 0 {
		cfg.Options.CheckInTimeout = 2 * time.Minute
	}
	if cfg.InFlight <= 0 {
		cfg.InFlight = inFlight
	}
	return &liveResponse{cfg: cfg}, nil
}

type liveResponse struct {
	cfg LiveResponseConfig
}

// Spec implements [hunt.Action].
func (a *liveResponse) Spec() hunt.Spec {
	return hunt.Spec{
		Name: "live_response", Scope: hunt.ScopeProcess, Impact: hunt.Destroys, Evidence: hunt.Executed, Batch: hunt.BatchDevice,
		InFlight: a.cfg.InFlight, Undo: "a deleted file can be put back if a copy was kept; a killed process cannot",
	}
}

// liveResponseBefore is what is to be ended, and what was done once it was.
type liveResponseBefore struct {
	Path   string      `json:"path"`
	SHA256 hunt.SHA256 `json:"sha256"`
	// Deleted is nil where an attempt was cut off, so that nobody recorded whether the file was deleted.
	Deleted *bool   `json:"deleted,omitempty"`
	Killed  []int64 `json:"killed,omitempty"`
}

var errNoHash = errors.New("actions: live_response: the hash of the file is not known: nothing is deleted without comparing it")

// Look implements [hunt.Looker]. It opens no session: what runs on the device only the device knows.
func (a *liveResponse) Look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	reachable, outcomes := a.reach(ctx, tasks)
	for _, t := range reachable {
		if t.Undo {
			outcomes = append(outcomes, a.lookBack(t))
			continue
		}
		s := t.Sightings[0]
		switch {
		case isEmptyFile(s.SHA256):
			outcomes = append(outcomes, held(t, emptyFileWords))
		case s.Process.Path == "":
			outcomes = append(outcomes, refusal(t, errNoPath))
		case s.SHA256.IsZero():
			outcomes = append(outcomes, refusal(t, errNoHash))
		default:
			outcomes = append(outcomes, planned(t, liveResponseBefore{Path: s.Process.Path, SHA256: s.SHA256}, "the process would be killed and its file deleted, if the device shows them to be the right ones"))
		}
	}
	return outcomes
}

// reach leaves out the tasks on devices that take no session.
func (a *liveResponse) reach(ctx context.Context, tasks []hunt.Task) (reachable []hunt.Task, outcomes []hunt.Outcome) {
	states, err := readDevices(ctx, a.cfg.Devices, tasks)
	problem := problems(err)
	for _, t := range tasks {
		id, _ := t.Device()
		d, ok := states[fmt.Sprint(id.ID)]
		var err error
		never := false
		switch {
		case !ok:
			err = cmp.Or(problem(t), ErrUnknownDevice)
		case gone(d) != nil:
			err = gone(d)
		case slices.Contains(d.SensorStates, "LIVE_RESPONSE_KILLED"):
			err, never = errors.New("the device has Live Response disabled for good"), true
		case !slices.Contains(d.SensorStates, "LIVE_RESPONSE_ENABLED"):
			err = fmt.Errorf("the device's policy %q does not allow Live Response", d.PolicyName)
		default:
			reachable = append(reachable, t)
			continue
		}
		o := failed(t, fmt.Errorf("actions: live_response: %w", err))
		o.Refused = o.Refused || never
		if t.Undo && o.Refused {
			o = held(t, "nothing is put back: "+err.Error())
		}
		outcomes = append(outcomes, o)
	}
	return reachable, outcomes
}

// Do implements [hunt.Action].
func (a *liveResponse) Do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	open, outcomes := lookFirst(ctx, tasks, a.Look)
	return append(outcomes, eachGroup(ctx, byDevice(open), a.cfg.InFlight, a.onDevice)...)
}

// byDevice puts tasks on one device together, in the order of the first of each.
func byDevice(tasks []hunt.Task) [][]hunt.Task {
	index := make(map[int64]int)
	var groups [][]hunt.Task
	for _, t := range tasks {
		d, _ := t.Device()
		i, ok := index[d.ID]
		if !ok {
			i = len(groups)
			index[d.ID] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// open opens a session with the device of the tasks.
func (a *liveResponse) open(ctx context.Context, tasks []hunt.Task) (*cbc.Session, error) {
	d, _ := tasks[0].Device()
	session, err := a.cfg.Sessions.Open(ctx, cbc.DeviceID(d.ID), a.cfg.Options)
	if err == nil {
		return session, nil
	}
	if errors.Is(err, cbc.ErrNotConnected) {
		states, _ := readDevices(ctx, a.cfg.Devices, tasks[:1]) // for the report alone
		if now, ok := states[fmt.Sprint(d.ID)]; ok && !now.LastContact.IsZero() {
			return nil, fmt.Errorf("actions: live_response: the device is offline since %s, and is tried again until it is back: %w", now.LastContact.UTC().Format(time.RFC3339), err)
		}
	}
	return nil, fmt.Errorf("actions: live_response: %w", err)
}

func (a *liveResponse) onDevice(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	session, err := a.open(ctx, tasks)
	if err != nil {
		return same(tasks, func(t hunt.Task) hunt.Outcome { return failed(t, err) })
	}
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		if ctx.Err() != nil {
			break
		}
		outcomes = append(outcomes, a.contain(ctx, session, t, tasks))
	}
	for i, o := range outcomes {
		if errors.Is(o.Err, cbc.ErrInUse) && ctx.Err() == nil {
			outcomes[i] = a.again(ctx, session, o, tasks)
		}
	}
	return closeSession(ctx, session, outcomes)
}

// closeSession ends a session and tells of it if it stays open.
func closeSession(ctx context.Context, session *cbc.Session, outcomes []hunt.Outcome) []hunt.Outcome {
	if err := session.Close(ctx); err != nil {
		for i := range outcomes {
			outcomes[i].Detail += "; the session could not be closed: " + err.Error()
		}
	}
	return outcomes
}

// again is a second go at a file that was in use. What runs several times has a task for each process, and the file can be deleted
// after the last of them.
func (a *liveResponse) again(ctx context.Context, session *cbc.Session, before hunt.Outcome, tasks []hunt.Task) hunt.Outcome {
	o := a.contain(ctx, session, before.Task, tasks)
	o.Detail = before.Detail + "; again: " + o.Detail
	if len(o.Before) == 0 { // the second go changed nothing: what was done the first one did
		o.Before = before.Before
		if o.Status == hunt.Already && len(o.Before) > 0 {
			o.Status = hunt.Done
		}
		return o
	}
	var first, second liveResponseBefore
	if parseBefore(hunt.Task{Before: before.Before}, &first) && parseBefore(hunt.Task{Before: o.Before}, &second) {
		second.Killed = slices.Concat(first.Killed, second.Killed)
		o.Before = state(second)
	}
	return o
}

func (a *liveResponse) contain(ctx context.Context, session *cbc.Session, t hunt.Task, tasks []hunt.Task) hunt.Outcome {
	s := t.Sightings[0]
	target := Target{
		PIDs: s.Process.PIDs, Path: s.Process.Path, Start: s.Process.Start, OS: s.Device.OS, SHA256: s.SHA256,
		EvidenceDir: a.cfg.EvidenceDir, EvidenceLimit: a.cfg.EvidenceLimit,
	}
	for _, other := range tasks {
		if o := other.Sightings[0]; other.Target != t.Target && o.SHA256 == s.SHA256 {
			target.siblings = append(target.siblings, o.Process.PIDs...)
		}
	}
	c, err := Contain(ctx, session, target)
	detail := strings.Join(c.Notes, "; ")
	var o hunt.Outcome
	switch {
	case err != nil:
		o = failed(t, err)
		if detail != "" {
			o.Detail = detail + "; then: " + o.Detail
		}
	case c.Unclear:
		o = held(t, detail)
	case len(c.Killed) > 0 || c.Deleted:
		o = done(t, detail)
	default:
		return already(t, detail)
	}
	if len(c.Killed) > 0 || c.Deleted {
		o.Before = state(liveResponseBefore{Path: c.Path, SHA256: s.SHA256, Deleted: &c.Deleted, Killed: c.Killed})
	}
	return o
}
