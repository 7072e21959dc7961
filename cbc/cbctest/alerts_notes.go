package cbctest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

// maxNote is how many characters a note can have.
const maxNote = 20_000

// filledNotes are notes with the defaults in place. The caller holds the lock.
func (s *Server) filledNotes(notes []AlertNote) []AlertNote {
	notes = slices.Clone(notes)
	for i := range notes {
		n := &notes[i]
		n.ID, n.Author = cmp.Or(n.ID, s.newUUID("note")), cmp.Or(n.Author, "analyst@corp.example")
		if n.Created.IsZero() {
			n.Created = s.created
		}
	}
	return notes
}

// noteJSON is a note on the wire.
func noteJSON(n AlertNote) map[string]any {
	return map[string]any{
		"id": n.ID, "author": n.Author, "note": n.Note, "create_timestamp": stamp(n.Created), "last_update_timestamp": stamp(n.Created),
		"source": "CUSTOMER", "parent_id": nil, "read_history": nil, "thread": nil,
	}
}

// notes finds the notes of the path's alert or threat, or answers 404; about is nil for a threat. The caller holds the lock.
func (s *Server) notes(w http.ResponseWriter, r *http.Request) (notes *[]AlertNote, about *alert, ok bool) {
	if r.PathValue("threat_id") != "" {
		t, ok := s.threat(w, r)
		if !ok {
			return nil, nil, false
		}
		return &t.Notes, nil, true
	}
	a, ok := s.alert(w, r)
	if !ok {
		return nil, nil, false
	}
	return &a.Notes, a, true
}

func (s *Server) listNotes(w http.ResponseWriter, r *http.Request) {
	notes, _, ok := s.notes(w, r)
	if !ok {
		return
	}
	list := []map[string]any{}
	for _, n := range *notes {
		list = append(list, noteJSON(n))
	}
	s.reply(w, http.StatusOK, map[string]any{"results": list, "num_found": len(list), "num_available": len(list)})
}

func (s *Server) addNote(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Note string `json:"note"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if n := utf8.RuneCountInString(in.Note); n == 0 || n > maxNote {
		s.badRequest(w, fmt.Sprintf("note has not between 1 and %d characters", maxNote))
		return
	}
	notes, about, ok := s.notes(w, r)
	if !ok {
		return
	}
	n := AlertNote{ID: s.newUUID("note"), Author: callerID(r), Note: in.Note, Created: s.now()}
	*notes = append(*notes, n)
	if about != nil {
		about.remember("note", noteJSON(n), n.Created)
	}
	s.reply(w, http.StatusOK, noteJSON(n))
}

func (s *Server) deleteNote(w http.ResponseWriter, r *http.Request) {
	notes, _, ok := s.notes(w, r)
	if !ok {
		return
	}
	i := slices.IndexFunc(*notes, func(n AlertNote) bool { return n.ID == r.PathValue("note_id") })
	if i < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "note not found")
		return
	}
	*notes = slices.Delete(slices.Clone(*notes), i, i+1)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) listTags(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.threat(w, r); ok {
		s.reply(w, http.StatusOK, map[string]any{"list": append([]string{}, t.Tags...)})
	}
}

// addTags adds tags to a threat; those that it has already stay as they are. The answer has them all.
func (s *Server) addTags(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Tags []string `json:"tags"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if len(in.Tags) == 0 || slices.Contains(in.Tags, "") {
		s.badRequest(w, "tags is empty or has an empty tag")
		return
	}
	t, ok := s.threat(w, r)
	if !ok {
		return
	}
	for _, tag := range in.Tags {
		if !slices.Contains(t.Tags, tag) {
			t.Tags = append(t.Tags, tag)
		}
	}
	s.reply(w, http.StatusOK, map[string]any{"tags": slices.Clone(t.Tags)})
}

// deleteTag takes a tag from a threat. The answer has those that are left.
func (s *Server) deleteTag(w http.ResponseWriter, r *http.Request) {
	t, ok := s.threat(w, r)
	if !ok {
		return
	}
	i := slices.Index(t.Tags, r.PathValue("tag"))
	if i < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "tag not found")
		return
	}
	t.Tags = slices.Delete(slices.Clone(t.Tags), i, i+1)
	s.reply(w, http.StatusOK, map[string]any{"tags": append([]string{}, t.Tags...)})
}
