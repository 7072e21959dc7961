package hunt

import (
	"context"
	"slices"
)

// ForActions restricts a guard to the tasks of the actions with these names: it sees no others and holds no others, also where it
// holds a file. No names restrict nothing. When the guard fails, everything is held as ever; when there is no task of these actions,
// it is not asked.
func ForActions(guard Guard, names ...string) Guard {
	if len(names) == 0 {
		return guard
	}
	names = slices.Clone(names)
	return restricted(guard, func(t Task) bool { return slices.Contains(names, t.Action) })
}

// ForImpact restricts a guard to the tasks of actions with these impacts, as [ForActions] does by name.
func ForImpact(guard Guard, impacts ...Impact) Guard {
	if len(impacts) == 0 {
		return guard
	}
	impacts = slices.Clone(impacts)
	return restricted(guard, func(t Task) bool { return slices.Contains(impacts, t.Impact) })
}

func restricted(guard Guard, concerned func(Task) bool) Guard {
	others := func(t Task) bool { return !concerned(t) }
	return GuardFunc(func(ctx context.Context, r Review) ([]Hold, error) {
		r.Tasks = slices.DeleteFunc(slices.Clone(r.Tasks), others)
		r.Done = slices.DeleteFunc(slices.Clone(r.Done), others)
		if len(r.Tasks) == 0 {
			return nil, nil
		}
		holds, err := guard.Review(ctx, r)
		if err != nil {
			return nil, err
		}
		return within(r.Tasks, holds), nil
	})
}

// within makes holds that reach no task but these.
func within(tasks []Task, holds []Hold) []Hold {
	known := make(map[string]bool, len(tasks))
	about := make(map[SHA256][]string)
	for _, t := range tasks {
		key := t.Key()
		known[key] = true
		about[SHA256{}] = append(about[SHA256{}], key) // what names neither task nor file is about them all
		for _, ind := range t.Indicators {
			about[ind.SHA256] = append(about[ind.SHA256], key)
		}
	}
	var mine []Hold
	for _, hold := range holds {
		if hold.Key != "" {
			if known[hold.Key] {
				mine = append(mine, hold)
			}
			continue
		}
		for _, key := range about[hold.SHA256] {
			hold.Key = key
			mine = append(mine, hold)
		}
	}
	return mine
}
