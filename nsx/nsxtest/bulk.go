package nsxtest

import (
	"net/http"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// maxBulk is how many machines one assignment may name.
const maxBulk = 1000

// bulkRequest is an operation that puts one tag on machines or takes it from them.
type bulkRequest struct {
	Tag         *requestTag   `json:"tag"`
	ApplyTo     []bulkTargets `json:"apply_to,omitempty"`
	RemoveFrom  []bulkTargets `json:"remove_from,omitempty"`
	ID          string        `json:"id,omitempty"`
	DisplayName string        `json:"display_name,omitempty"`
	Type        string        `json:"resource_type,omitempty"`
	Revision    *int          `json:"_revision,omitempty"`
}

// bulkTargets are machines.
type bulkTargets struct {
	Type string   `json:"resource_type"`
	IDs  []string `json:"resource_ids"`
}

// operation is a bulk request as the server keeps it.
type operation struct {
	space    space
	id       string
	request  bulkRequest
	tag      Tag
	revision int
	put      time.Time
	done     bool
	failed   bool
	applied  []bulkStatus
	removed  []bulkStatus
}

// bulkStatus is what became of some machines.
type bulkStatus struct {
	Type   string           `json:"resource_type"`
	Status []resourceStatus `json:"resource_tag_status"`
}

// resourceStatus is what became of one machine.
type resourceStatus struct {
	ID      string `json:"resource_id"`
	Name    string `json:"resource_display_name,omitempty"`
	Status  string `json:"tag_status"`
	Details string `json:"details,omitempty"`
}

// bulkParameters are those of the realization family.
func bulkParameters() []string { return []string{"enforcement_point_path"} }

// putOperation accepts an operation. Nothing is applied yet.
func (s *Server) putOperation(w http.ResponseWriter, r *http.Request) {
	var in bulkRequest
	q, p := query(r, bulkParameters()...)
	if p == nil {
		p = s.checkEnforcementPoint(q)
	}
	var sp space
	if p == nil {
		sp, p = s.space(r)
	}
	if p == nil {
		p = asynchronous(r)
	}
	if p == nil {
		p = body(r, &in)
	}
	if p == nil {
		p = s.mayWrite(r)
	}
	var tags []Tag
	if p == nil {
		tags, p = checkBulk(&in)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	answer, p := s.accept(sp, r.PathValue("operation-id"), in, tags[0])
	if p != nil {
		refuse(w, p)
		return
	}
	fake.WriteJSON(w, http.StatusOK, answer)
}

// accept stores an operation and returns its object. One that is there already needs its revision.
func (s *Server) accept(sp space, id string, in bulkRequest, tag Tag) (any, *problem) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(now)
	op := &operation{space: sp, id: id, request: in, tag: tag, put: now}
	if old := s.operations[sp.operation(id)]; old != nil {
		if !s.switches.BulkOverwrites && (in.Revision == nil || *in.Revision != old.revision) {
			return nil, &problem{
				status: http.StatusPreconditionFailed, code: codeStale, module: "policy", text: "The object has changed since its revision was read.",
			}
		}
		op.revision = old.revision + 1
	} else {
		s.operationPaths = append(s.operationPaths, sp.operation(id))
	}
	s.operations[sp.operation(id)] = op
	return op.object(), nil
}

// checkBulk checks the shape of an operation.
func checkBulk(in *bulkRequest) ([]Tag, *problem) {
	if in.Tag == nil {
		return nil, invalid("The field tag is required.")
	}
	for _, targets := range [][]bulkTargets{in.ApplyTo, in.RemoveFrom} {
		n := 0
		for _, t := range targets {
			if t.Type != "VirtualMachine" {
				return nil, invalid("The resource_type must be VirtualMachine.")
			}
			n += len(t.IDs)
		}
		if n > maxBulk {
			return nil, invalid("An assignment names at most 1000 virtual machines.")
		}
	}
	return normalTags([]requestTag{*in.Tag})
}

// object is an operation on the wire.
func (op *operation) object() any {
	return struct {
		bulkRequest
		Tag      wireTag `json:"tag"`
		Type     string  `json:"resource_type"`
		ID       string  `json:"id"`
		Name     string  `json:"display_name"`
		Path     string  `json:"path"`
		Relative string  `json:"relative_path"`
		Parent   string  `json:"parent_path"`
		Created  int64   `json:"_create_time"`
		Revision int     `json:"_revision"`
	}{
		op.request, wireTags([]Tag{op.tag}, false)[0], "TagBulkOperation", op.id, op.id, op.space.operation(op.id), op.id, op.space.path(),
		op.put.UnixMilli(), op.revision,
	}
}

// getOperation returns an operation.
func (s *Server) getOperation(w http.ResponseWriter, r *http.Request) {
	s.operation(w, r, func(op *operation, _ time.Time) any { return op.object() })
}

// getOperationStatus says how far an operation is.
func (s *Server) getOperationStatus(w http.ResponseWriter, r *http.Request) {
	s.operation(w, r, func(op *operation, now time.Time) any {
		status := "Pending"
		switch {
		case op.done && op.failed:
			status = "Error"
		case op.done:
			status = "Success"
		case now.Sub(op.put) >= s.bulkStep:
			status = "Running"
		}
		return struct {
			Path    string       `json:"path"`
			Status  string       `json:"status"`
			Tag     wireTag      `json:"tag"`
			Applied []bulkStatus `json:"apply_to,omitempty"`
			Removed []bulkStatus `json:"remove_from,omitempty"`
		}{op.space.operation(op.id), status, wireTags([]Tag{op.tag}, false)[0], op.applied, op.removed}
	})
}

// operation answers with something about one operation.
func (s *Server) operation(w http.ResponseWriter, r *http.Request, tell func(*operation, time.Time) any) {
	q, p := query(r, bulkParameters()...)
	if p == nil {
		p = s.checkEnforcementPoint(q)
	}
	var sp space
	if p == nil {
		sp, p = s.space(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	now, id := s.now(), r.PathValue("operation-id")
	s.mu.Lock()
	s.settle(now)
	op := s.operations[sp.operation(id)]
	var answer any
	if op != nil {
		answer = tell(op, now)
	}
	s.mu.Unlock()
	if op == nil {
		refuse(w, missing("TagBulkOperation", id))
		return
	}
	fake.WriteJSON(w, http.StatusOK, answer)
}

// settle applies the operations that are due, in the order in which they came. The caller holds the lock.
func (s *Server) settle(now time.Time) {
	for _, path := range s.operationPaths {
		op := s.operations[path]
		due := op.put.Add(2 * s.bulkStep)
		if op.done || now.Before(due) {
			continue
		}
		op.done = true
		op.applied = s.applyBulk(op, op.request.ApplyTo, union, due)
		op.removed = s.applyBulk(op, op.request.RemoveFrom, difference, due)
	}
}

// applyBulk changes the machines that it can, and says for each what came of it.
func (s *Server) applyBulk(op *operation, targets []bulkTargets, change func(a, b []Tag) []Tag, at time.Time) []bulkStatus {
	var out []bulkStatus
	for _, t := range targets {
		st := bulkStatus{Type: t.Type, Status: []resourceStatus{}}
		for _, id := range t.IDs {
			row := resourceStatus{ID: id, Status: "Success"}
			m := s.find(id)
			p := missing("VirtualMachine", id)
			if m != nil && op.space.sees(m) {
				row.Name = m.Name
				p = s.set(m, change(m.tags(), []Tag{op.tag}), at)
			}
			if p != nil {
				op.failed, row.Status, row.Details = true, "Error", p.text
			}
			st.Status = append(st.Status, row)
		}
		out = append(out, st)
	}
	return out
}
