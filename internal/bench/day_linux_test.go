package bench_test

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

var day = flag.Bool("day", false, "have the program hunt through the day of a large organization")

// A day of a large organization.
const (
	dayWindows   = 24
	dayMessages  = 200_000
	dayFiles     = 3_000
	daySightings = 20_000
	dayDevices   = 100_000
)

// TestDay runs the program itself, hour by hour, against the fakes on loopback.
func TestDay(t *testing.T) { //nolint:paralleltest // it measures
	if !*day {
		t.Skip("it is asked for with -day")
	}
	now := time.Now().UTC()
	begin := now.Add(-dayWindows*time.Hour - 5*time.Minute).Truncate(time.Second)
	tap, cbc := dayWorld(begin)
	mail, console := httptest.NewServer(proofpointtest.New(tap)), cbctest.New(cbc)
	defer mail.Close()
	endpoints := httptest.NewServer(console)
	defer endpoints.Close()
	dir := t.TempDir()
	program := filepath.Join(dir, "pp2cbc")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/pphunt/pphunt/examples/pp2cbc")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	config := filepath.Join(dir, "config.conf")
	if err := os.WriteFile(config, []byte(strings.Join([]string{
		"[CarbonBlack]", "url = " + endpoints.URL, "org_key = " + cbctest.OrgKey, "custom_api_id = " + cbctest.KeyID, "custom_api_key = " + cbctest.KeySecret,
		"[Proofpoint]", "url = " + mail.URL, "principal = " + proofpointtest.Principal, "secret = " + proofpointtest.Secret,
		"[actions]", "isolate = True",
		"[guard]", "max_devices_per_run = 0", "max_devices_per_hash = 0", "max_fleet_share = 0", "trusted_signers = none",
		"fresh_verdict = 48h", // the day is over already
	}, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	var total, longest time.Duration
	var peak int64
	for hour := range dayWindows {
		start := begin.Add(time.Duration(hour) * time.Hour)
		cmd := exec.CommandContext(t.Context(), program, "--config", config,
			"--start-time", start.Format(time.RFC3339), "--end-time", start.Add(time.Hour).Format(time.RFC3339))
		var out, complaints strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &complaints
		begun, before := time.Now(), len(console.Requests())
		memory, err := runWatched(cmd)
		took := time.Since(begun)
		if err != nil {
			t.Fatalf("hour %d: %v: %.2000s", hour, err, complaints.String())
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		fmt.Fprintf(os.Stderr, "hour %2d: %5.1f s, %d MiB, %d calls of Carbon Black Cloud, %s\n",
			hour, took.Seconds(), memory, len(console.Requests())-before, lines[len(lines)-1])
		total, longest, peak = total+took, max(longest, took), max(peak, memory)
	}
	isolated := 0
	for _, d := range console.Devices() {
		if d.Quarantined {
			isolated++
		}
	}
	ledger := int64(0)
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(filepath.Join(dir, "app.sql"+suffix)); err == nil {
			ledger += info.Size()
		}
	}
	t.Logf("the day: %.0f s in all, %.1f s the longest run, %d MiB at most, %d calls of Carbon Black Cloud, ledger of %.1f MB, %d machines isolated",
		total.Seconds(), longest.Seconds(), peak, len(console.Requests()), float64(ledger)/1e6, isolated)
	if want := len(daySighted()); isolated != want {
		t.Errorf("%d machines are isolated, want %d", isolated, want)
	}
}

// runWatched runs a program and returns its largest resident memory, in MiB. What the system tells of a child that has ended counts its
// parent's memory as well.
func runWatched(cmd *exec.Cmd) (memory int64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if text, err := os.ReadFile(status); err == nil {
				memory = max(memory, int64(highWater(text)))
			}
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	err = cmd.Wait()
	close(stop)
	<-stopped
	return memory, err
}

// daySighted are the devices on which something ran.
func daySighted() map[int64]bool {
	devices := make(map[int64]bool)
	for n := range daySightings {
		devices[dayDevice(n)] = true
	}
	return devices
}

func dayDevice(n int) int64 { return int64(1_000_000 + n*7919%dayDevices) }

func dayWorld(begin time.Time) (tap proofpointtest.World, cbc cbctest.World) {
	const hours = dayWindows * time.Hour
	tap.Quota = 1800
	tap.Messages = make([]proofpointtest.Message, 0, dayMessages)
	for n := range dayMessages {
		at := begin.Add(hours / dayMessages * time.Duration(n))
		m := proofpointtest.Message{
			Subject: fmt.Sprintf("Statement %d", n), Sender: "billing@freight.example", Recipients: []string{fmt.Sprintf("user%d@corp.example", n%dayDevices)}, Time: at,
		}
		if n%10 == 0 {
			sha := hashOf(dayFiles * n / dayMessages).String()
			m.Parts = []proofpointtest.Part{{Filename: "statement.exe", SHA256: sha, SandboxStatus: "THREAT"}}
			m.Threats = []proofpointtest.Threat{{Artifact: sha, Time: at}}
		} else {
			m.Threats = []proofpointtest.Threat{{Artifact: fmt.Sprintf("http://bad.example/%d", n), Type: "url", Time: at}}
		}
		tap.Messages = append(tap.Messages, m)
	}
	cbc.Switches.Search = cbctest.SearchSwitches{StartDelay: time.Millisecond, Duration: 20 * time.Millisecond, SegmentsAtOnce: true}
	cbc.Policies = []cbctest.Policy{{ID: 1, Name: "Standard"}}
	for n := range dayDevices {
		cbc.Devices = append(cbc.Devices, cbctest.Device{ID: int64(1_000_000 + n), Name: fmt.Sprintf(`CORP\PC-%d`, n)})
	}
	for n := range daySightings {
		at := begin.Add(hours / daySightings * time.Duration(n))
		cbc.Processes = append(cbc.Processes, cbctest.Process{
			GUID: fmt.Sprintf("ORG-%08d", n), DeviceID: dayDevice(n), PIDs: []int64{int64(1000 + n)}, Name: `c:\users\kim\statement.exe`,
			Hashes: []string{hashOf(dayFiles * n / daySightings).String()}, Time: at, Start: at,
		})
	}
	return tap, cbc
}
