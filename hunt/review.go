package hunt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUndecided is the error of a task about which a guard could not tell. Nothing was done, and the next run asks again.
var ErrUndecided = errors.New("hunt: a guard could not decide")

// verdicts are what guards say.
type verdicts struct {
	// reasons are why not. Without a file it is the whole task that is held, without a task all those of the file, and without either
	// all there are.
	reasons map[held]reason
	// unsure means that a guard failed. Everything is held then, and nothing of it is a person's affair: the next run asks again.
	unsure string
}

// reason is why nothing is to be done. The zero reason is none.
type reason struct {
	text   string
	unsure bool
}

func (r reason) or(other reason) reason {
	if r.text == "" || r.unsure && other.text != "" { // what is certain says more
		return other
	}
	return r
}

type held struct {
	task string
	file SHA256
}

// review asks every guard about all tasks at once, so that a ceiling can see the whole. The known outcomes are the ledger's.
func (h *Hunter) review(ctx context.Context, p *Plan, r *Report, known map[string]Outcome) verdicts {
	v := verdicts{reasons: make(map[held]reason)}
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
		begun := h.cfg.Now()
		holds, err := guard.Review(ctx, Review{Run: review.Run, Tasks: slices.Clone(review.Tasks), Done: slices.Clone(review.Done)})
		h.observe(r.Run, Event{Step: StepGuard, Name: nameOf(guard), Count: len(holds), Took: h.cfg.Now().Sub(begun), Err: err})
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
	at := held{hold.Key, hold.SHA256}
	v.reasons[at] = v.reasons[at].or(reason{cmp.Or(hold.Reason, "a guard gave no reason"), hold.Unsure})
}

// of is why nothing may be done in a task because of a file, zero if it may.
func (v verdicts) of(key string, file SHA256) reason {
	return v.reasons[held{"", file}].or(v.reasons[held{key, file}])
}

// judge returns the task as it may be done, zero if it may not, and what of it is held, with the reason. What rests on files that are
// held, or that a guard could not tell about, is left out.
func (v verdicts) judge(t Task) (free, rest Task, why reason) {
	if t.Impact == Tells || t.Released || t.Undo {
		return t, Task{}, reason{}
	}
	if v.unsure != "" {
		return Task{}, t, reason{text: v.unsure}
	}
	key := t.Key()
	if why := v.reasons[held{task: key}].or(v.reasons[held{}]); why.text != "" {
		return Task{}, t, why
	}
	for _, ind := range t.Indicators {
		why = why.or(v.of(key, ind.SHA256))
	}
	if why.text == "" {
		return t, Task{}, reason{}
	}
	free = t.without(func(file SHA256) bool { return v.of(key, file).text != "" })
	if len(free.Indicators) == 0 {
		return Task{}, t, why
	}
	return free, t.without(func(file SHA256) bool { w := v.of(key, file); return w.text == "" || w.unsure }), why
}

// undecided tells, once for each, of the files that a task is done without because a guard could not tell: they have no outcome of their
// own that says so, and the next run must ask again.
func (x *run) undecided(t Task, v verdicts, told map[SHA256]bool) {
	for _, ind := range t.Indicators {
		if why := v.of(t.Key(), ind.SHA256); why.unsure && !told[ind.SHA256] {
			told[ind.SHA256] = true
			x.problem(Problem{Stage: "guard", Hashes: []SHA256{ind.SHA256}, Err: fmt.Errorf("%w: %s: %s", ErrUndecided, t, why.text)})
		}
	}
}

// end is the outcome of a task that is not to be done. What was acknowledged stays so as long as the reason does.
func (r reason) end(t Task, known Outcome) Outcome {
	if r.unsure {
		err := fmt.Errorf("%w: %s", ErrUndecided, r.text)
		return Outcome{Task: t, Status: Failed, Detail: err.Error(), Err: err}
	}
	return Outcome{
		Task: t, Status: Held, Detail: r.text,
		Acknowledged: known.Status == Held && known.Detail == r.text && known.Acknowledged,
	}
}

// nameOf names a guard by its type.
func nameOf(g Guard) string { return strings.TrimPrefix(fmt.Sprintf("%T", g), "*") }
