package cbchunt_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

func trust(t testing.TB, srv *cbctest.Server, change func(*cbchunt.TrustedFilesConfig)) *cbchunt.TrustedFiles {
	t.Helper()
	client := connect(t, srv.Client())
	cfg := cbchunt.TrustedFilesConfig{Overrides: client.Reputation, Binaries: client.Binaries}
	if change != nil {
		change(&cfg)
	}
	g, err := cbchunt.NewTrustedFiles(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func signedBy(file hunt.SHA256, names ...string) cbctest.Binary {
	b := cbctest.Binary{SHA256: file.String()}
	for _, name := range names {
		b.Signatures = append(b.Signatures, cbctest.BinarySignature{SignedBy: name})
	}
	return b
}

// tagged is a task on a device that can be taken back.
func tagged(file hunt.SHA256) hunt.Task {
	t := on(9, "x")
	t.Action, t.Indicators, t.Sightings[0].SHA256 = "nsx_tag", []hunt.Indicator{{SHA256: file}}, file
	return t
}

func TestTrustedFiles(t *testing.T) {
	t.Parallel()
	const kill, ran = "live_response", hunt.Executed
	file := hash(1)
	allowed := []cbctest.Override{{ID: strings.Repeat("a", 32), SHA256: strings.ToUpper(file.String()), List: "WHITE_LIST", CreatedBy: "it@corp.example"}}
	for _, tt := range []struct {
		name   string
		world  cbctest.World
		change func(*cbchunt.TrustedFilesConfig)
		tasks  []hunt.Task
		done   []hunt.Task
		want   string
		calls  int // one for the overrides, one for the signatures
	}{
		{name: "nothing is known", tasks: []hunt.Task{in(kill, 7, file, "NOT_LISTED", ran)}, calls: 2},
		{name: "known malware", tasks: []hunt.Task{in(kill, 7, file, "KNOWN_MALWARE", ran)}, calls: 2},
		{name: "banned by the company", tasks: []hunt.Task{in(kill, 7, file, "COMPANY_BLACK_LIST", ran)}, calls: 2},
		{name: "no reputation", tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2},
		{name: "trusted", tasks: []hunt.Task{in(kill, 7, file, "TRUSTED_WHITE_LIST", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is TRUSTED_WHITE_LIST"},
		{name: "trusted, written otherwise", tasks: []hunt.Task{in(kill, 7, file, " common white-list", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is COMMON_WHITE_LIST"},
		{name: "adaptive", tasks: []hunt.Task{in(kill, 7, file, "ADAPTIVE_WHITE_LIST", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is ADAPTIVE_WHITE_LIST"},
		{name: "local", tasks: []hunt.Task{in(kill, 7, file, "LOCAL_WHITE", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is LOCAL_WHITE"},
		{name: "company", tasks: []hunt.Task{in(kill, 7, file, "COMPANY_WHITE_LIST", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is COMPANY_WHITE_LIST"},
		{name: "ignored", tasks: []hunt.Task{in(kill, 7, file, "IGNORE", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is IGNORE"},
		{name: "under a name to come", tasks: []hunt.Task{in(kill, 7, file, "TRUSTED_APPROVED_LIST", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is TRUSTED_APPROVED_LIST"},
		{name: "the mail program that saved it is trusted", tasks: []hunt.Task{in(kill, 7, file, "TRUSTED_WHITE_LIST", hunt.Touched)}, calls: 2},
		{name: "trusted where it was dealt with", tasks: []hunt.Task{in(kill, 7, file, "", ran)}, done: []hunt.Task{in(kill, 8, file, "LOCAL_WHITE", ran)}, want: "Carbon Black Cloud trusts the file: its reputation is LOCAL_WHITE"},
		{name: "another file is trusted", tasks: []hunt.Task{in(kill, 7, file, "", ran)}, done: []hunt.Task{in(kill, 8, hash(2), "LOCAL_WHITE", ran)}, calls: 2},
		{name: "another file is only tagged", tasks: []hunt.Task{in(kill, 7, file, "", ran), tagged(hash(2))}, calls: 2},
		{
			name: "trusted, and reputations are not asked", tasks: []hunt.Task{in(kill, 7, file, "LOCAL_WHITE", ran)}, calls: 2,
			change: func(c *cbchunt.TrustedFilesConfig) { c.SkipReputation = true },
		},
		{
			name: "allowed", world: cbctest.World{Overrides: allowed}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 1,
			want: "the organization allows the file: override " + strings.Repeat("a", 32) + ", by it@corp.example",
		},
		{name: "banned", world: cbctest.World{Overrides: []cbctest.Override{{SHA256: file.String()}}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2},
		{
			name: "allowed, and overrides are not asked", world: cbctest.World{Overrides: allowed}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 1,
			change: func(c *cbchunt.TrustedFilesConfig) { c.SkipOverrides, c.Overrides = true, nil },
		},
		{
			name: "signed", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, "", "microsoft windows")}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2,
			want: "the file is signed by microsoft windows, which fits Microsoft*",
		},
		{
			name: "signed, with a distinguished name", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, `cn="Update, Inc.", O="Mozilla Corporation", C=US`)}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2,
			want: "the file is signed by Mozilla Corporation, which fits Mozilla*",
		},
		{name: "signed by nobody who has a name", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, "CN=, OU=Microsoft", "*")}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2},
		{name: "signed by nobody known", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, "Not Microsoft Ltd")}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2},
		{name: "not signed", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, ""), signedBy(hash(2), "Microsoft")}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2},
		{
			name: "signed by a signer of one's own", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, "Example Tools Ltd")}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 2,
			change: func(c *cbchunt.TrustedFilesConfig) { c.Signers = []string{"example *"} },
			want:   "the file is signed by Example Tools Ltd, which fits example *",
		},
		{
			name: "signers are off", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, "Microsoft")}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 1,
			change: func(c *cbchunt.TrustedFilesConfig) { c.Signers, c.Binaries = []string{}, nil },
		},
		{
			name: "signers are skipped", world: cbctest.World{Binaries: []cbctest.Binary{signedBy(file, "Microsoft")}}, tasks: []hunt.Task{in(kill, 7, file, "", ran)}, calls: 1,
			change: func(c *cbchunt.TrustedFilesConfig) { c.SkipSigners = true },
		},
		{name: "nothing is destroyed", world: cbctest.World{Overrides: allowed}, tasks: []hunt.Task{on(7, "x")}, done: []hunt.Task{in(kill, 7, file, "LOCAL_WHITE", ran)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(tt.world)
			tasks := append([]hunt.Task{on(7, "x")}, tt.tasks...) // isolation goes on
			if len(tt.tasks) > 0 && tt.tasks[0].Impact == hunt.Destroys {
				tasks = append(tasks, banOf(file))
			}
			holds, err := trust(t, srv, tt.change).Review(t.Context(), hunt.Review{Tasks: tasks, Done: tt.done})
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]string)
			if tt.want != "" {
				want[tt.tasks[0].Key()+" 01"], want[banOf(file).Key()+" 01"] = tt.want, tt.want
			}
			if diff := cmp.Diff(want, reasons(holds)); diff != "" {
				t.Errorf("holds mismatch (-want +got):\n%s", diff)
			}
			if n := len(srv.Requests()); n != tt.calls {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
		})
	}
}

func TestTrustedFilesThatCannotBeAskedAbout(t *testing.T) {
	t.Parallel()
	const refused = http.StatusForbidden
	about := func(n byte) func(*http.Request) bool {
		return answers(http.MethodGet, hash(n).String()+"/summary/signature")
	}
	page := func(http.Handler) http.Handler { return http.NotFoundHandler() }
	for _, tt := range []struct {
		name  string
		match func(*http.Request) bool
		fault func(http.Handler) http.Handler
		want  map[string]string
	}{
		{
			"no permission for overrides", answers(http.MethodPost, "/overrides/_search"), status(refused), map[string]string{
				"denylist/hash/" + hash(1).String() + " 01": "whether the organization allows the file could not be asked: 403 Forbidden. Give the key the permission org.reputations (READ), or do without the check of overrides",
				"denylist/hash/" + hash(2).String() + " 02": "whether the organization allows the file could not be asked: 403 Forbidden. Give the key the permission org.reputations (READ), or do without the check of overrides",
			},
		},
		{
			"no permission for binaries", about(1), status(refused), map[string]string{
				"denylist/hash/" + hash(1).String() + " 01": "who signed the file could not be asked: 403 Forbidden. Give the key the permission ubs.org.sha256 (READ) and the organization Enterprise EDR, or do without the check of signers",
			},
		},
		{
			"no answer about one binary", about(2), status(http.StatusBadRequest), map[string]string{
				"denylist/hash/" + hash(2).String() + " 02": "unsure: who signed the file could not be asked: 400 Bad Request",
			},
		},
		{
			"a page of somebody else's about one binary", about(2), page, map[string]string{
				"denylist/hash/" + hash(2).String() + " 02": "unsure: who signed the file could not be asked: 404 Not Found",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{Switches: cbctest.Switches{RequestIDs: true}})
			srv.Inject(tt.match, -1, tt.fault)
			g := trust(t, srv, nil)
			holds, err := g.Review(t.Context(), hunt.Review{Tasks: []hunt.Task{banOf(hash(1)), banOf(hash(2)), on(7, "x")}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, reasons(holds)); diff != "" {
				t.Errorf("holds mismatch (-want +got):\n%s", diff)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := trust(t, cbctest.New(cbctest.World{}), nil)
	if holds, err := g.Review(ctx, hunt.Review{Tasks: []hunt.Task{banOf(hash(1))}}); !errors.Is(err, context.Canceled) || holds != nil {
		t.Errorf("Review that was canceled = %v, %v", holds, err)
	}
}

// One device ran a trusted file and another one: a command on the device is held for the first alone.
func TestTrustedFilesWithinATask(t *testing.T) {
	t.Parallel()
	task := on(7, "x")
	task.Action, task.Impact = "wipe", hunt.Destroys
	task.Indicators = append(task.Indicators, hunt.Indicator{SHA256: hash(2)})
	srv := cbctest.New(cbctest.World{Binaries: []cbctest.Binary{signedBy(hash(2), "Adobe Inc.")}})
	holds, err := trust(t, srv, nil).Review(t.Context(), hunt.Review{Tasks: []hunt.Task{task}})
	want := map[string]string{"wipe/device/7 02": "the file is signed by Adobe Inc., which fits Adobe*"}
	if diff := cmp.Diff(want, reasons(holds)); err != nil || diff != "" {
		t.Errorf("Review: %v, holds mismatch (-want +got):\n%s", err, diff)
	}
}

// slowSignatures answers after a second and counts.
type slowSignatures struct {
	mu                sync.Mutex
	calls, open, most int
	down              func(call int) error
}

func (s *slowSignatures) Signatures(ctx context.Context, _ [32]byte, rows int) ([]cbc.BinarySignature, error) {
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.open++
	s.most = max(s.most, s.open)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.open--; s.mu.Unlock() }()
	if rows != 100 {
		return nil, fmt.Errorf("%d rows", rows)
	}
	select {
	case <-time.After(time.Second):
		if s.down != nil {
			return nil, s.down(call)
		}
		return nil, cbc.ErrNotFound
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestTrustedFilesAsksOnceForEachFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &slowSignatures{}
		srv := cbctest.New(cbctest.World{})
		g := trust(t, srv, func(c *cbchunt.TrustedFilesConfig) { c.Binaries = slow })
		var tasks []hunt.Task
		for n := range byte(20) {
			tasks = append(tasks, banOf(hash(n)), in("script", 7, hash(n), "", hunt.Executed), in("script", 8, hash(n), "", hunt.Executed))
		}
		start := time.Now()
		holds, err := g.Review(t.Context(), hunt.Review{Tasks: tasks})
		if err != nil || len(holds) != 0 {
			t.Errorf("Review = %v, %v", holds, err)
		}
		if took := time.Since(start); slow.calls != 20 || slow.most != 8 || took != 3*time.Second {
			t.Errorf("%d calls, %d at once, in %v; want 20, 8 at once, in 3 s", slow.calls, slow.most, took)
		}
		if n := len(srv.Requests()); n != 1 {
			t.Errorf("%d calls for overrides, want one", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := g.Review(ctx, hunt.Review{Tasks: tasks}); !errors.Is(err, context.DeadlineExceeded) || slow.calls > 20+16 {
			t.Errorf("Review that ran out of time = %v after %d calls", err, slow.calls-20)
		}
	})
}

// A service that is down keeps the isolation of machines waiting for a moment only.
func TestTrustedFilesGivesUpOnAServiceThatIsDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		down   func(call int) error
		calls  int
		unsure int
		took   time.Duration
	}{
		{"it is down", func(int) error { return errors.New("no answer") }, 15, 100, 2 * time.Second},
		{"it goes down", func(call int) error {
			if call <= 20 {
				return cbc.ErrNotFound
			}
			return errors.New("no answer")
		}, 39, 80, 5 * time.Second},
		{"it has no answer now and then", func(call int) error {
			if call%4 > 0 {
				return cbc.ErrNotFound
			}
			return errors.New("no answer")
		}, 100, 25, 13 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			slow := &slowSignatures{down: c.down}
			g := trust(t, cbctest.New(cbctest.World{}), func(cfg *cbchunt.TrustedFilesConfig) { cfg.Binaries, cfg.SkipOverrides = slow, true })
			var tasks []hunt.Task
			for n := range byte(100) {
				tasks = append(tasks, banOf(hash(n)))
			}
			start, unsure := time.Now(), 0
			holds, err := g.Review(t.Context(), hunt.Review{Tasks: tasks})
			for _, h := range holds {
				if h.Unsure && h.Reason == "who signed the file could not be asked: no answer" {
					unsure++
				}
			}
			if took := time.Since(start); err != nil || unsure != c.unsure || len(holds) != unsure || slow.calls > c.calls || took > c.took {
				t.Errorf("%s: %d files unsure of %d holds, error %v, after %d calls in %v; want %d, at most %d calls and %v", c.name, unsure,
					len(holds), err, slow.calls, took, c.unsure, c.calls, c.took)
			}
		})
	}
}

func TestNewTrustedFilesReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := cbchunt.NewTrustedFiles(cbchunt.TrustedFilesConfig{Signers: []string{"["}})
	if err == nil {
		t.Fatal("NewTrustedFiles of a broken configuration gave no error")
	}
	for _, want := range []string{"the Overrides are missing", "the Binaries are missing", `"["`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not speak of %q: %v", want, err)
		}
	}
	if _, err := cbchunt.NewTrustedFiles(cbchunt.TrustedFilesConfig{SkipOverrides: true, Signers: []string{}}); err != nil {
		t.Errorf("NewTrustedFiles without what needs a client = %v", err)
	}
}

// entries are overrides that were read.
type entries map[[32]byte][]cbc.Override

func (e entries) BySHA256(context.Context, ...[32]byte) (map[[32]byte][]cbc.Override, error) {
	return e, nil
}

func TestTrustedFilesOnAListThatNobodyKnows(t *testing.T) {
	t.Parallel()
	g := trust(t, cbctest.New(cbctest.World{}), func(c *cbchunt.TrustedFilesConfig) {
		c.Overrides = entries{hash(1): {{ID: "x1", List: "GREY_LIST"}}, hash(2): {{ID: "x2", List: "black_list"}}, hash(3): {{ID: "x3", List: "white_list", CreatedBy: "a\nb"}}}
	})
	holds, err := g.Review(t.Context(), hunt.Review{Tasks: []hunt.Task{banOf(hash(1)), banOf(hash(2)), banOf(hash(3))}})
	want := map[string]string{
		banOf(hash(1)).Key() + " 01": "the organization allows the file: override x1, by somebody unknown",
		banOf(hash(3)).Key() + " 03": "the organization allows the file: override x3, by a b",
	}
	if diff := cmp.Diff(want, reasons(holds)); err != nil || diff != "" {
		t.Errorf("Review: %v, holds mismatch (-want +got):\n%s", err, diff)
	}
}
