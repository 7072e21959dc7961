package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
)

// recorderArgument, as the first argument of the test binary, makes it a script of the configuration that says how it was called.
const recorderArgument = "record-the-call"

// call is how the recorder was called.
type call struct {
	Args, Env []string
}

// recorder posts its arguments behind the first, and its environment, to the address that the first one is.
func recorder(args []string) int {
	body, err := json.Marshal(call{Args: args[1:], Env: os.Environ()})
	if len(args) > 2 && args[2] == "complain" {
		fmt.Fprintln(os.Stderr, strings.Join(args, " "), strings.Join(os.Environ(), " "))
		return 3
	}
	if err == nil {
		var resp *http.Response
		if resp, err = http.Post(args[0], "application/json", bytes.NewReader(body)); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode/100 != 2 {
				err = errors.New(resp.Status)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// stage is a world served on loopback, with the files of the program, where processes of the program can be killed.
type stage struct {
	lab    *lab.Lab
	server *httptest.Server
	dir    string
	config string
	ledger string
	// program begins the command lines, env is added to the environment of processes, and attr is how they are started.
	program []string
	env     []string
	attr    *syscall.SysProcAttr
	// fault may answer a request in place of the stage.
	fault   func(http.ResponseWriter, *http.Request) bool
	shared  bool      // see ofAnother
	changed sync.Cond // on mu: the number of connections

	mu          sync.Mutex
	connections int
	posts       []map[string]any // what the webhook got
	scripts     []call
	process     *process // that the requests come from
	seen        int      // its requests so far
	trap        trap
}

// trap is where a process is killed: at its n-th request, before it is handled or when it is and the answer is not out yet.
type trap struct {
	request int
	handled bool
}

// newStage serves a world, with every action on. More lines of the configuration come behind those of the section actions.
func newStage(t *testing.T, world lab.World, more ...string) *stage {
	t.Helper()
	s := &stage{lab: lab.New(world), dir: t.TempDir()}
	s.changed.L = &s.mu
	s.server = httptest.NewUnstartedServer(s)
	s.server.Config.ConnState = s.connection
	s.server.Start()
	t.Cleanup(s.server.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.program, s.ledger = []string{self}, filepath.Join(s.dir, "app.sql")
	if err := os.Mkdir(filepath.Join(s.dir, "evidence"), 0o700); err != nil {
		t.Fatal(err)
	}
	tap, cbc, nsx := lab.Accounts(world)
	url := s.server.URL
	text := strings.Join(append([]string{
		"[CarbonBlack]", "url = " + url, "org_key = " + cbc.OrgKey, "custom_api_id = " + cbc.APIID, "custom_api_key = " + cbc.APIKey,
		"[Proofpoint]", "url = " + url, "principal = " + tap.Principal, "secret = " + tap.Secret, "delta = 1",
		"[NSX]", "url = " + url, "username = " + nsx.Username, "password = " + nsx.Password,
		"[sqlite3]", "lease = 2s",
		"[actions]", "watchlist = Condemned", "webhook = " + url + "/webhook",
		fmt.Sprintf(`script = "%s" %s %s/script {event_id} {device_id} {pid} {file_path}`, self, recorderArgument, url),
		"live_response = True", "evidence_dir = evidence", "isolate = True", "policy = Contain", "denylist = True", "nsx_tag = quarantine|malicious",
	}, more...), "\n")
	s.config = filepath.Join(s.dir, "config.conf")
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) connection(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.connections++
	case http.StateClosed, http.StateHijacked:
		s.connections--
		s.changed.Broadcast()
	default:
	}
}

// ServeHTTP handles a request, and kills the process where that is called for.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handle(w, r, !s.shared) }

// ofAnother serves another program, beside one that the traps are for: its requests do not count. It returns what to put into that
// one's environment.
func (s *stage) ofAnother(t *testing.T) []string {
	t.Helper()
	s.shared = true
	victims := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handle(w, r, true) }))
	victims.Config.ConnState = s.connection
	victims.Start()
	t.Cleanup(victims.Close)
	return []string{
		"PP2CBC_CARBONBLACK_URL=" + victims.URL, "PP2CBC_PROOFPOINT_URL=" + victims.URL, "PP2CBC_NSX_URL=" + victims.URL,
		"PP2CBC_ACTIONS_WEBHOOK=" + victims.URL + "/webhook",
	}
}

func (s *stage) handle(w http.ResponseWriter, r *http.Request, counts bool) {
	ofScript := r.URL.Path == "/script"
	s.mu.Lock()
	if counts {
		s.seen++
	}
	p, hit, handled := s.process, counts && s.seen == s.trap.request, s.trap.handled
	s.mu.Unlock()
	if hit && !handled {
		p.kill()
		if !ofScript { // a script goes on without its parent
			panic(http.ErrAbortHandler)
		}
	}
	if s.fault != nil && s.fault(w, r) {
		return
	}
	answer := httptest.NewRecorder()
	s.serve(answer, r)
	if hit && handled {
		p.kill()
		if !ofScript {
			panic(http.ErrAbortHandler)
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/webhook", secretHook, chatHook:
		var post map[string]any
		if err := json.NewDecoder(r.Body).Decode(&post); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.posts = append(s.posts, post)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case "/script":
		var c call
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.scripts = append(s.scripts, c)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		s.lab.ServeHTTP(w, r)
	}
}

// process is a process of the program.
type process struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	dead     chan struct{}
}

// start begins the program as a process of its own.
func (s *stage) start(t *testing.T, at trap, args ...string) *process {
	t.Helper()
	return s.launch(t, at, append([]string{"--config", s.config, "--json"}, args...)...)
}

// launch is start with a whole command line.
func (s *stage) launch(t *testing.T, at trap, args ...string) *process {
	t.Helper()
	line := slices.Concat(s.program, args)
	p := &process{cmd: exec.Command(line[0], line[1:]...), dead: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay, p.cmd.SysProcAttr = s.dir, &p.out, &p.err, 5*time.Second, s.attr
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "PP2CBC_") }), "PPHUNT_RUN_PROGRAM=1")
	p.cmd.Env = append(p.cmd.Env, s.env...)
	s.mu.Lock()
	defer s.mu.Unlock() // the first request waits until it is known whose it is
	s.process, s.trap, s.seen = p, at, 0
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // what became of it is in its state
		close(p.dead)
	}()
	return p
}

// kill ends the process with SIGKILL, and returns when it is no more.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error means that it has just ended
	<-p.dead
}

// end waits for the process and returns its exit code, which is below zero if it was killed.
func (p *process) end(t *testing.T) int {
	t.Helper()
	select {
	case <-p.dead:
	case <-time.After(time.Minute):
		p.kill()
		t.Errorf("the program does not come to an end: %s", p.err.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// settle waits until nothing that a process has begun is under way any more: scripts outlive it, and what it sent last may still be
// on its way.
func (s *stage) settle(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); stillRunning(s.dir, s.server.URL+"/script"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("a script does not come to an end")
			break
		}
	}
	patience := time.AfterFunc(20*time.Second, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connections = -1 << 20
		s.changed.Broadcast()
	})
	defer patience.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.connections > 0 {
		s.changed.Wait()
	}
	if s.connections < 0 {
		t.Error("a connection of the process is still open")
		s.connections = 0
	}
}

// requests counts the requests of the last process.
func (s *stage) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// effects counts what cannot be taken back and is not the same when it is done twice: posts, calls of the script, and kills.
func (s *stage) effects() map[string]int {
	count := make(map[string]int)
	s.mu.Lock()
	for _, post := range s.posts {
		count[fmt.Sprint("webhook ", post["event_id"])]++
	}
	for _, c := range s.scripts {
		count["script "+c.Args[0]]++
	}
	s.mu.Unlock()
	for _, session := range s.lab.CBC.Sessions() {
		for _, c := range session.Commands {
			if c.Name == "kill" {
				count[fmt.Sprintf("kill %d/%s", session.DeviceID, c.Object)]++
			}
		}
	}
	return count
}

// concurrently runs a test of each case, more of them at a time than there are processors: they wait for pauses and leases.
func concurrently[T any](t *testing.T, cases []T, test func(*testing.T, T)) {
	t.Helper()
	queue := make(chan T)
	var workers sync.WaitGroup
	for range min(14, len(cases)) {
		workers.Go(func() {
			for c := range queue {
				t.Run(fmt.Sprint(c), func(t *testing.T) { test(t, c) })
			}
		})
	}
	for _, c := range cases {
		queue <- c
	}
	close(queue)
	workers.Wait()
}
