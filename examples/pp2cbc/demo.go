package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
)

// demo hunts in a made-up company: the fakes of the three services on loopback, a configuration file with every action on, and a
// ledger, all of it gone afterwards.
func (p program) demo(ctx context.Context, o options) int {
	// What the environment says of real services must not reach the demonstration, nor the script that it runs.
	for _, pair := range p.environ {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PP2CBC_") {
			_ = os.Unsetenv(name)
		}
	}
	p.environ = nil
	dir, err := os.MkdirTemp("", "pp2cbc-demo-")
	if err != nil {
		p.complain("%v", err)
		return exitFailed
	}
	defer func() { _ = os.RemoveAll(dir) }()
	world := lab.Company(p.now())
	d := &demo{lab: lab.New(world)}
	address, stop, err := d.serve(ctx)
	if err != nil {
		p.complain("%v", err)
		return exitFailed
	}
	defer stop()
	o.config, o.configNamed = filepath.Join(dir, "config.conf"), true
	text, err := demoConfig(address, dir, o.config, world)
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "evidence"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(o.config, []byte(text), 0o600)
	}
	if err != nil {
		p.complain("%v", err)
		return exitFailed
	}
	if o.json || o.dryRun {
		j, end, err := p.begin(o.common)
		if err != nil {
			return p.refuse(err)
		}
		defer end()
		return j.hunt(ctx, o)
	}
	return p.demoDay(ctx, o, d)
}

type demo struct {
	lab   *lab.Lab
	hooks atomic.Int64
}

func (d *demo) posts() int { return int(d.hooks.Load()) }

func (d *demo) endpoints() int { return len(d.lab.CBC.State().Devices) }

// counts are the calls so far to the three services, by whether they change anything. Searching is a POST, and so are asking for
// the state of devices and logging in.
func (d *demo) counts() (reads, writes int) {
	for _, r := range d.lab.Requests() {
		asks := r.Method == http.MethodGet || strings.HasPrefix(r.Path, "/api/session/") || strings.HasSuffix(r.Path, "/_search") || strings.HasSuffix(r.Path, "/_facet") || strings.HasPrefix(r.Path, "/api/investigate/")
		if asks {
			reads++
		} else {
			writes++
		}
	}
	return reads, writes
}

// serve answers on a free loopback port until the returned function is called.
func (d *demo) serve(ctx context.Context) (address string, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", d.lab)
	mux.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		d.hooks.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // should it end early, the calls of the hunt tell
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close()
		serving.Wait()
	}, nil
}

// demoConfig is a configuration file of the old form with every action switched on.
func demoConfig(address, dir, file string, world lab.World) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(self+file, `"`) {
		return "", errors.New("the path of the program has a quote in it")
	}
	tap, cbc, nsx := lab.Accounts(world)
	script := fmt.Sprintf(`"%s" action --config "%s" --dry-run --device_id {device_id} --pid {pid} --file_path {file_path} --sha256 {sha256}`, self, file)
	lines := []string{
		"[CarbonBlack]", "url = " + address, "org_key = " + cbc.OrgKey, "custom_api_id = " + cbc.APIID, "custom_api_key = " + cbc.APIKey,
		"[Proofpoint]", "url = " + address, "principal = " + tap.Principal, "secret = " + tap.Secret, "include_blocked = True", "delta = 1",
		"[NSX]", "url = " + address, "username = " + nsx.Username, "password = " + nsx.Password, "session = True",
		"[actions]", "watchlist = Proofpoint Malicious Attachments", "webhook = " + address + "/webhook", "script = " + script,
		"live_response = True", "evidence_dir = " + filepath.Join(dir, "evidence"), "isolate = True", "policy = " + lab.ContainPolicy,
		"denylist = True", "nsx_tag = quarantine|malicious-file",
	}
	return strings.Join(lines, "\n") + "\n", nil
}
