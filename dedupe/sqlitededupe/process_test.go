package sqlitededupe_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

// workerVariable makes the test binary a worker: its value is the number of the worker, and its arguments are path and tasks.
const workerVariable = "SQLITEDEDUPE_TEST_WORKER"

func TestMain(m *testing.M) {
	number, isWorker := os.LookupEnv(workerVariable)
	if !isWorker {
		os.Exit(m.Run())
	}
	if err := work(context.Background(), number, os.Args[len(os.Args)-2], os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func taskKeys(n int) []dedupe.Key {
	keys := make([]dedupe.Key, n)
	for i := range keys {
		keys[i] = dedupe.Key(fmt.Sprintf("isolate/device/%d", 1000+i))
	}
	return keys
}

// work claims tasks in an order and in batches of its own, finishes what it wins, and says so for each on a line.
func work(ctx context.Context, number, path, tasks string) error {
	n, err := strconv.Atoi(tasks)
	if err != nil {
		return err
	}
	i, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	s, err := sqlitededupe.Open(ctx, path)
	if err != nil {
		return err
	}
	keys := taskKeys(n)
	order := slices.Concat(keys[i*n/7%n:], keys[:i*n/7%n])
	if i%2 == 1 {
		slices.Reverse(order)
	}
	for batch := range slices.Chunk(order, 3+2*i) {
		grants, err := s.Claim(ctx, "worker "+number, noon(), time.Minute, batch...)
		if err != nil {
			return err
		}
		var results []dedupe.Result
		for _, g := range grants {
			if g.Won {
				fmt.Printf("begun %s\n", g.Claim.Key)
				results = append(results, dedupe.Result{Claim: g.Claim, State: dedupe.Done, Detail: "by " + number})
			}
		}
		lost, err := s.Finish(ctx, noon().Add(time.Second), results...)
		if err != nil {
			return err
		}
		if len(lost) > 0 {
			return fmt.Errorf("lost %v", lost)
		}
		for _, r := range results {
			fmt.Printf("done %s\n", r.Claim.Key)
		}
	}
	return s.Close()
}

type worker struct {
	cmd         *exec.Cmd
	lines       io.Reader
	begun, done []dedupe.Key
}

func startWorker(t *testing.T, number int, path string, tasks int) *worker {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], path, strconv.Itoa(tasks))
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", workerVariable, number))
	cmd.Stderr = os.Stderr
	lines, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &worker{cmd: cmd, lines: lines}
}

// read takes in what the worker says until it has begun a number of tasks, or ends.
func (w *worker) read(begun int) {
	scanner := bufio.NewScanner(w.lines)
	for scanner.Scan() {
		if key, ok := strings.CutPrefix(scanner.Text(), "begun "); ok {
			w.begun = append(w.begun, dedupe.Key(key))
			if len(w.begun) == begun {
				_ = w.cmd.Process.Kill() // SIGKILL: at whatever point the worker has come to meanwhile
			}
		}
		if key, ok := strings.CutPrefix(scanner.Text(), "done "); ok {
			w.done = append(w.done, dedupe.Key(key))
		}
	}
}

func TestSeveralProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	const tasks = 300
	path := filepath.Join(t.TempDir(), "app.sql")
	var workers []*worker
	for i := range 4 {
		workers = append(workers, startWorker(t, i, path, tasks))
	}
	winners := make(map[dedupe.Key]int)
	for _, w := range workers {
		w.read(-1)
		if err := w.cmd.Wait(); err != nil {
			t.Error(err)
		}
		for _, key := range w.done {
			winners[key]++
		}
	}
	for _, key := range taskKeys(tasks) {
		if winners[key] != 1 {
			t.Errorf("%s has %d winners, want 1", key, winners[key])
		}
	}
	records, err := open(t, path).Lookup(t.Context(), taskKeys(tasks)...)
	if err != nil || len(records) != tasks {
		t.Fatalf("Lookup = %d records, %v; want %d", len(records), err, tasks)
	}
	for _, r := range records {
		if r.State != dedupe.Done || r.Attempt != 1 {
			t.Errorf("%s is %s after %d attempts, want done after 1", r.Key, r.State, r.Attempt)
		}
	}
}

// However a process dies, what it said is done stays done, and what it left open is won by the next as soon as the lease ends.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	for _, after := range []int{1, 7, 60} {
		t.Run(fmt.Sprintf("after %d tasks", after), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.sql")
			victim := startWorker(t, 6, path, 5000) // begins with number 4285: it is killed before it comes to those of the other
			other := startWorker(t, 0, path, 300)
			victim.read(after)
			if err := victim.cmd.Wait(); err == nil {
				t.Error("the worker came to its end before it was killed")
			}
			other.read(-1)
			if err := other.cmd.Wait(); err != nil {
				t.Error(err)
			}
			s := open(t, path)
			known, err := s.Lookup(t.Context(), taskKeys(5000)...)
			if err != nil {
				t.Fatal(err)
			}
			if want := 300 + len(victim.begun); len(known) < want {
				t.Errorf("the store knows %d tasks, but %d were begun", len(known), want)
			}
			var keys []dedupe.Key
			for _, r := range known {
				keys = append(keys, r.Key)
			}
			early, err := s.Claim(t.Context(), "heir", noon().Add(time.Minute-1), time.Minute, keys...)
			if err != nil {
				t.Fatal(err)
			}
			grants, err := s.Claim(t.Context(), "heir", noon().Add(time.Minute), time.Minute, keys...)
			if err != nil {
				t.Fatal(err)
			}
			said := make(map[dedupe.Key]bool)
			for _, key := range slices.Concat(victim.done, other.done) {
				if said[key] {
					t.Errorf("%s was done twice", key)
				}
				said[key] = true
			}
			for i, g := range grants {
				switch {
				case g.Won && said[g.Claim.Key]:
					t.Errorf("%s was done and is won again: %+v", g.Claim.Key, g.Record)
				case !g.Won && g.Record.State != dedupe.Done:
					t.Errorf("%s is lost: %+v", g.Claim.Key, g.Record)
				case early[i].Won:
					t.Errorf("%s was won before its lease ended: %+v", g.Claim.Key, early[i].Record)
				}
			}
		})
	}
}
