package hunt

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Exposure is who had one condemned file, as far as is known.
type Exposure struct {
	SHA256 SHA256 `json:"sha256"`
	// Of is the attachment that brought the file, for one of the second stage.
	Of         SHA256      `json:"second_stage_of,omitzero"`
	Files      []string    `json:"files,omitempty"`
	Recipients []Recipient `json:"recipients"`
	// Devices are where the file was seen, the strongest evidence first.
	Devices []SeenOn `json:"devices"`
	// Complete is false where a search failed: that the file was not seen then says nothing.
	Complete bool `json:"complete"`
	// Until is until when the file is searched for, zero if it is not any more.
	Until time.Time `json:"until,omitzero"`
}

// Recipient is somebody who was sent a file.
type Recipient struct {
	Address string `json:"address"`
	// Delivered is false if the gateway held back every mail with the file to this recipient.
	Delivered bool `json:"delivered"`
	// First is when the first mail came. Zero means unknown.
	First time.Time `json:"first,omitzero"`
	// Seen is the strongest evidence in a process of this recipient, and none where there is no such sighting, yet.
	Seen Evidence `json:"seen"`
	// Devices are the machines on which that was.
	Devices []string `json:"devices,omitempty"`
}

// SeenOn is a machine on which a file was seen.
type SeenOn struct {
	Device   Device   `json:"device"`
	Evidence Evidence `json:"evidence"`
	// Fields are the searched fields that showed it.
	Fields []string `json:"fields,omitempty"`
	// Paths are the processes that ran the file, or where it was touched.
	Paths []string `json:"paths,omitempty"`
	Users []string `json:"users,omitempty"`
}

// Exposures tells for each indicator who was sent it, where it was seen, who has no sighting yet, and until when it is hunted.
func (r *Report) Exposures() []Exposure {
	sightings := make(map[SHA256][]Sighting)
	for _, s := range r.Sightings {
		sightings[s.SHA256] = append(sightings[s.SHA256], s)
	}
	failed := make(map[SHA256]bool)
	all := false
	for _, p := range r.Problems {
		if p.Stage != "search" {
			continue
		}
		all = all || len(p.Hashes) == 0
		for _, h := range p.Hashes {
			failed[h] = true
		}
	}
	exposures := make([]Exposure, 0, len(r.Indicators))
	for _, ind := range r.Indicators {
		exposures = append(exposures, Exposure{
			SHA256: ind.SHA256, Of: ind.Of, Files: ind.Files(), Recipients: recipientsOf(ind, sightings[ind.SHA256]),
			Devices: seenOn(sightings[ind.SHA256]), Complete: !all && !failed[ind.SHA256], Until: r.HuntedUntil[ind.SHA256],
		})
	}
	return exposures
}

// MarshalJSON adds the exposures.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	return json.Marshal(struct {
		plain
		Exposures []Exposure `json:"exposures"`
	}{plain(r), r.Exposures()})
}

func recipientsOf(ind Indicator, sightings []Sighting) []Recipient {
	index := make(map[string]int)
	recipients := make([]Recipient, 0, len(ind.Mails))
	for _, m := range ind.Mails {
		for _, address := range m.Recipients {
			key := strings.ToLower(address)
			i, ok := index[key]
			if !ok {
				i = len(recipients)
				index[key] = i
				recipients = append(recipients, Recipient{Address: address, First: m.Time})
			}
			r := &recipients[i]
			r.Delivered = r.Delivered || m.Delivered
			if r.First.IsZero() || !m.Time.IsZero() && m.Time.Before(r.First) {
				r.First = m.Time
			}
		}
	}
	for _, s := range sightings {
		i, ok := index[strings.ToLower(s.Recipient)]
		if s.Recipient == "" || !ok {
			continue
		}
		r := &recipients[i]
		r.Seen = max(r.Seen, s.Evidence)
		if !slices.Contains(r.Devices, s.Device.Name) {
			r.Devices = append(r.Devices, s.Device.Name)
		}
	}
	slices.SortFunc(recipients, func(a, b Recipient) int { return cmp.Compare(a.Address, b.Address) })
	return recipients
}

func seenOn(sightings []Sighting) []SeenOn {
	index := make(map[int64]int)
	seen := []SeenOn{}
	add := func(list *[]string, s string) {
		if s != "" && !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, s := range sightings {
		i, ok := index[s.Device.ID]
		if !ok {
			i = len(seen)
			index[s.Device.ID] = i
			seen = append(seen, SeenOn{Device: s.Device})
		}
		on := &seen[i]
		on.Evidence = max(on.Evidence, s.Evidence)
		add(&on.Fields, s.Field)
		add(&on.Users, s.Process.User)
		path := s.File.Path
		if s.Evidence == Executed {
			path = s.Process.Path
		}
		add(&on.Paths, path)
	}
	slices.SortStableFunc(seen, func(a, b SeenOn) int {
		return cmp.Or(cmp.Compare(b.Evidence, a.Evidence), cmp.Compare(a.Device.ID, b.Device.ID))
	})
	return seen
}

// recipientOf is the recipient whose process it was, as far as the name of its user tells: DOMAIN\user, user@domain or user is the part of
// an address before the @, in any case. Where that fits several addresses, or none, nothing is known.
func recipientOf(user string, ind Indicator) string {
	user = strings.ToLower(strings.TrimSpace(user))
	if i := strings.LastIndexByte(user, '\\'); i >= 0 {
		user = user[i+1:]
	}
	if user == "" {
		return ""
	}
	local, _, whole := strings.Cut(user, "@")
	found := ""
	for _, address := range ind.Recipients() {
		lower := strings.ToLower(address)
		if whole && lower == user {
			return address
		}
		if name, _, ok := strings.Cut(lower, "@"); !ok || name != local {
			continue
		}
		if found != "" && !strings.EqualFold(found, address) {
			return ""
		}
		found = address
	}
	return found
}
