package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"testing"
	"time"
)

// Whatever is printed of what the program is made of, and however, it has no secret in it.
func TestPrintingShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := secretStage(t, byFile, "DEBUG")
	v, err := readValues(s.config, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parseConfig(v)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w, err := wire(t.Context(), cfg, purpose{warn: func(string, ...any) {}}, logger, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	carbonBlack, err := newCBC(cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	source, verifier, err := newTAP(cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	machines, end, err := newNSX(t.Context(), cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for name, thing := range map[string]any{
		"the configuration": cfg, "its value": *cfg, "the hunter": w.hunter, "its value ": *w.hunter, "all of it": *w, "the client of CBC": carbonBlack, "its value  ": *carbonBlack,
		"the source": source, "the verifier": verifier, "the machines of NSX": machines, "their value": *machines,
	} {
		encoded, err := json.Marshal(thing)
		if err != nil {
			encoded = []byte(err.Error())
		}
		logger.Info("thing", "thing", thing)
		for _, text := range []string{fmt.Sprintf("%v", thing), fmt.Sprintf("%+v", thing), fmt.Sprintf("%#v", thing), fmt.Sprintf("%s", thing), fmt.Sprintf("%q", thing), fmt.Sprintf("%x", thing), string(encoded)} {
			if all := found(text); len(all) > 0 {
				t.Errorf("%s shows %q: %.2000s", name, all, text)
			}
		}
		walk := walker{seen: make(map[visit]bool)}
		walk.in(name, reflect.ValueOf(thing))
		for _, path := range walk.leaks {
			t.Errorf("a dump would show it: %s", path)
		}
	}
	if all := found(log.String()); len(all) > 0 {
		t.Errorf("the log shows %q", all)
	}
}

type visit struct {
	at uintptr
	of reflect.Type
}

// walker looks at every text that can be reached from a value, as a dump does that follows pointers.
type walker struct {
	seen  map[visit]bool
	leaks []string
}

func (w *walker) in(path string, v reflect.Value) {
	if v.Type() == reflect.TypeFor[http.Transport]() {
		return // what is written to its connections is in their buffers
	}
	switch v.Kind() {
	case reflect.String:
		if len(found(v.String())) > 0 {
			w.leaks = append(w.leaks, path)
		}
	case reflect.Pointer:
		at := visit{v.Pointer(), v.Type()}
		if !v.IsNil() && !w.seen[at] {
			w.seen[at] = true
			w.in(path, v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			w.in(path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			w.in(path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			if len(found(string(v.Bytes()))) > 0 {
				w.leaks = append(w.leaks, path)
			}
			return
		}
		for i := range v.Len() {
			w.in(path+"[]", v.Index(i))
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			w.in(path+"{key}", iter.Key())
			w.in(path+"{}", iter.Value())
		}
	default:
	}
}
