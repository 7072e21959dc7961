package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/hunt"
)

// planned lists what a dry run would do: each write, to whom, on what evidence, and what the target is like now. Which mails brought
// a file, and what it is condemned as, stands in the list of files above.
func (s *story) planned() {
	s.plannedOf("Would be done", false)
	s.plannedOf("Would be taken back", true)
}

func (s *story) plannedOf(title string, undo bool) {
	var order []string
	byAction := make(map[string][]hunt.Outcome)
	total := 0
	for _, o := range s.r.Outcomes {
		if o.Status != hunt.Planned || o.Task.Undo != undo {
			continue
		}
		if byAction[o.Task.Action] == nil {
			order = append(order, o.Task.Action)
		}
		byAction[o.Task.Action] = append(byAction[o.Task.Action], o)
		total++
	}
	if total == 0 {
		return
	}
	s.printf("\n%s: %d\n", s.paint(heading, title), total)
	for _, action := range order {
		effect := ""
		if !undo {
			effect = s.effect(action)
		}
		all := byAction[action]
		shown := all[:min(s.most, len(all))]
		title := action
		if len(shown) < len(all) {
			title = fmt.Sprintf("%s %d", action, len(all))
		}
		s.printf("  %s\n", words(title, effect))
		for _, o := range shown {
			s.plannedOne(o)
		}
		if more := len(all) - len(shown); more > 0 && s.most > 1 {
			s.printf("      and %d more\n", more)
		}
	}
}

// effect says what an action sends to whom, and whether that can be taken back.
func (s *story) effect(action string) string {
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
	parts := []string{taskID(t), target(t)}
	if t.Scope == hunt.ScopeHash {
		parts = append(parts, names(t))
	}
	if state := present(t.Action, o.Before); state != "" && !t.Undo {
		parts = append(parts, "now: "+state)
	}
	s.printf("      %s\n", words(append(parts, o.Detail, t.Reason)...))
	if t.Undo || t.Scope == hunt.ScopeHold {
		return // the evidence is that of other tasks
	}
	most := min(3, s.most)
	for _, sg := range t.Sightings[:min(most, len(t.Sightings))] {
		s.printf("        because %s\n", because(t, sg))
	}
	if more := len(t.Sightings) - most; more > 0 {
		s.printf("        and %d more\n", more)
	}
}

// because is the evidence of a task. A task on a process has named it already.
func because(t hunt.Task, sg hunt.Sighting) string {
	if t.Scope == hunt.ScopeProcess {
		sg.Process.Path = ""
	}
	return evidence(sg)
}

func evidence(sg hunt.Sighting) string {
	field := ""
	if sg.Field != "" {
		field = "(" + sg.Field + ")"
	}
	return words(sg.Evidence.String(), sg.SHA256.String()[:12]+"…", sg.Process.Path, field, stamp(sg.Time))
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

// present shows what a target is like, as its action found it.
func present(action string, state []byte) string {
	var found struct {
		Quarantined    *bool             `json:"quarantined"`
		PolicyID       int64             `json:"policy_id"`
		PolicyName     string            `json:"policy_name"`
		PolicyOverride bool              `json:"policy_override"`
		Overrides      []json.RawMessage `json:"overrides"`
		Tags           []struct{ Scope, Tag string }
		SHA256         string `json:"sha256"`
	}
	if len(state) == 0 || json.Unmarshal(state, &found) != nil {
		return string(state)
	}
	switch action {
	case "isolate":
		if found.Quarantined != nil && *found.Quarantined {
			return "isolated"
		}
		return "not isolated"
	case "policy":
		by := ""
		if found.PolicyOverride {
			by = ", set by hand"
		}
		return fmt.Sprintf("policy %q (%d)%s", found.PolicyName, found.PolicyID, by)
	case "denylist":
		if len(found.Overrides) == 0 {
			return "neither banned nor allowed"
		}
		return plural(len(found.Overrides), "override", "overrides")
	case "nsx_tag":
		tags := []string{}
		for _, t := range found.Tags {
			tags = append(tags, t.Scope+"|"+t.Tag)
		}
		return "tags " + strings.Join(tags, ", ")
	case "watchlist":
		return "" // its words say it
	case "live_response":
		if len(found.SHA256) > 12 {
			return "the file is there, " + found.SHA256[:12] + "…"
		}
	}
	return string(state)
}

// effects say what each action sends to whom.
func effects(cfg *config) map[string]string {
	a := cfg.actions
	script := ""
	if len(a.script) > 0 {
		script = filepath.Base(a.script[0])
	}
	all := map[string]string{
		"watchlist":     fmt.Sprintf("Carbon Black Cloud: the file goes into the feed %q, and a watchlist tells of it", a.watchlist),
		"script":        "this machine: runs " + script,
		"isolate":       "Carbon Black Cloud: quarantine on",
		"policy":        fmt.Sprintf("Carbon Black Cloud: policy set to %q", a.policy),
		"denylist":      "Carbon Black Cloud: the file is banned on every machine of the organization",
		"live_response": "the machine itself: the process is killed and its file deleted",
		"nsx_tag":       fmt.Sprintf("NSX: the tag %q is added", a.nsxTag),
	}
	for _, h := range a.hooks {
		all[h.action] = h.String() + ": one message for each finding"
		all[h.action+"_held"] = h.String() + ": one message for each file and reason that something is held"
	}
	return all
}
