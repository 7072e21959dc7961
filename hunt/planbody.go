package hunt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

type planBody struct {
	Run        string          `json:"run"`
	Realm      string          `json:"realm,omitempty"`
	Made       time.Time       `json:"made"`
	Window     Window          `json:"window"`
	Indicators []planIndicator `json:"indicators"`
	Sightings  []planSighting  `json:"sightings"`
	Tasks      []planTask      `json:"tasks"`
	Problems   []planProblem   `json:"problems,omitempty"`
}

type planIndicator struct {
	SHA256 SHA256     `json:"sha256"`
	MD5    MD5        `json:"md5,omitzero"`
	Of     SHA256     `json:"second_stage_of,omitzero"`
	Threat Threat     `json:"threat"`
	Mails  []planMail `json:"mails"`
}

// planMail keeps the record as it came: what is posted later must be what was approved.
type planMail struct {
	Mail
	Raw json.RawMessage `json:"raw,omitempty"`
}

type planSighting struct {
	Sighting
	Raw json.RawMessage `json:"raw,omitempty"`
}

type planTask struct {
	Key     string          `json:"key"`
	EventID string          `json:"event_id"`
	Action  string          `json:"action"`
	Scope   Scope           `json:"scope"`
	Impact  Impact          `json:"impact"`
	Target  string          `json:"target"`
	Round   int             `json:"round,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Held    []string        `json:"held,omitempty"`
	Hashes  []SHA256        `json:"hashes"`
	Seen    []int           `json:"sightings"`
	Status  Status          `json:"status"`
	Detail  string          `json:"detail,omitempty"`
	State   json.RawMessage `json:"state,omitempty"`
}

type planProblem struct {
	Stage  string   `json:"stage"`
	Hashes []SHA256 `json:"hashes,omitempty"`
	Error  string   `json:"error"`
}

func rawJSON(raw []byte) json.RawMessage {
	if !json.Valid(raw) {
		return nil
	}
	return raw
}

func (s *SavedPlan) body() ([]byte, error) {
	p := s.plan
	b := planBody{
		Run: s.Run, Realm: s.Realm, Made: s.Made, Window: p.Window,
		Indicators: []planIndicator{}, Sightings: []planSighting{}, Tasks: []planTask{},
	}
	for _, ind := range p.Indicators {
		saved := planIndicator{SHA256: ind.SHA256, MD5: ind.MD5, Of: ind.Of, Threat: ind.Threat, Mails: []planMail{}}
		for _, m := range ind.Mails {
			saved.Mails = append(saved.Mails, planMail{m, rawJSON(m.Raw)})
		}
		b.Indicators = append(b.Indicators, saved)
	}
	places := make(map[sightingKey]int, len(p.Sightings))
	for i, sg := range p.Sightings {
		places[sightingKey{sg.SHA256, sg.Process.GUID}] = i
		b.Sightings = append(b.Sightings, planSighting{sg, rawJSON(sg.Process.Raw)})
	}
	for _, o := range s.Outcomes {
		t := planTask{
			Key: o.Task.Key(), EventID: o.Task.EventID(), Action: o.Task.Action, Scope: o.Task.Scope, Impact: o.Task.Impact,
			Target: o.Task.Target, Round: o.Task.Round, Reason: o.Task.Reason, Held: o.Task.Held, Hashes: []SHA256{}, Seen: []int{},
			Status: o.Status, Detail: o.Detail, State: rawJSON(o.Before),
		}
		for _, ind := range o.Task.Indicators {
			t.Hashes = append(t.Hashes, ind.SHA256)
		}
		for _, sg := range o.Task.Sightings {
			place, ok := places[sightingKey{sg.SHA256, sg.Process.GUID}]
			if !ok {
				return nil, fmt.Errorf("hunt: plan: the task %s has a sighting that is not in the plan", o.Task.Key())
			}
			t.Seen = append(t.Seen, place)
		}
		b.Tasks = append(b.Tasks, t)
	}
	for _, problem := range p.Problems {
		b.Problems = append(b.Problems, planProblem{problem.Stage, problem.Hashes, problem.Err.Error()})
	}
	body, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("hunt: plan: %w", err)
	}
	return body, nil
}

func parsePlan(body []byte) (*SavedPlan, error) {
	var b planBody
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	p := &Plan{Run: b.Run, Window: b.Window, Begun: b.Made}
	files := make(map[SHA256]Indicator, len(b.Indicators))
	for _, saved := range b.Indicators {
		ind := Indicator{SHA256: saved.SHA256, MD5: saved.MD5, Of: saved.Of, Threat: saved.Threat}
		for _, m := range saved.Mails {
			m.Mail.Raw = m.Raw
			ind.Mails = append(ind.Mails, m.Mail)
		}
		files[ind.SHA256] = ind
		p.Indicators = append(p.Indicators, ind)
	}
	for _, saved := range b.Sightings {
		saved.Process.Raw = saved.Raw
		p.Sightings = append(p.Sightings, saved.Sighting)
	}
	for _, problem := range b.Problems {
		p.Problems = append(p.Problems, Problem{Stage: problem.Stage, Hashes: problem.Hashes, Err: errors.New(problem.Error)})
	}
	s := &SavedPlan{Run: b.Run, Realm: b.Realm, Made: b.Made, plan: p}
	for _, saved := range b.Tasks {
		o, err := saved.outcome(files, p.Sightings)
		if err != nil {
			return nil, fmt.Errorf("task %.200q: %w", saved.Key, err)
		}
		s.Outcomes = append(s.Outcomes, o)
	}
	return s, nil
}

func (t planTask) outcome(files map[SHA256]Indicator, sightings []Sighting) (Outcome, error) {
	task := Task{Action: t.Action, Scope: t.Scope, Impact: t.Impact, Target: t.Target, Round: t.Round, Reason: t.Reason, Held: t.Held}
	for _, hash := range t.Hashes {
		ind, ok := files[hash]
		if !ok {
			return Outcome{}, fmt.Errorf("the file %s is not in the plan", hash)
		}
		task.Indicators = append(task.Indicators, ind)
	}
	for _, place := range t.Seen {
		if place < 0 || place >= len(sightings) {
			return Outcome{}, fmt.Errorf("there is no sighting %d", place)
		}
		task.Sightings = append(task.Sightings, sightings[place])
	}
	if err := task.check(); err != nil {
		return Outcome{}, err
	}
	if task.Key() != t.Key {
		return Outcome{}, fmt.Errorf("its key would be %s", task.Key())
	}
	if !slices.Contains([]Status{Planned, Already, Held, Failed}, t.Status) {
		return Outcome{}, fmt.Errorf("the status %.40q is none of a dry run", t.Status)
	}
	o := Outcome{Task: task, Status: t.Status, Detail: t.Detail, Before: t.State}
	if o.Status == Failed {
		o.Err = errors.New(t.Detail)
	}
	return o, nil
}
