package cbctest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// registry is the Windows registry of one device. It starts with its roots and their SOFTWARE keys.
type registry struct {
	keys map[string]*registryKey // by lower-case path with the root's short name
}

// registryKey is one key with its values in the order in which they were set.
type registryKey struct {
	name   string
	values []registryValue
}

// registryValue is one value as live data has it: the data is always a string.
type registryValue struct {
	Name string `json:"registry_name"`
	Type string `json:"registry_type"`
	Data string `json:"registry_data"`
}

// json is the value in the form that is switched on.
func (v registryValue) json(sw LiveResponseSwitches) any {
	if !sw.DocumentedRegistry {
		return v
	}
	kind := strings.TrimPrefix(v.Type, "pb")
	var data any = v.Data
	switch kind {
	case "REG_DWORD", "REG_QWORD":
		data = json.Number(v.Data)
	case "REG_MULTI_SZ":
		data = strings.Split(v.Data, ",")
	}
	return map[string]any{"value_name": v.Name, "value_type": kind, "value_data": data}
}

func newRegistry() *registry {
	r := &registry{keys: map[string]*registryKey{}}
	for _, root := range []string{"HKLM", "HKCU", "HKCR", "HKU", "HKCC"} {
		r.keys[strings.ToLower(root)] = &registryKey{name: root}
	}
	for _, root := range []string{"hklm", "hkcu"} {
		r.keys[root+`\software`] = &registryKey{name: "SOFTWARE"}
	}
	return r
}

// clean brings a key's path into the form in which the registry keeps it.
func (r *registry) clean(p string) string {
	root, rest, deep := strings.Cut(strings.ToLower(strings.Trim(p, `\`)), `\`)
	switch root {
	case "hkey_local_machine":
		root = "hklm"
	case "hkey_current_user":
		root = "hkcu"
	case "hkey_classes_root":
		root = "hkcr"
	case "hkey_users":
		root = "hku"
	case "hkey_current_config":
		root = "hkcc"
	}
	if !deep {
		return root
	}
	return root + `\` + rest
}

// split takes a value's path apart into its key and its name.
func (r *registry) split(p string) (*registryKey, string) {
	i := strings.LastIndexByte(p, '\\')
	if i < 0 {
		return nil, ""
	}
	return r.keys[r.clean(p[:i])], p[i+1:]
}

// index finds a value by its name, whatever its case.
func (k *registryKey) index(name string) int {
	return slices.IndexFunc(k.values, func(v registryValue) bool { return strings.EqualFold(v.Name, name) })
}

// subkeys lists the names of the keys directly under one.
func (r *registry) subkeys(p string) []string {
	prefix := r.clean(p) + `\`
	names := []string{}
	for key, k := range r.keys {
		if rest, ok := strings.CutPrefix(key, prefix); ok && !strings.Contains(rest, `\`) {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return names
}

// run does one of the registry commands.
func (r *registry) run(c *command, sw LiveResponseSwitches) (map[string]any, fault) {
	switch c.name {
	case "reg enum key":
		k, ok := r.keys[r.clean(c.object)]
		if !ok {
			return nil, faultFileNotFound
		}
		values := []any{}
		for _, v := range k.values {
			values = append(values, v.json(sw))
		}
		return map[string]any{"sub_keys": r.subkeys(c.object), "values": values}, faultNone
	case "reg query value":
		k, name := r.split(c.object)
		if k == nil || k.index(name) < 0 {
			return nil, faultFileNotFound
		}
		return map[string]any{"value": k.values[k.index(name)].json(sw)}, faultNone
	case "reg create key":
		parent, name := r.split(strings.TrimSuffix(c.object, `\`))
		if parent == nil {
			return nil, faultFileNotFound
		}
		if _, ok := r.keys[r.clean(c.object)]; !ok {
			r.keys[r.clean(c.object)] = &registryKey{name: name}
		}
		return nil, faultNone
	case "reg delete key":
		if _, ok := r.keys[r.clean(c.object)]; !ok {
			return nil, faultFileNotFound
		}
		if parent, _ := r.split(c.object); parent == nil || len(r.subkeys(c.object)) > 0 {
			return nil, faultAccessDenied
		}
		delete(r.keys, r.clean(c.object))
		return nil, faultNone
	case "reg delete value":
		k, name := r.split(c.object)
		if k == nil || k.index(name) < 0 {
			return nil, faultFileNotFound
		}
		i := k.index(name)
		k.values = slices.Delete(k.values, i, i+1)
		return nil, faultNone
	default:
		return nil, r.set(c)
	}
}

// set does reg set value.
func (r *registry) set(c *command) fault {
	k, name := r.split(c.object)
	if k == nil {
		return faultFileNotFound
	}
	kind := c.request.maybe("value_type")
	data, ok := registryData(kind, c.request["value_data"])
	if !ok {
		return faultInvalid
	}
	value := registryValue{Name: name, Type: "pb" + kind, Data: data}
	i := k.index(name)
	if i < 0 {
		k.values = append(k.values, value)
		return faultNone
	}
	// The SDK says that overwriting is the default.
	if raw, given := c.request["overwrite"]; given && string(raw) == "false" {
		return faultExists
	}
	k.values[i] = value
	return faultNone
}

// registryData checks a value's data against its type and writes it as the string that is reported later.
func registryData(kind string, raw json.RawMessage) (string, bool) {
	switch kind {
	case "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY":
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err == nil
	case "REG_DWORD", "REG_QWORD":
		text := string(bytes.Trim(bytes.TrimSpace(raw), `"`))
		bits := 32
		if kind == "REG_QWORD" {
			bits = 64
		}
		_, err := strconv.ParseUint(text, 10, bits)
		return text, err == nil
	case "REG_MULTI_SZ":
		var list []string
		if json.Unmarshal(raw, &list) != nil {
			return "", false
		}
		return strings.Join(list, ","), true
	default:
		return "", false
	}
}
