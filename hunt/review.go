package hunt

import (
	"context"
	"slices"
)

// verdicts are what guards say: tasks that are held, and files of which every task is.
type verdicts struct {
	tasks map[string]string
	files map[SHA256]string
	// unsure means that a guard failed. Everything is held then, and nothing of it is a person's affair: the next run asks again.
	unsure string
}

// review asks every guard about all tasks at once, so that a ceiling can see the whole. The known outcomes are the ledger's.
func (h *Hunter) review(ctx context.Context, p *Plan, r *Report, known map[string]Outcome) verdicts {
	v := verdicts{tasks: make(map[string]string), files: make(map[SHA256]string)}
	review := Review{Run: p.Run}
	for _, t := range p.Tasks {
		switch {
		case t.Impact == Tells || t.Released || t.Undo:
		case known[t.Key()].Status == Already:
			review.Done = append(review.Done, t)
		default:
			review.Tasks = append(review.Tasks, t)
		}
	}
	if len(review.Tasks) == 0 {
		return v
	}
	for _, guard := range h.cfg.Guards {
		holds, err := guard.Review(ctx, Review{Run: review.Run, Tasks: slices.Clone(review.Tasks), Done: slices.Clone(review.Done)})
		if err != nil {
			h.problem(r, Problem{Stage: "guard", Err: err})
			v.unsure = "a guard could not decide: " + err.Error()
			continue
		}
		for _, hold := range holds {
			v.add(hold)
		}
	}
	return v
}

func (v verdicts) add(hold Hold) {
	if !hold.SHA256.IsZero() {
		if v.files[hold.SHA256] == "" {
			v.files[hold.SHA256] = hold.Reason
		}
		return
	}
	if v.tasks[hold.Key] == "" {
		v.tasks[hold.Key] = hold.Reason
	}
}

// judge returns the task as it may be done, or why it may not. What rests on files that are held is left out of it, and it is held
// if nothing is left.
func (v verdicts) judge(t Task) (free Task, reason string) {
	if t.Impact == Tells || t.Released || t.Undo {
		return t, ""
	}
	if v.unsure != "" {
		return t, v.unsure
	}
	if reason := v.tasks[t.Key()]; reason != "" {
		return t, reason
	}
	for _, ind := range t.Indicators {
		if v.files[ind.SHA256] != "" {
			reason = v.files[ind.SHA256]
		}
	}
	if reason == "" {
		return t, ""
	}
	free = t
	free.Indicators = slices.DeleteFunc(slices.Clone(t.Indicators), func(i Indicator) bool { return v.files[i.SHA256] != "" })
	free.Sightings = slices.DeleteFunc(slices.Clone(t.Sightings), func(s Sighting) bool { return v.files[s.SHA256] != "" })
	if len(free.Indicators) == 0 {
		return t, reason
	}
	return free, ""
}
