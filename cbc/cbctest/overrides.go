package cbctest

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// The words for what an override does and what it applies to.
const (
	listBlack = "BLACK_LIST"
	listWhite = "WHITE_LIST"
	typeHash  = "SHA256"
	typeCert  = "CERT"
	typeTool  = "IT_TOOL"
)

// registerOverrides adds the routes of reputation overrides.
func (s *Server) registerOverrides() {
	const (
		overrides = "/appservices/v6/orgs/{org_key}/reputations/overrides"
		read      = "org.reputations:READ"
		del       = "org.reputations:DELETE"
	)
	s.serve("POST "+overrides, "org.reputations:CREATE", s.createOverride)
	s.serve("POST "+overrides+"/_search", read, s.searchOverrides)
	s.serve("POST "+overrides+"/_delete", del, s.deleteOverrides)
	s.serve("GET "+overrides+"/{override_id}", read, s.getOverride)
	s.serve("DELETE "+overrides+"/{override_id}", del, s.deleteOverride)
}

// Overrides lists the reputation overrides, in the order in which they were made.
func (s *Server) Overrides() []Override {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.overrides)
}

// overrideBody is an override as a client sends it.
type overrideBody struct {
	OverrideList          string `json:"override_list"`
	OverrideType          string `json:"override_type"`
	Description           string `json:"description"`
	SHA256Hash            string `json:"sha256_hash"`
	Filename              string `json:"filename"`
	SignedBy              string `json:"signed_by"`
	CertificateAuthority  string `json:"certificate_authority"`
	Path                  string `json:"path"`
	IncludeChildProcesses *bool  `json:"include_child_processes"`
}

// check says what is wrong with an override; members must belong to its type.
func (in overrideBody) check() error {
	lists, types := []string{listBlack, listWhite}, []string{typeHash, typeCert, typeTool}
	switch {
	case !slices.Contains(lists, in.OverrideList):
		return &enumError{field: "override_list", value: in.OverrideList, known: lists}
	case !slices.Contains(types, in.OverrideType):
		return &enumError{field: "override_type", value: in.OverrideType, known: types}
	case in.OverrideList == listBlack && in.OverrideType != typeHash:
		return errors.New("BLACK_LIST takes overrides of the type SHA256 alone")
	}
	needed := map[string]string{typeHash: in.SHA256Hash, typeCert: in.SignedBy, typeTool: in.Path}[in.OverrideType]
	switch {
	case needed == "":
		return errors.New("an override of the type " + in.OverrideType + " lacks what it applies to")
	case in.OverrideType == typeHash && !isSHA256(in.SHA256Hash):
		return errors.New("sha256_hash is not 64 hexadecimal digits")
	case in.OverrideType != typeHash && in.SHA256Hash+in.Filename != "",
		in.OverrideType != typeCert && in.SignedBy+in.CertificateAuthority != "",
		in.OverrideType != typeTool && (in.Path != "" || in.IncludeChildProcesses != nil):
		return errors.New("a member does not belong to an override of the type " + in.OverrideType)
	}
	return nil
}

// isSHA256 says whether a text is a SHA-256 in hexadecimal digits of either case.
func isSHA256(s string) bool {
	_, err := hex.DecodeString(s)
	return len(s) == 64 && err == nil
}

func (s *Server) createOverride(w http.ResponseWriter, r *http.Request) {
	var in overrideBody
	if !s.decode(w, r, &in) {
		return
	}
	if err := in.check(); err != nil {
		s.badDevices(w, err)
		return
	}
	status := http.StatusOK
	if s.switches.Overrides.Created {
		status = http.StatusCreated
	}
	same := slices.IndexFunc(s.overrides, func(o Override) bool {
		return o.Type == typeHash && in.OverrideType == typeHash && o.List == in.OverrideList &&
			strings.EqualFold(o.SHA256, in.SHA256Hash)
	})
	if same >= 0 {
		const text = "an override of this hash already exists"
		switch s.switches.Overrides.Duplicates {
		case "same":
			s.reply(w, status, s.overrideJSON(s.overrides[same]))
			return
		case "conflict":
			s.fail(w, http.StatusConflict, "DUPLICATE_NAME", text)
			return
		case "refuse":
			s.badRequest(w, text)
			return
		}
	}
	s.serial++
	o := Override{
		ID: madeUp("new override", s.serial), List: in.OverrideList, Type: in.OverrideType, SHA256: in.SHA256Hash,
		Filename: in.Filename, SignedBy: in.SignedBy, CertificateAuthority: in.CertificateAuthority, Path: in.Path,
		IncludeChildProcesses: in.IncludeChildProcesses != nil && *in.IncludeChildProcesses,
		Description:           in.Description, CreatedBy: callerID(r), Created: s.now(),
	}
	s.overrides = append(s.overrides, o)
	s.audit(r, "Added the override "+o.ID+": "+o.List+" "+o.Type+" "+o.SHA256+o.SignedBy+o.Path)
	s.reply(w, status, s.overrideJSON(o))
}

// overrideJSON is an override on the wire. The caller holds the lock.
func (s *Server) overrideJSON(o Override) map[string]any {
	m := map[string]any{
		"id": o.ID, "created_by": o.CreatedBy, "create_time": stamp(o.Created), "description": orNull(o.Description),
		"override_list": o.List, "override_type": o.Type, "sha256_hash": nil, "filename": nil, "signed_by": nil,
		"certificate_authority": nil, "path": nil, "include_child_processes": nil,
	}
	switch o.Type {
	case typeHash:
		m["sha256_hash"], m["filename"] = o.SHA256, orNull(o.Filename)
	case typeCert:
		m["signed_by"], m["certificate_authority"] = o.SignedBy, orNull(o.CertificateAuthority)
	default:
		m["path"], m["include_child_processes"] = o.Path, o.IncludeChildProcesses
	}
	if s.switches.Overrides.AbsentMembers {
		for member, v := range m {
			if v == nil {
				delete(m, member)
			}
		}
	}
	return m
}

// override finds the override of the path, or answers 404. The caller holds the lock.
func (s *Server) override(w http.ResponseWriter, r *http.Request) (int, bool) {
	i := slices.IndexFunc(s.overrides, func(o Override) bool { return o.ID == r.PathValue("override_id") })
	if i < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "reputation override not found")
	}
	return i, i >= 0
}

func (s *Server) getOverride(w http.ResponseWriter, r *http.Request) {
	if i, ok := s.override(w, r); ok {
		s.reply(w, http.StatusOK, s.overrideJSON(s.overrides[i]))
	}
}

func (s *Server) deleteOverride(w http.ResponseWriter, r *http.Request) {
	i, ok := s.override(w, r)
	if !ok {
		return
	}
	s.audit(r, "Deleted the override "+s.overrides[i].ID)
	s.overrides = slices.Delete(s.overrides, i, i+1)
	if s.switches.Overrides.DeleteAnswers {
		s.reply(w, http.StatusOK, struct{}{})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// deleteOverrides deletes many at once. Those that are not there are named as errors.
func (s *Server) deleteOverrides(w http.ResponseWriter, r *http.Request) {
	var ids []string
	if err := fake.DecodeStrict(r, &ids); err != nil {
		s.fail(w, http.StatusBadRequest, "MALFORMED_JSON", err.Error())
		return
	}
	deleted, unknown := []string{}, []string{}
	for _, id := range ids {
		i := slices.IndexFunc(s.overrides, func(o Override) bool { return o.ID == id })
		if i < 0 {
			unknown = append(unknown, id)
			continue
		}
		s.audit(r, "Deleted the override "+id)
		s.overrides = slices.Delete(s.overrides, i, i+1)
		deleted = append(deleted, id)
	}
	if s.switches.Overrides.DeleteAnswers {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.reply(w, http.StatusOK, map[string]any{"results": deleted, "errors": unknown})
}
