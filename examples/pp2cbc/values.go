package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"gopkg.in/ini.v1"
)

// values are the settings as text: the file, and over it the environment.
type values struct {
	// file is the path of the configuration file, empty when everything came from the environment.
	file string
	// dir is where relative file names of the configuration start.
	dir  string
	text map[string]string
	// hooks are the sections with further webhooks.
	hooks    []string
	warnings []string
	problems []error
}

// readValues reads the file and the environment. A missing file is an error unless nobody asked for it by name and the
// environment has settings.
func readValues(path string, named bool, environ []string) (*values, error) {
	env := make(map[string]string)
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, "PP2CBC_") {
			env[name] = value
		}
	}
	v := &values{text: make(map[string]string)}
	_, err := os.Stat(path) // #nosec G703 -- the operator names the file
	if err == nil {
		err = v.readFile(path)
	} else if errors.Is(err, fs.ErrNotExist) && !named && len(env) > 0 {
		v.dir, err = os.Getwd()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration file %s; name one with --config, or try --demo", path)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", path, err)
	}
	v.warnOfReaders()
	v.readEnv(env)
	v.readSecretFiles()
	return v, errors.Join(v.problems...)
}

// readFile reads the file as the old script's reader did: no comment behind a value, no interpolation, no quotes taken off, and
// keys in any case.
func (v *values) readFile(path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	v.file, v.dir = path, filepath.Dir(absolute)
	text, err := readSmall(absolute)
	if err != nil {
		return err
	}
	file, err := ini.LoadSources(ini.LoadOptions{
		AllowShadows: true, AllowDuplicateShadowValues: true, AllowPythonMultilineValues: true,
		IgnoreInlineComment: true, IgnoreContinuation: true, PreserveSurroundedQuote: true, InsensitiveKeys: true,
	}, []byte(markEmptyKeys(text)))
	if err != nil {
		return err
	}
	for _, section := range file.Sections() {
		for _, k := range section.Keys() {
			v.take(section.Name(), k)
		}
	}
	return nil
}

// warnOfReaders warns of secrets in a file that others can read. What the bits say means nothing on Windows.
func (v *values) warnOfReaders() {
	secret := slices.ContainsFunc(v.schema(), func(k key) bool { return k.secret && v.text[k.String()] != "" })
	if v.file == "" || !secret {
		return
	}
	v.warnOfReadersOf(v.file, "holds secrets")
}

// handedIn tells whether a file is a secret that a container was handed: its mode is the engine's, and nobody else is in there.
func handedIn(path string) bool {
	path = filepath.ToSlash(filepath.Clean(path))
	return strings.HasPrefix(path, "/run/secrets/") || strings.HasPrefix(path, "/var/run/secrets/")
}

func (v *values) warnOfReadersOf(path, holds string) {
	if runtime.GOOS == "windows" || handedIn(path) {
		return
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o044 != 0 {
		v.warnings = append(v.warnings, fmt.Sprintf("%s %s and can be read by other users: chmod 600", path, holds))
	}
}

// emptyMark stands for an empty value. The reader takes a key without a value for true, and forgets an empty value beside another.
const emptyMark = "\x00"

// markEmptyKeys gives each key without a value the mark: it means off.
func markEmptyKeys(text string) string {
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " \t\r")
		if line == "" || strings.ContainsAny(line[:1], "[;# \t") {
			continue
		}
		if at := strings.IndexAny(line, "=:"); at < 0 {
			lines[i] = line + " = " + emptyMark
		} else if at == len(line)-1 {
			lines[i] = line + " " + emptyMark
		}
	}
	return strings.Join(lines, "\n")
}

// readSmall reads a file that nobody would write large.
func readSmall(path string) (string, error) {
	const most = 1 << 20
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	defer f.Close()                                    //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, most+1)) //nolint:forbidigo // bounded in the same line
	if err != nil {
		return "", err
	}
	if len(text) > most {
		return "", errors.New("it is larger than 1 MiB")
	}
	return string(text), nil
}

// schema lists every key that there can be, those of the further webhooks among them.
func (v *values) schema() []key {
	all := schema()
	for _, section := range v.hooks {
		all = append(all, hookKeys(section)...)
	}
	return all
}

// hook notes a section with a further webhook.
func (v *values) hook(section string) {
	if !slices.Contains(v.hooks, section) {
		v.hooks = append(v.hooks, section)
		slices.Sort(v.hooks)
	}
}

func (v *values) take(section string, k *ini.Key) {
	name := strings.ToLower(k.Name())
	if hook, ok := hookOf(section); ok {
		section = hook
		v.hook(hook)
	}
	base := strings.TrimSuffix(name, "_file")
	known, ok := lookupKey(section, name)
	if secret, isSecret := lookupKey(section, base); !ok && isSecret && secret.secret && base != name {
		known, ok = key{section: section, name: name, retired: secret.retired}, true
	}
	if !ok {
		v.unknown(section, k.Name(), nearest(section, name))
		return
	}
	all := k.ValueWithShadows()
	if len(all) > 1 && slices.ContainsFunc(all, func(s string) bool { return s != all[0] }) {
		v.problems = append(v.problems, fmt.Errorf("%s is set twice, to different values: keep one", known))
		return
	}
	value := strings.TrimSpace(strings.TrimPrefix(k.Value(), emptyMark))
	if known.retired != "" && value != "" {
		v.warnings = append(v.warnings, fmt.Sprintf("%s is not used: %s", known, known.retired))
	}
	v.text[known.String()] = value
}

// unknown warns of a key that means nothing. Among the guards it is an error: a protection with a typing error in its name would
// protect nobody, and a warning in the night would be read by nobody.
func (v *values) unknown(section, name, guess string) {
	if _, ok := hookOf(section); !ok && strings.HasPrefix(strings.ToLower(section), hookSection) {
		v.problems = append(v.problems, fmt.Errorf("the name of the webhook [%s] must have letters and digits only", section))
		return
	}
	meant := ""
	if guess != "" {
		meant = "; did you mean " + guess + "?"
	}
	if strings.EqualFold(section, "guard") {
		v.problems = append(v.problems, fmt.Errorf("unknown key %s.%s: what it was to protect would be left unprotected%s", section, name, meant))
		return
	}
	v.warnings = append(v.warnings, fmt.Sprintf("unknown key %s.%s is ignored%s", section, name, meant))
}

// readEnv lets the environment override the file.
func (v *values) readEnv(env map[string]string) {
	for name := range env {
		if section, ok := hookOfEnv(name); ok {
			v.hook(section)
		}
	}
	for _, k := range v.schema() {
		if value, ok := env[k.env()]; ok {
			v.text[k.String()] = strings.TrimSpace(value)
			delete(env, k.env())
		}
		if value, ok := env[k.env()+"_FILE"]; ok && k.secret {
			v.text[k.String()+"_file"] = strings.TrimSpace(value)
			delete(env, k.env()+"_FILE")
		}
	}
	for name := range env {
		if strings.HasPrefix(name, "PP2CBC_GUARD_") {
			v.problems = append(v.problems, fmt.Errorf("unknown environment variable %s: what it was to protect would be left unprotected", name))
			continue
		}
		v.warnings = append(v.warnings, fmt.Sprintf("unknown environment variable %s is ignored", name))
	}
	slices.Sort(v.warnings)
}

// readSecretFiles replaces <key>_file by the content of the file.
func (v *values) readSecretFiles() {
	for _, k := range v.schema() {
		path := v.text[k.String()+"_file"]
		if !k.secret || path == "" {
			continue
		}
		if v.text[k.String()] != "" {
			v.problems = append(v.problems, fmt.Errorf("%s and %s_file are both set: keep one", k, k))
			continue
		}
		text, err := readSmall(v.path(path))
		if err != nil {
			v.problems = append(v.problems, fmt.Errorf("%s_file: %w", k, err))
			continue
		}
		if v.text[k.String()] = strings.TrimSpace(text); v.text[k.String()] == "" {
			v.problems = append(v.problems, fmt.Errorf("%s_file: the file %s is empty", k, path))
		}
		v.warnOfReadersOf(v.path(path), "holds "+k.String())
	}
}

// get is the value of a key, or its default.
func (v *values) get(section, name string) string {
	k, ok := lookupKey(section, name)
	if !ok {
		panic("no such key: " + section + "." + name)
	}
	if value := v.text[k.String()]; value != "" {
		return value
	}
	return k.fallback
}

// off tells whether a key is there without a value, which means off whatever its default is.
func (v *values) off(section, name string) bool {
	value, present := v.text[section+"."+name]
	return present && value == ""
}

// path makes a file name of the configuration absolute.
func (v *values) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(v.dir, name)
}
