package nsxtest

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// sortableVM are the members that lists of machines can be sorted by.
func sortableVM() []string { return []string{"display_name", "external_id", "_last_sync_time"} }

// listVMs serves the manager's list.
func (s *Server) listVMs(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("display_name", "external_id", "host_id", "exclude_vm_type")...)
	if p != nil {
		refuse(w, p)
		return
	}
	pg, p := parsePaging(q, sortableVM()...)
	if p != nil {
		refuse(w, p)
		return
	}
	var excluded []string
	if q.Has("exclude_vm_type") {
		excluded = strings.Split(q.Get("exclude_vm_type"), ",")
	}
	for _, kind := range excluded {
		if !slices.Contains([]string{"REGULAR", "EDGE", "SERVICE", "MP", "INTELLIGENCE", "VC_SYSTEM", "UNKNOWN"}, kind) {
			refuse(w, invalid("There is no type of virtual machine "+kind+"."))
			return
		}
	}
	same := func(name string, got string) bool { return !q.Has(name) || q.Get(name) == got }
	rows := slices.DeleteFunc(s.rows(space{}), func(row wireVM) bool {
		named := same("display_name", row.DisplayName) || s.switches.FoldNames && strings.EqualFold(q.Get("display_name"), row.DisplayName)
		return !named || !same("external_id", row.ExternalID) || !same("host_id", row.HostID) || slices.Contains(excluded, row.Type)
	})
	sortVMs(rows, pg)
	answerList(w, rows, pg, func(row wireVM) string { return row.ExternalID + "\x00" + row.DisplayName + row.HostID }, s.switches.EndCursor)
}

// rows lists the machines of a space, those that are listed twice included.
func (s *Server) rows(sp space) []wireVM {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(now)
	out := []wireVM{}
	for _, m := range s.machines() {
		if sp.sees(m) {
			out = append(out, m.rows(now, s.switches.OmitEmptyTagMembers)...)
		}
	}
	return out
}

// sortVMs sorts rows as asked, and by id where nothing is asked.
func sortVMs(rows []wireVM, pg paging) {
	slices.SortStableFunc(rows, func(a, b wireVM) int {
		order := 0
		switch pg.sortBy {
		case "display_name":
			order = cmp.Compare(a.DisplayName, b.DisplayName)
		case "_last_sync_time":
			order = cmp.Compare(a.Synced, b.Synced)
		}
		if order == 0 {
			order = cmp.Or(cmp.Compare(a.ExternalID, b.ExternalID), cmp.Compare(a.HostID, b.HostID))
		}
		if pg.descending {
			return -order
		}
		return order
	})
}

// listPolicyVMs serves the Policy list: rows alone, at most a thousand, in no order unless one is asked for. The cursor is
// the number of rows that were read, and no answer says so.
func (s *Server) listPolicyVMs(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("enforcement_point_path", "include_mark_for_delete_objects")...)
	if p != nil {
		refuse(w, p)
		return
	}
	pg, p := parsePaging(q, sortableVM()...)
	if p == nil {
		p = s.checkEnforcementPoint(q)
	}
	if p == nil {
		_, p = boolean(q, "include_mark_for_delete_objects") // nothing here waits to be deleted
	}
	var sp space
	if p == nil {
		sp, p = s.space(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	skip := 0
	if pg.cursor != "" {
		n, err := strconv.Atoi(pg.cursor)
		if err != nil || n < 0 {
			refuse(w, invalid("Invalid cursor."))
			return
		}
		skip = n
	}
	rows := s.rows(sp)
	if pg.sortBy != "" {
		sortVMs(rows, pg)
	} else {
		s.mu.Lock()
		s.shuffles++
		rng := rand.New(rand.NewPCG(s.seed, s.shuffles)) //nolint:gosec // an order that can be repeated is the point
		s.mu.Unlock()
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	from := min(skip, len(rows))
	fake.WriteJSON(w, http.StatusOK, list[wireVM]{Results: rows[from:min(from+pg.size, len(rows))]})
}

// wireVIF is a network interface in a list.
type wireVIF struct {
	ResourceType string   `json:"resource_type"`
	ExternalID   string   `json:"external_id"`
	Owner        string   `json:"owner_vm_id"`
	MAC          string   `json:"mac_address,omitempty"`
	DeviceKey    string   `json:"device_key"`
	DeviceName   string   `json:"device_name"`
	LPort        string   `json:"lport_attachment_id,omitempty"`
	HostID       string   `json:"host_id"`
	LocalID      string   `json:"vm_local_id_on_host"`
	IPs          []wireIP `json:"ip_address_info,omitempty"`
}

// wireIP lists addresses by where they are known from.
type wireIP struct {
	Source    string   `json:"source"`
	Addresses []string `json:"ip_addresses"`
}

// listVIFs serves the network interfaces.
func (s *Server) listVIFs(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("owner_vm_id", "lport_attachment_id", "host_id", "vm_id")...)
	if p != nil {
		refuse(w, p)
		return
	}
	pg, p := parsePaging(q)
	if p != nil {
		refuse(w, p)
		return
	}
	answerList(w, s.vifs(q), pg, func(row wireVIF) string { return row.ExternalID + "\x00" }, s.switches.EndCursor)
}

// vifs lists the interfaces that pass the filters of a call.
func (s *Server) vifs(q url.Values) []wireVIF {
	same := func(name, got string) bool { return !q.Has(name) || q.Get(name) == got }
	rows := []wireVIF{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines() {
		for i, v := range m.VIFs {
			if !same("owner_vm_id", m.ExternalID) || !same("lport_attachment_id", v.LPort) || !same("host_id", m.HostID) || !same("vm_id", m.LocalID) {
				continue
			}
			row := wireVIF{
				ResourceType: "VirtualNetworkInterface", ExternalID: m.ExternalID + "-" + v.DeviceKey, Owner: m.ExternalID, MAC: v.MAC,
				DeviceKey: v.DeviceKey, DeviceName: "Network adapter " + strconv.Itoa(i+1), LPort: v.LPort, HostID: m.HostID, LocalID: m.LocalID,
			}
			if len(v.IPs) > 0 {
				row.IPs = []wireIP{{"VM_TOOLS", v.IPs}}
			}
			rows = append(rows, row)
		}
	}
	return rows
}
