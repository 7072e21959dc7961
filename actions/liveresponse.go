package actions

import (
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
	// must exist. Empty keeps none.
	EvidenceDir string
	// Options are the patience of the sessions. CheckInTimeout defaults to 2 min here: a machine that is off does not hold the
	// others up, the next run asks again.
	Options cbc.OpenOptions
	// InFlight is on how many devices it works at once. Defaults to 8.
	InFlight int
}

// NewLiveResponse kills the process that a condemned file was executed in and deletes the file, on the device itself and after
// checking both, see [Contain]. All tasks on a device share one session, which is closed whatever happens; one that somebody
// else had open is used and left open. A file that was in use gets a second go when the other tasks are through.
//
// On Linux, where a search does not tell the case of a path, a task is held whose file is not found under the path of the search: a
// person has to look for it.
//
// It needs device (READ), org.liveresponse.session (CREATE, READ, DELETE), org.liveresponse.process (READ, DELETE) and
// org.liveresponse.file (READ, DELETE): READ because a file is deleted only after its hash was compared.
func NewLiveResponse(cfg LiveResponseConfig) (hunt.Action, error) {
	var problems []error
	if cfg.Sessions == nil || cfg.Devices == nil {
		problems = append(problems, errors.New("actions: live_response: Sessions and Devices are required"))
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
	a := &liveResponse{cfg: cfg}
	spec := hunt.Spec{Name: "live_response", Scope: hunt.ScopeProcess, Impact: hunt.Destroys, Evidence: hunt.Executed, Batch: hunt.BatchDevice, InFlight: cfg.InFlight}
	return hunt.NewAction(spec, a.do), nil
}

type liveResponse struct {
	cfg LiveResponseConfig
}

func (a *liveResponse) do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	states, err := readDevices(ctx, a.cfg.Devices, tasks)
	problem := problems(err)
	return eachGroup(ctx, byDevice(tasks), a.cfg.InFlight, func(ctx context.Context, group []hunt.Task) []hunt.Outcome {
		first := group[0]
		id, _ := first.Device()
		d, ok := states[fmt.Sprint(id.ID)]
		var err error
		switch {
		case !ok && problem(first) != nil:
			err = problem(first)
		case !ok:
			err = ErrUnknownDevice
		case gone(d) != nil:
			err = gone(d)
		case slices.Contains(d.SensorStates, "LIVE_RESPONSE_KILLED"):
			err = errors.New("the device has Live Response disabled for good")
		case !slices.Contains(d.SensorStates, "LIVE_RESPONSE_ENABLED"):
			err = fmt.Errorf("the device's policy %q does not allow Live Response", d.PolicyName)
		}
		if err != nil {
			return same(group, func(t hunt.Task) hunt.Outcome { return failed(t, fmt.Errorf("actions: live_response: %w", err)) })
		}
		return a.onDevice(ctx, d.ID, group)
	})
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

func (a *liveResponse) onDevice(ctx context.Context, id cbc.DeviceID, tasks []hunt.Task) []hunt.Outcome {
	session, err := a.cfg.Sessions.Open(ctx, id, a.cfg.Options)
	if err != nil {
		return same(tasks, func(t hunt.Task) hunt.Outcome { return failed(t, fmt.Errorf("actions: live_response: %w", err)) })
	}
	var outcomes []hunt.Outcome
	for _, t := range tasks {
		if ctx.Err() != nil {
			break
		}
		outcomes = append(outcomes, a.contain(ctx, session, t))
	}
	for i, o := range outcomes {
		if errors.Is(o.Err, cbc.ErrInUse) && ctx.Err() == nil {
			outcomes[i] = a.again(ctx, session, o)
		}
	}
	if err := session.Close(ctx); err != nil {
		for i := range outcomes {
			outcomes[i].Detail += "; the session could not be closed: " + err.Error()
		}
	}
	return outcomes
}

// again is a second go at a file that was in use. What runs several times has a task for each process, and the file can be deleted
// after the last of them.
func (a *liveResponse) again(ctx context.Context, session *cbc.Session, before hunt.Outcome) hunt.Outcome {
	o := a.contain(ctx, session, before.Task)
	o.Detail = before.Detail + "; again: " + o.Detail
	if o.Status == hunt.Already {
		o.Status = hunt.Done // the first go killed the process, or another task deleted the file: it is done now either way
	}
	return o
}

func (a *liveResponse) contain(ctx context.Context, session *cbc.Session, t hunt.Task) hunt.Outcome {
	s := t.Sightings[0]
	c, err := Contain(ctx, session, Target{
		PIDs: s.Process.PIDs, Path: s.Process.Path, OS: s.Device.OS, SHA256: s.SHA256, EvidenceDir: a.cfg.EvidenceDir,
	})
	detail := strings.Join(c.Notes, "; ")
	if err != nil {
		o := failed(t, err)
		if detail != "" {
			o.Detail = detail + "; then: " + o.Detail
		}
		return o
	}
	switch {
	case c.Unclear:
		return held(t, detail)
	case len(c.Killed) > 0 || c.Deleted:
		return done(t, detail)
	}
	return already(t, detail)
}
