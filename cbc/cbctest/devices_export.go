package cbctest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// deviceExport is the body of an export: that of a search without its page, and the format.
type deviceExport struct {
	deviceSearch
	Format string `json:"format"`
}

// exportDevices starts a job that writes the devices that a search finds as CSV. Which those are is settled now.
func (s *Server) exportDevices(w http.ResponseWriter, r *http.Request) {
	var in deviceExport
	if !s.decode(w, r, &in) {
		return
	}
	if in.Format != "CSV" {
		s.badEnum(w, "format", in.Format, []string{"CSV"})
		return
	}
	docs, err := s.foundDevices(in.deviceSearch)
	if err != nil {
		s.badDevices(w, err)
		return
	}
	body := deviceCSV(docs)
	id := s.startServiceJob("ENDPOINTS", len(docs), func() (string, []byte) { return "text/csv", body }, ownedBy(r))
	if s.switches.Devices.ExportRedirects {
		w.Header().Set("Location", fmt.Sprintf("/jobs/v1/orgs/%s/jobs/%d", url.PathEscape(s.orgKey), id))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	job := s.serviceJobs[len(s.serviceJobs)-1].json(s.orgKey, s.now())
	job["status"] = jobRunning // what the job tells by itself comes later
	s.reply(w, http.StatusOK, job)
}

// foundDevices are the devices on the wire that a search finds, in the order that it asks for. The caller holds the lock.
func (s *Server) foundDevices(in deviceSearch) ([]document, error) {
	m, err := in.understand(s.now())
	if err != nil {
		return nil, err
	}
	found := s.matching(m)
	docs := make([]document, 0, len(found))
	for _, d := range found {
		docs = append(docs, document{wire: s.deviceJSON(d)})
	}
	if len(in.Sort) > 0 {
		ordered(docs, in.Sort, "")
	}
	return docs, nil
}

// downloadDevices is the deprecated way to CSV: at once, with the criteria as lists in the query.
func (s *Server) downloadDevices(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query() // serve has looked at the names
	in := deviceSearch{Query: values.Get("query_string"), Rows: new(int)}
	in.Criteria.Status = listed(values.Get("status"))
	in.Criteria.TargetPriority = listed(values.Get("target_priority"))
	if len(in.Criteria.Status) == 0 {
		s.badRequest(w, "the parameter status is missing")
		return
	}
	for name, into := range map[string]*[]int64{"policy_id": &in.Criteria.PolicyID, "ad_group_id": &in.Criteria.ADGroupID} {
		for _, text := range listed(values.Get(name)) {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				s.badRequest(w, "the parameter "+name+" is not a list of numbers")
				return
			}
			*into = append(*into, n)
		}
	}
	if values.Has("sort_field") || values.Has("sort_order") {
		in.Sort = []sortBy{{Field: values.Get("sort_field"), Order: values.Get("sort_order")}}
	}
	docs, err := s.foundDevices(in)
	if err != nil {
		s.badDevices(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/csv")
	// Whoever asked may have gone away meanwhile; there is nobody left to tell.
	_, _ = w.Write(deviceCSV(docs))
}

// downloadParams are the parameters of the deprecated download.
func downloadParams() []string {
	return []string{"status", "ad_group_id", "policy_id", "target_priority", "query_string", "sort_field", "sort_order"}
}

// listed takes a list with commas apart.
func listed(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// deviceColumns are the members of a device that an export writes.
func deviceColumns() []string {
	return []string{
		"id", "name", "status", "os", "os_version", "sensor_version", "policy_id", "policy_name", "target_priority",
		"deployment_type", "quarantined", "passive_mode", "last_contact_time", "last_internal_ip_address",
		"last_external_ip_address", "login_user_name", "registered_time", "deregistered_time",
	}
}

// deviceCSV writes devices as a table with a line of names. Null is an empty cell.
func deviceCSV(docs []document) []byte {
	var buf bytes.Buffer
	table := csv.NewWriter(&buf)
	_ = table.Write(deviceColumns()) // into memory, where nothing fails
	for _, d := range docs {
		row := make([]string, 0, len(deviceColumns()))
		for _, column := range deviceColumns() {
			row = append(row, strings.Join(d.values(column), ";"))
		}
		_ = table.Write(row)
	}
	table.Flush()
	return buf.Bytes()
}

// deviceFacet is the body of a facet.
type deviceFacet struct {
	Criteria   deviceCriteria   `json:"criteria"`
	Exclusions deviceExclusions `json:"exclusions"`
	Query      string           `json:"query"`
	Terms      *struct {
		Fields []string `json:"fields"`
		Rows   *int     `json:"rows"`
	} `json:"terms"`
}

// facetFields are the members that devices can be counted by.
func facetFields() []string {
	return []string{
		"policy_id", "status", "os", "ad_group_id", "cloud_provider_account_id", "auto_scaling_group_name",
		"virtual_private_cloud_id", "deployment_type",
	}
}

// facetDevices counts the devices that a search finds by the values of their members, the most frequent first.
func (s *Server) facetDevices(w http.ResponseWriter, r *http.Request) {
	var in deviceFacet
	if !s.decode(w, r, &in) {
		return
	}
	if in.Terms == nil || len(in.Terms.Fields) == 0 {
		s.badRequest(w, "terms.fields is missing")
		return
	}
	for i, field := range in.Terms.Fields {
		if !slices.Contains(facetFields(), field) {
			s.badEnum(w, fmt.Sprintf("terms.fields[%d]", i), field, facetFields())
			return
		}
	}
	rows := defaultDevices
	if in.Terms.Rows != nil {
		rows = *in.Terms.Rows
	}
	if rows < 0 || rows > maxDevices {
		s.badRequest(w, "terms.rows is not between 0 and 10000")
		return
	}
	docs, err := s.foundDevices(deviceSearch{Criteria: in.Criteria, Exclusions: in.Exclusions, Query: in.Query, Rows: new(int)})
	if err != nil {
		s.badDevices(w, err)
		return
	}
	results := []map[string]any{}
	for _, field := range in.Terms.Fields {
		results = append(results, map[string]any{"field": field, "values": s.deviceCounts(docs, field, rows)})
	}
	s.reply(w, http.StatusOK, map[string]any{"results": results})
}

// deviceCounts counts devices by the values of a member. The caller holds the lock.
func (s *Server) deviceCounts(docs []document, field string, rows int) []map[string]any {
	totals := map[string]int{}
	for _, d := range docs {
		for _, v := range d.values(field) {
			totals[v]++
		}
	}
	ids := make([]string, 0, len(totals))
	for id := range totals {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		if totals[a] != totals[b] {
			return totals[b] - totals[a]
		}
		return strings.Compare(a, b)
	})
	values := []map[string]any{}
	for _, id := range ids[:min(rows, len(ids))] {
		name := id
		if policy, err := strconv.ParseInt(id, 10, 64); field == "policy_id" && err == nil {
			name = s.policyName(policy)
		}
		values = append(values, map[string]any{"total": totals[id], "id": id, "name": name})
	}
	return values
}
