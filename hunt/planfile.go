package hunt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// What can be wrong with a saved plan.
var (
	// ErrPlanAltered means that the plan is not as it was saved.
	ErrPlanAltered = errors.New("hunt: the plan was altered")
	// ErrPlanOld means that the plan is older than [Config.PlanAge].
	ErrPlanOld = errors.New("hunt: the plan is too old")
	// ErrPlanRealm means that the plan was made for another [Config.Realm].
	ErrPlanRealm = errors.New("hunt: the plan was made for something else")
)

// SavedPlan is a dry run in a form that can be kept, read, approved and applied. As JSON it is
//
//	{"format": "pphunt-plan-1", "digest": the SHA-256 of plan without white space, "plan": {
//	  "run": …, "realm": …, "made": …, "window": {"start": …, "end": …},
//	  "indicators": [{"sha256": …, "threat": {…}, "mails": […]}], "sightings": [{…}],
//	  "tasks": [{"key": …, "event_id": …, "action": …, "scope": …, "impact": …, "target": …,
//	    "hashes": [… of indicators], "sightings": [… places in sightings, from 0],
//	    "status": "planned", "already", "held" or "failed", "detail": …, "state": what the target is like now}],
//	  "problems": [{"stage": …, "hashes": […], "error": …}]}}
//
// Only tasks that are planned are ever applied. The digest finds what was changed by mistake; whoever may write the file can make it
// fit, so it belongs where only those can write who may approve.
type SavedPlan struct {
	Run      string
	Realm    string
	Made     time.Time
	Outcomes []Outcome
	// Digest is the SHA-256 that the file has or will have, for those who approve it to compare.
	Digest string
	plan   *Plan
}

const planFormat = "pphunt-plan-1"

type planEnvelope struct {
	Format string          `json:"format"`
	Digest string          `json:"digest"`
	Plan   json.RawMessage `json:"plan"`
}

// Save makes a plan of what [Hunter.Preview] reported of it. What [Config.AutoUndo] would take back is not in it: a plan says what is to
// be done.
func (h *Hunter) Save(p *Plan, preview *Report) (*SavedPlan, error) {
	if !preview.DryRun || preview.Run != p.Run {
		return nil, errors.New("hunt: the report is not the preview of the plan")
	}
	whole := *p
	whole.Problems = preview.Problems // the guards' are among them
	s := &SavedPlan{Run: p.Run, Realm: h.cfg.Realm, Made: preview.Ended, plan: &whole}
	for _, o := range preview.Outcomes {
		if !o.Task.Undo {
			s.Outcomes = append(s.Outcomes, o)
		}
	}
	body, err := s.body()
	if err != nil {
		return nil, err
	}
	s.Digest = digest(body)
	return s, nil
}

// WriteTo writes the plan as JSON.
func (s *SavedPlan) WriteTo(w io.Writer) (int64, error) {
	body, err := s.body()
	if err != nil {
		return 0, err
	}
	text, err := json.MarshalIndent(planEnvelope{planFormat, digest(body), body}, "", "  ")
	if err != nil {
		return 0, fmt.Errorf("hunt: plan: %w", err)
	}
	n, err := w.Write(append(text, '\n'))
	return int64(n), err
}

func digest(compact []byte) string {
	sum := sha256.Sum256(compact)
	return hex.EncodeToString(sum[:])
}

// maxPlan is the size of the largest plan that is read.
const maxPlan = 256 << 20

// ReadPlan reads what [SavedPlan.WriteTo] wrote. A plan that was altered gives [ErrPlanAltered]. Its age and its realm are checked
// when it is applied.
func ReadPlan(r io.Reader) (*SavedPlan, error) {
	var text bytes.Buffer
	if _, err := text.ReadFrom(io.LimitReader(r, maxPlan+1)); err != nil {
		return nil, fmt.Errorf("hunt: plan: %w", err)
	}
	if text.Len() > maxPlan {
		return nil, errors.New("hunt: plan: it is larger than 256 MiB")
	}
	var env planEnvelope
	decoder := json.NewDecoder(&text)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&env); err != nil {
		return nil, fmt.Errorf("hunt: not a plan: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows it", ErrPlanAltered)
	}
	if env.Format != planFormat {
		return nil, fmt.Errorf("hunt: not a plan: its format is %.40q, and this version reads %s", env.Format, planFormat)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, env.Plan); err != nil {
		return nil, fmt.Errorf("hunt: not a plan: %w", err)
	}
	if found := digest(compact.Bytes()); found != env.Digest {
		return nil, fmt.Errorf("%w: its digest is %s, not %.64s", ErrPlanAltered, found, env.Digest)
	}
	s, err := parsePlan(compact.Bytes())
	if err != nil {
		return nil, fmt.Errorf("hunt: not a plan: %w", err)
	}
	s.Digest = env.Digest
	return s, nil
}

// ApplySaved carries out what a saved plan has as planned, and nothing else: by says who wants it, for the audit. Guards and the
// verdict are asked again, whatever [Config.FreshVerdict] is. A task whose target is not as the plan saw it any more is held. What the plan has as held or failed is
// reported so and not done; it waits for a person, or for the next run. A plan that is too old, or made for
// another realm, is an error, and so is one with an action that is not configured; then nothing is done and the report is nil.
func (h *Hunter) ApplySaved(ctx context.Context, s *SavedPlan, by string) (*Report, error) {
	now := h.cfg.Now().UTC()
	if s.Realm != h.cfg.Realm {
		return nil, fmt.Errorf("%w: %q, and this is %q", ErrPlanRealm, s.Realm, h.cfg.Realm)
	}
	if age := now.Sub(s.Made); age > h.cfg.PlanAge || age < -time.Hour {
		return nil, fmt.Errorf("%w: it was made at %s, and the limit is %s", ErrPlanOld, s.Made.Format(time.RFC3339), h.cfg.PlanAge)
	}
	p := *s.plan
	p.by, p.Begun, p.Tasks, p.saved = by, now, nil, true
	p.fair, p.known = nil, nil // what was said then says nothing about now
	for _, o := range s.Outcomes {
		if o.Task.Scope == ScopeHold || o.Status == Already || o.Task.Undo {
			continue // what is held is told of when it is, and what is done is done
		}
		if o.Status != Planned {
			p.rest = append(p.rest, o)
			continue
		}
		a := h.action(o.Task.Action)
		if a == nil {
			return nil, fmt.Errorf("hunt: the plan has the action %s, which is not configured", o.Task.Action)
		}
		if spec := a.Spec(); spec.Scope != o.Task.Scope || spec.Impact != o.Task.Impact || o.Task.Evidence() < spec.Evidence {
			return nil, fmt.Errorf("hunt: the plan's task %s does not fit the action as it is configured", o.Task.Key())
		}
		t := o.Task
		t.Expect = o.Before
		p.Tasks = append(p.Tasks, t)
	}
	if h.cfg.Backlog != nil && len(p.Indicators) > 0 {
		if err := h.cfg.Backlog.Keep(ctx, p.Run, p.Indicators...); err != nil {
			return nil, fmt.Errorf("hunt: nothing was done: %w", err)
		}
	}
	return h.finish(ctx, &p, false)
}
