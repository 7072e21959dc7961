package cbctest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// RegistryValue is a value in the registry of a Windows device.
type RegistryValue struct {
	// Key is the path of the key, such as `HKLM\SOFTWARE\Demo`. Keys on the way are there too.
	Key string `json:"key"`
	// Name is the value's name; empty for the default value of the key.
	Name string `json:"name,omitempty"`
	// Type is REG_SZ, REG_EXPAND_SZ, REG_DWORD, REG_QWORD, REG_MULTI_SZ or REG_BINARY. Empty means that there is no value, but
	// the key alone.
	Type string `json:"type,omitempty"`
	// Data is the data as live data has it, always a text: "1", or "a,b" for a list.
	Data string `json:"data,omitempty"`
}

// readable says whether the data is what a value of the type can have.
func (v RegistryValue) readable() bool {
	switch v.Type {
	case "":
		return v.Name == "" && v.Data == ""
	case "REG_MULTI_SZ":
		return true
	}
	raw, err := json.Marshal(v.Data)
	if err != nil {
		return false
	}
	_, ok := registryData(v.Type, raw)
	return ok
}

// rooted says whether a key is under one of the registry's roots.
func (r *registry) rooted(key string) bool {
	root, rest, deep := strings.Cut(r.clean(key), `\`)
	return r.keys[root] != nil && deep && !slices.Contains(strings.Split(rest, `\`), "")
}

// put sets a value and makes the keys on the way. It is how the world is set up.
func (r *registry) put(v RegistryValue) {
	var at strings.Builder
	for i, name := range strings.Split(strings.Trim(v.Key, `\`), `\`) {
		if i > 0 {
			at.WriteString(`\`)
		}
		at.WriteString(name)
		if r.keys[r.clean(at.String())] == nil {
			r.keys[r.clean(at.String())] = &registryKey{name: name}
		}
	}
	if v.Type != "" {
		k := r.keys[r.clean(at.String())]
		k.values = append(k.values, registryValue{Name: v.Name, Type: "pb" + v.Type, Data: v.Data})
	}
}

// list is what the registry has now, by key: the values, and the keys with nothing in them but those it began with.
func (r *registry) list() []RegistryValue {
	var all []RegistryValue
	began := newRegistry()
	for _, path := range slices.Sorted(maps.Keys(r.keys)) {
		values := r.keys[path].values
		for _, v := range values {
			all = append(all, RegistryValue{Key: r.spelled(path), Name: v.Name, Type: strings.TrimPrefix(v.Type, "pb"), Data: v.Data})
		}
		if len(values) == 0 && began.keys[path] == nil && len(r.subkeys(path)) == 0 {
			all = append(all, RegistryValue{Key: r.spelled(path)})
		}
	}
	return all
}

// spelled is the path of a key in the letters in which its parts were made.
func (r *registry) spelled(path string) string {
	parts := strings.Split(path, `\`)
	names := make([]string, len(parts))
	for i := range parts {
		names[i] = r.keys[strings.Join(parts[:i+1], `\`)].name
	}
	return strings.Join(names, `\`)
}

// Registry lists what the registry of a device has now: its values, and its keys without any, by key. The keys with which every
// registry begins are not among them.
func (s *Server) Registry(id int64) []RegistryValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.registryOf(id)
}

// registryOf is Registry for those who have the lock.
func (s *Server) registryOf(id int64) []RegistryValue {
	s.advance()
	m, ok := s.edr.sensors[id]
	if !ok {
		return nil
	}
	return m.registry.list()
}
