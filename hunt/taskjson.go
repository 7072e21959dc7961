package hunt

import (
	"encoding/json"
	"errors"
	"fmt"
)

// mostKeptMails bounds the mails that a ledger keeps with a task.
const mostKeptMails = 10

// EncodeTask is a task as JSON, with everything that it takes to do it later: for ledgers. Of each file's mails the first ten are
// kept, and neither mails nor processes in their raw form.
func EncodeTask(t Task) ([]byte, error) {
	saved := savedTask{taskAlias: taskAlias(t), State: t.Before}
	saved.Indicators = make([]Indicator, len(t.Indicators))
	for i, ind := range t.Indicators {
		ind.Mails = ind.Mails[:min(len(ind.Mails), mostKeptMails)]
		saved.Indicators[i] = ind
	}
	data, err := json.Marshal(saved)
	if err != nil {
		return nil, fmt.Errorf("hunt: task %s: %w", t.Key(), err)
	}
	return data, nil
}

// DecodeTask reads what [EncodeTask] wrote, and refuses what cannot be a task.
func DecodeTask(data []byte) (Task, error) {
	var saved savedTask
	if err := json.Unmarshal(data, &saved); err != nil {
		return Task{}, fmt.Errorf("hunt: not a task: %w", err)
	}
	t := Task(saved.taskAlias)
	t.Indicators, t.Before = saved.Indicators, saved.State
	if err := t.check(); err != nil {
		return Task{}, fmt.Errorf("hunt: not a task: %w", err)
	}
	return t, nil
}

type taskAlias Task

type savedTask struct {
	taskAlias
	Indicators []Indicator     `json:"indicators,omitempty"`
	State      json.RawMessage `json:"before,omitempty"`
}

// check finds what no plan makes. The sightings must be about the task's own target: an action works on what they say.
func (t Task) check() error {
	if t.Action == "" || t.Target == "" {
		return errors.New("action or target is missing")
	}
	if t.Round < 0 || t.Round > 0 && t.Scope != ScopeDevice {
		return fmt.Errorf("a task on a %s has no round %d", t.Scope, t.Round) // with another key it would be done again
	}
	switch t.Scope {
	case ScopeHold:
		return nil
	case ScopeHash:
		if _, err := ParseSHA256(t.Target); err != nil {
			return err
		}
		if len(t.Indicators) == 0 {
			return errors.New("it has no file")
		}
	case ScopeDevice, ScopeProcess:
		if len(t.Sightings) == 0 {
			return errors.New("it has no sighting")
		}
	default:
		return fmt.Errorf("the scope %q is unknown", t.Scope)
	}
	condemned := make(map[SHA256]bool, len(t.Indicators))
	for _, ind := range t.Indicators {
		condemned[ind.SHA256] = true
		if t.Scope == ScopeHash && ind.SHA256.String() != t.Target {
			return fmt.Errorf("the file %s is not its target", ind.SHA256)
		}
	}
	for _, s := range t.Sightings {
		if target := targetOf(t.Scope, s); target != t.Target {
			return fmt.Errorf("a sighting is of %s, not of its target", target)
		}
		if !condemned[s.SHA256] {
			return fmt.Errorf("a sighting is of the file %s, which is not among its files", s.SHA256)
		}
	}
	return nil
}
