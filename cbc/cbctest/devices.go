package cbctest

import (
	"errors"
	"net/http"
	"strconv"
)

// The limits of a device search.
const (
	defaultDevices = 20
	maxDevices     = 10_000
)

// registerDevices adds the routes of devices and of what is done to them.
func (s *Server) registerDevices() {
	const devices = "/appservices/v6/orgs/{org_key}/devices"
	s.serve("POST "+devices+"/_search", "device:READ", s.searchDevices)
	s.serve("POST "+devices+"/_scroll", "device:READ", s.scrollDevices)
	s.serve("POST "+devices+"/_facet", "device:READ", s.facetDevices)
	s.serve("POST "+devices+"/_export", "device:READ", s.exportDevices)
	s.serve("GET "+devices+"/_search/download", "device:READ", s.downloadDevices, downloadParams()...)
	s.serve("GET "+devices+"/{device_id}", "device:READ", s.getDevice)
	s.serve("POST /appservices/v6/orgs/{org_key}/device_actions", "", s.deviceAction)
}

// badDevices answers to a device search that was not understood.
func (s *Server) badDevices(w http.ResponseWriter, err error) {
	if enum, ok := errors.AsType[*enumError](err); ok {
		s.badEnum(w, enum.field, enum.value, enum.known)
		return
	}
	s.badRequest(w, err.Error())
}

func (s *Server) searchDevices(w http.ResponseWriter, r *http.Request) {
	var in deviceSearch
	if !s.decode(w, r, &in) {
		return
	}
	docs, err := s.foundDevices(in)
	if err != nil {
		s.badDevices(w, err)
		return
	}
	// The first row is number 1; 0 is taken for it.
	from := min(max(in.Start, 1)-1, len(docs))
	rows := []map[string]any{}
	for _, d := range docs[from:min(from+in.rows(), len(docs))] {
		rows = append(rows, d.wire)
	}
	s.reply(w, http.StatusOK, map[string]any{"results": rows, "num_found": len(docs)})
}

// matching lists the devices that a search asks for. The caller holds the lock.
func (s *Server) matching(m *deviceMatch) []*device {
	s.advanceDevices()
	var found []*device
	for _, d := range s.devices {
		if m.wants(s, d) {
			found = append(found, d)
		}
	}
	return found
}

func (s *Server) getDevice(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("device_id"), 10, 64)
	if err != nil {
		s.badRequest(w, "the device id is not a number")
		return
	}
	d, ok := s.device(id)
	if !ok {
		s.reply(w, http.StatusNotFound, map[string]any{
			"error_code": "NOT_FOUND", "message": "device not found", "resource_type": "device", "resource_id": strconv.FormatInt(id, 10),
		})
		return
	}
	s.reply(w, http.StatusOK, s.deviceJSON(d))
}
