package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// planned lists what a dry run would do: each write, to whom, on what evidence, and what the target is like now. Which mails brought
// a file, and what it is condemned as, stands in the list of files above.
func (s *story) planned() {
	var order []string
	byAction := make(map[string][]hunt.Outcome)
	for _, o := range s.r.Outcomes {
		if o.Status != hunt.Planned {
			continue
		}
		if byAction[o.Task.Action] == nil {
			order = append(order, o.Task.Action)
		}
		byAction[o.Task.Action] = append(byAction[o.Task.Action], o)
	}
	if len(order) == 0 {
		return
	}
	title := "Would be done"
	if s.r.Undo {
		title = "Would be taken back"
	}
	s.printf("\n%s: %d\n", title, s.r.Count(hunt.Planned))
	for _, action := range order {
		s.printf("  %s\n", words(action, s.effect(action)))
		for _, o := range head(&s.page, byAction[action]) {
			s.plannedOne(o)
		}
	}
}

// effect says what an action sends to whom, and whether that can be taken back.
func (s *story) effect(action string) string {
	if s.r.Undo {
		return ""
	}
	back := ""
	if spec, ok := s.specs[action]; ok && spec.Impact != hunt.Tells {
		back = ". It cannot be taken back"
		if spec.Undo != "" {
			back = ". Way back: " + spec.Undo
		}
	}
	return "→ " + s.effects[action] + back
}

func (s *story) plannedOne(o hunt.Outcome) {
	t := o.Task
	s.printf("      %s  %s", taskID(t), harmless(target(t)))
	if t.Scope == hunt.ScopeHash {
		s.printf("  %s", words(names(t)))
	}
	if state := present(o.Before); state != "" && !t.Undo {
		s.printf("  now: %s", harmless(state))
	}
	if o.Detail != "" {
		s.printf("  %s", harmless(o.Detail))
	}
	s.printf("\n")
	if t.Undo {
		return
	}
	const most = 3
	for _, sg := range t.Sightings[:min(most, len(t.Sightings))] {
		s.printf("        because %s  %s…  %s  %s\n", sg.Evidence, sg.SHA256.String()[:12], words(sg.Process.Path, sg.Field), stamp(sg.Time))
	}
	if more := len(t.Sightings) - most; more > 0 {
		s.printf("        and %d more\n", more)
	}
}

// names are those under which the files of a task were sent.
func names(t hunt.Task) string {
	var all []string
	for _, ind := range t.Indicators {
		all = append(all, ind.Files()...)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

// present shows a state as an action recorded it: a flat object as its members, anything else as it stands.
func present(state []byte) string {
	var members map[string]any
	if len(state) == 0 || json.Unmarshal(state, &members) != nil {
		return string(state)
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value, err := json.Marshal(members[name])
		if err != nil {
			return string(state)
		}
		all = append(all, name+" "+strings.Trim(string(value), `"`))
	}
	return strings.Join(all, ", ")
}

// effects say what each action sends to whom.
func effects(cfg *config) map[string]string {
	a := cfg.actions
	script := ""
	if len(a.script) > 0 {
		script = filepath.Base(a.script[0])
	}
	return map[string]string{
		"watchlist":     fmt.Sprintf("Carbon Black Cloud: the file goes into the feed %q, and a watchlist tells of it", a.watchlist),
		"webhook":       "the webhook: one message for each finding",
		"script":        "this machine: runs " + script,
		"isolate":       "Carbon Black Cloud: quarantine on",
		"policy":        fmt.Sprintf("Carbon Black Cloud: policy set to %q", a.policy),
		"denylist":      "Carbon Black Cloud: the file is banned on every machine of the organization",
		"live_response": "the machine itself: the process is killed and its file deleted",
		"nsx_tag":       fmt.Sprintf("NSX: the tag %q is added", a.nsxTag),
	}
}
