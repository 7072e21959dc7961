package proofpointtest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// The sizes of pages of people.
const (
	vapPage         = 1000
	clickersPage    = 100
	maxClickersPage = 200
	// attackScore is what one threat to one person counts where the world does not say it.
	attackScore = 100
)

// Person is somebody in the company. What they are attacked with and click on is counted from the messages and clicks of the
// world by their addresses, unless it is given here.
type Person struct {
	// GUID is an id, which need not be a UUID. Made up from the first address if empty.
	GUID string `json:"guid,omitempty"`
	// CustomerUserID, Name, Department, Location and Title are null or absent if empty.
	CustomerUserID string `json:"customer_user_id,omitempty"`
	Name           string `json:"name,omitempty"`
	Department     string `json:"department,omitempty"`
	Location       string `json:"location,omitempty"`
	Title          string `json:"title,omitempty"`
	// Emails are the addresses.
	Emails []string `json:"emails,omitempty"`
	// VIP marks people that the company watches more closely.
	VIP bool `json:"vip,omitempty"`
	// Attacks are scores by the family of the threats, and Clicks numbers of clicks. Given ones stand in place of counting.
	Attacks []Score `json:"attacks,omitempty"`
	Clicks  []Score `json:"clicks,omitempty"`
	// Extra adds members to the identity or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Score is what a family of threats counts for a person.
type Score struct {
	// Family is its name: "malware", "credential phishing" and others.
	Family string `json:"family"`
	// Points are the score, or the number of clicks.
	Points int `json:"points"`
	// Time is when it happened, so that shorter windows leave it out. Zero is in every window.
	Time time.Time `json:"time,omitzero"`
}

// counted is a person with what one window holds.
type counted struct {
	Person
	families []Score
	total    int
}

// veryAttackedPeople serves those with the highest attack index.
func (s *Server) veryAttackedPeople(w http.ResponseWriter, r *http.Request) {
	a, ok := s.askPeople(w, r, PoolVAP, vapPage, 0)
	if !ok {
		return
	}
	all := s.count(a, func(p *Person) []Score { return p.Attacks }, attacks)
	average := 0.0
	for _, c := range all {
		average += float64(c.total) / float64(len(all))
	}
	very := slices.DeleteFunc(all, func(c counted) bool { return float64(c.total) < s.vapThreshold })
	users := []object{}
	from, to := cut(len(very), a.size, a.page)
	for _, c := range very[from:to] {
		families := []object{}
		for _, f := range c.families {
			families = append(families, object{{"name", f.Family}, {"score", f.Points}})
		}
		users = append(users, object{
			{"identity", c.identity(true)}, {"threatStatistics", object{{"attackIndex", c.total}, {"families", families}}},
		})
	}
	s.send(w, object{
		{"users", users},
		{"totalVapUsers", len(very)},
		{"interval", a.interval()},
		{"averageAttackIndex", decimal(average)},
		{"vapAttackIndexThreshold", decimal(s.vapThreshold)},
	})
}

// topClickers serves those who clicked most.
func (s *Server) topClickers(w http.ResponseWriter, r *http.Request) {
	a, ok := s.askPeople(w, r, PoolTopClickers, clickersPage, maxClickersPage)
	if !ok {
		return
	}
	all := s.count(a, func(p *Person) []Score { return p.Clicks }, clicks)
	users := []object{}
	from, to := cut(len(all), a.size, a.page)
	for _, c := range all[from:to] {
		families := []object{}
		for _, f := range c.families {
			families = append(families, object{{"name", f.Family}, {"clicks", f.Points}})
		}
		users = append(users, object{
			{"identity", c.identity(false)}, {"clickStatistics", object{{"clickCount", c.total}, {"families", families}}},
		})
	}
	s.send(w, object{{"users", users}, {"totalTopClickers", len(all)}, {"interval", a.interval()}})
}

// askedPeople is a call about people.
type askedPeople struct {
	window     window
	size, page int
}

// interval is the window of a call on the wire.
func (a askedPeople) interval() string { return seconds(a.window.start) + "/" + seconds(a.window.end) }

// askPeople reads a call about people. It answers what it refuses.
func (s *Server) askPeople(w http.ResponseWriter, r *http.Request, p Pool, size, largest int) (a askedPeople, ok bool) {
	now := s.now()
	q, err := fake.Query(r, "window", "size", "page")
	if err == nil {
		switch days := q.Get("window"); days {
		case "14", "30", "90":
			n, _ := strconv.Atoi(days)
			a.window = window{now.Add(-time.Duration(n) * 24 * time.Hour), now}
		case "":
			err = refusal("The window parameter is required.")
		default:
			err = refusal("The window parameter must be one of 14, 30, 90.")
		}
	}
	if err == nil {
		a.size, err = number(q, "size", size, largest)
	}
	if err == nil {
		a.page, err = number(q, "page", 1, 0)
	}
	return a, s.admit(w, r, p, err)
}

// count sums what happened to each person in the window, the most first. Nobody to whom nothing happened is listed.
func (s *Server) count(a askedPeople, given func(*Person) []Score, of func(*view, *item) ([]string, []Score)) []counted {
	v, items, _ := s.world()
	var all []counted
	byAddress := map[string]int{}
	for i, p := range s.people {
		all = append(all, counted{Person: p})
		for _, score := range given(&p) {
			all[i].add(score, a.window)
		}
		for _, address := range p.Emails {
			byAddress[strings.ToLower(address)] = i
		}
	}
	for _, it := range items {
		recipients, scores := of(&v, it)
		for _, address := range recipients {
			i, known := byAddress[strings.ToLower(address)]
			if !known {
				i = len(all)
				byAddress[strings.ToLower(address)] = i
				all = append(all, counted{Person: Person{Emails: []string{address}}})
			}
			if given(&all[i].Person) != nil {
				continue
			}
			for _, score := range scores {
				all[i].add(score, a.window)
			}
		}
	}
	all = slices.DeleteFunc(all, func(c counted) bool { return c.total == 0 })
	slices.SortStableFunc(all, func(a, b counted) int { return cmp.Compare(b.total, a.total) })
	for i := range all {
		slices.SortStableFunc(all[i].families, func(a, b Score) int { return cmp.Compare(b.Points, a.Points) })
	}
	return all
}

// add counts a score that is in the window.
func (c *counted) add(score Score, w window) {
	if !score.Time.IsZero() && (score.Time.Before(w.start) || !score.Time.Before(w.end)) {
		return
	}
	c.total += score.Points
	i := slices.IndexFunc(c.families, func(f Score) bool { return f.Family == score.Family })
	if i < 0 {
		c.families = append(c.families, Score{Family: score.Family})
		i = len(c.families) - 1
	}
	c.families[i].Points += score.Points
}

// attacks are the scores of a message: so much for each threat that was recognized by now.
func attacks(v *view, it *item) (recipients []string, scores []Score) {
	if it.message == nil {
		return nil, nil
	}
	for _, d := range v.verdicts(it) {
		scores = append(scores, Score{Family: family(d.classification), Points: attackScore, Time: it.occurred})
	}
	return it.message.Recipients, scores
}

// clicks are the scores of a click: one.
func clicks(v *view, it *item) (recipients []string, scores []Score) {
	if it.click == nil || it.click.Recipient == "" {
		return nil, nil
	}
	for _, d := range v.verdicts(it) {
		scores = append(scores, Score{Family: family(d.classification), Points: 1, Time: it.occurred})
	}
	return []string{it.click.Recipient}, scores
}

// family is the family of threats of a classification.
func family(classification string) string {
	switch c := strings.ToLower(classification); c {
	case "phish":
		return "credential phishing"
	case "spam":
		return "malspam"
	default:
		return c
	}
}

// identity is a person on the wire. What is not known is null or left out.
func (p *Person) identity(nulls bool) object {
	guid := p.GUID
	if guid == "" {
		guid = madeUpID("person", strings.ToLower(strings.Join(p.Emails[:min(1, len(p.Emails))], "")))
	}
	o := object{{"guid", guid}}
	add := func(name, value string) {
		if value != "" || nulls {
			o = append(o, member{name, orNull(value)})
		}
	}
	add("customerUserId", p.CustomerUserID)
	o = append(o, member{"emails", list(p.Emails)})
	add("name", p.Name)
	add("department", p.Department)
	add("location", p.Location)
	add("title", p.Title)
	return append(o, member{"vip", p.VIP}).with(p.Extra)
}

// decimal is a number with four digits after the point.
func decimal(f float64) json.RawMessage { return json.RawMessage(strconv.FormatFloat(f, 'f', 4, 64)) }
