package cbctest

import (
	"cmp"
	"crypto/md5" //nolint:gosec // it makes identifiers
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// documents are the rows of a process: one as the sensor told it, one as it was analyzed, one for each watchlist hit. The
// caller holds the lock.
func (s *Server) documents(p Process) []document {
	base := s.document(p)
	docs := []document{base}
	if p.Enriched {
		docs = append(docs, s.enriched(p))
	}
	for _, hit := range p.WatchlistHits {
		d := s.document(p)
		d.wire["watchlist_hit"] = []string{hit}
		docs = append(docs, d)
	}
	for i := range docs {
		for field, v := range p.Extra {
			docs[i].wire[field] = v
			delete(docs[i].hidden, field)
		}
		for _, field := range p.Omit {
			delete(docs[i].wire, field)
			delete(docs[i].hidden, field)
		}
	}
	return docs
}

// enriched is the second row of a process, which may name a script in place of its interpreter.
func (s *Server) enriched(p Process) document {
	p.Name = cmp.Or(p.EnrichedName, p.Name)
	if p.EnrichedHashes != nil {
		p.Hashes = p.EnrichedHashes
	}
	d := s.document(p)
	d.wire["enriched"], d.hidden["enriched"] = true, []string{"true"}
	d.wire["event_type"] = []string{"childproc"}
	d.wire["enriched_event_type"] = []string{"CREATE_PROCESS"}
	return d
}

// document is the whole row of a process and what it can be found by.
func (s *Server) document(p Process) document {
	searchable := p.Searchable
	if searchable.IsZero() {
		searchable = p.Time.Add(92 * time.Second)
	}
	roles := s.hashesOf(p)
	wire := map[string]any{
		"process_guid": p.GUID, "process_reputation": p.Reputation, "process_effective_reputation": p.Reputation,
		"device_id": p.DeviceID, "device_group_id": int64(0), "org_id": s.orgKey, "legacy": false,
		"device_timestamp": stamp(p.Time), "backend_timestamp": stamp(searchable),
		"ingress_time": searchable.Add(-20 * time.Second).UnixMilli(), "process_start_time": stamp(p.Start),
		"document_guid": madeUp("document "+p.GUID, 0)[:22],
	}
	for _, kind := range []string{"childproc", "crossproc", "filemod", "modload", "scriptload", "netconn", "regmod"} {
		n := int64(0)
		for _, e := range p.Events {
			if e.Type == kind {
				n++
			}
		}
		wire[kind+"_count"] = n
	}
	if p.PIDs != nil {
		wire["process_pid"] = p.PIDs
	}
	if p.Hashes != nil {
		wire["process_hash"] = p.Hashes
	}
	for _, h := range p.Hashes {
		if len(h) == 64 {
			wire["process_sha256"] = h
		}
	}
	if p.Name != "" {
		wire["process_name"] = p.Name
	}
	if p.Username != "" {
		wire["process_username"] = []string{p.Username}
	}
	if p.CmdLine != "" {
		wire["process_cmdline"] = []string{p.CmdLine}
	}
	s.addParent(wire, p)
	s.describeDevice(wire, p.DeviceID)
	for _, field := range []string{"parent_hash", "blocked_hash"} {
		if len(roles[field]) > 0 {
			wire[field] = roles[field]
		}
	}
	return document{wire: wire, hidden: hiddenOf(p, roles), bare: bareFields()}
}

// bareFields is where the process search looks for a value without a field.
func bareFields() []string {
	return []string{
		"process_hash", "parent_hash", "hash", "scriptload_hash", "process_name", "parent_name", "process_cmdline",
		"process_username", "device_name", "device_internal_ip", "device_external_ip", "process_guid", "parent_guid",
	}
}

// hiddenOf is what a process can be found by and what is never sent. Scripts and the parent are not part of hash.
func hiddenOf(p Process, roles map[string][]string) map[string][]string {
	hidden := map[string][]string{"enriched": {"false"}, "process_sha256": nil, "hash": slices.Clone(p.Hashes)}
	for field, hashes := range roles {
		hidden[field] = hashes
		switch field {
		case "childproc_hash", "crossproc_hash", "filemod_hash", "modload_hash":
			hidden["hash"] = append(hidden["hash"], hashes...)
		}
	}
	for _, e := range p.Events {
		if e.Name != "" {
			hidden[e.Type+"_name"] = append(hidden[e.Type+"_name"], strings.ToLower(e.Name))
		}
	}
	return hidden
}

// addParent writes what is known of the parent.
func (s *Server) addParent(wire map[string]any, p Process) {
	if p.ParentGUID == "" {
		return
	}
	wire["parent_guid"] = p.ParentGUID
	if parts := strings.Split(p.ParentGUID, "-"); len(parts) == 5 {
		if pid, err := strconv.ParseInt(parts[2], 16, 64); err == nil {
			wire["parent_pid"] = pid
		}
	}
	i, ok := s.byGUID[p.ParentGUID]
	if !ok {
		return
	}
	parent := s.processes[i]
	if len(parent.PIDs) > 0 {
		wire["parent_pid"] = parent.PIDs[0]
	}
	if parent.Name != "" {
		wire["parent_name"] = parent.Name
	}
	if parent.CmdLine != "" {
		wire["parent_cmdline"] = []string{parent.CmdLine}
	}
	wire["parent_reputation"], wire["parent_effective_reputation"] = parent.Reputation, parent.Reputation
}

// describeDevice writes what is known of the device.
func (s *Server) describeDevice(wire map[string]any, id int64) {
	d, ok := s.device(id)
	if !ok {
		wire["device_name"] = ""
		return
	}
	wire["device_name"], wire["device_os"], wire["device_os_version"] = d.SearchName, d.OS, d.OSVersion
	wire["device_policy_id"], wire["device_policy"] = d.PolicyID, s.policyName(d.PolicyID)
	wire["device_internal_ip"], wire["device_external_ip"] = d.InternalIP, externalIP
	wire["device_location"], wire["device_target_priority"] = "OFFSITE", d.TargetPriority
}

// stamp writes a time as the services do.
func stamp(t time.Time) string { return t.UTC().Format(millis) }

// madeUp is an identifier of 32 hexadecimal digits that is the same in every run.
func madeUp(kind string, n int) string {
	sum := md5.Sum([]byte(kind + "\x00" + strconv.Itoa(n))) //nolint:gosec // it makes identifiers
	return hex.EncodeToString(sum[:])
}
