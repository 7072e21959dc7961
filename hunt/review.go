package hunt

import (
	"cmp"
	"context"
	"slices"
)

// verdicts are what guards say.
type verdicts struct {
	// reasons are why not. Without a file it is the whole task that is held, and without a task all those of the file.
	reasons map[held]string
	// unsure means that a guard failed. Everything is held then, and nothing of it is a person's affair: the next run asks again.
	unsure string
}

type held struct {
	task string
	file SHA256
}

// review asks every guard about all tasks at once, so that a ceiling can see the whole. The known outcomes are the ledger's.
func (h *Hunter) review(ctx context.Context, p *Plan, r *Report, known map[string]Outcome) verdicts {
	v := verdicts{reasons: make(map[held]string)}
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
	if at := (held{hold.Key, hold.SHA256}); v.reasons[at] == "" {
		v.reasons[at] = cmp.Or(hold.Reason, "a guard gave no reason")
	}
}

// of is why nothing may be done in a task because of a file, empty if it may.
func (v verdicts) of(key string, file SHA256) string {
	return cmp.Or(v.reasons[held{"", file}], v.reasons[held{key, file}])
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
	key := t.Key()
	if reason := v.reasons[held{task: key}]; reason != "" {
		return t, reason
	}
	for _, ind := range t.Indicators {
		if why := v.of(key, ind.SHA256); why != "" {
			reason = why
		}
	}
	if reason == "" {
		return t, ""
	}
	free = t
	free.Indicators = slices.DeleteFunc(slices.Clone(t.Indicators), func(i Indicator) bool { return v.of(key, i.SHA256) != "" })
	free.Sightings = slices.DeleteFunc(slices.Clone(t.Sightings), func(s Sighting) bool { return v.of(key, s.SHA256) != "" })
	if len(free.Indicators) == 0 {
		return t, reason
	}
	return free, ""
}
