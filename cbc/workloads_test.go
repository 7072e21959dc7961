package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
)

const (
	opRemediate   = "POST /applianceservice/v1/orgs/{org_key}/device_actions"
	opRemediation = "GET /applianceservice/v1/orgs/{org_key}/jobs/{job_id}/status"
)

func TestWorkloadsTag(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opRemediate: {
		`201 {"job_ids":["NSX_REMEDIATE_1","NSX_REMEDIATE_2"]}`, `201 {"job_ids":["NSX_REMEDIATE_3"]}`, `201 {"job_ids":[]}`, `200 {"job_ids":["X"]}`, `403 {}`, `201 {"job_ids":["A"]}`,
	}})
	jobs, err := client.Workloads.Tag(t.Context(), cbc.NSXQuarantine, 7, 8, 7)
	if err != nil || !slices.Equal(jobs.IDs, []cbc.RemediationJobID{"NSX_REMEDIATE_1", "NSX_REMEDIATE_2"}) {
		t.Errorf("Tag = %+v, %v", jobs, err)
	}
	if jobs, err = client.Workloads.Untag(t.Context(), cbc.NSXCustom, 9); err != nil || len(jobs.IDs) != 1 {
		t.Errorf("Untag = %+v, %v", jobs, err)
	}
	var bodies []string
	for _, r := range srv.Requests() {
		bodies = append(bodies, string(r.Body))
	}
	want := []string{
		`{"device_ids":[7,8],"action_type":"NSX_REMEDIATION","options":{"toggle":"ON","tag":"CB-NSX-Quarantine"}}`,
		`{"device_ids":[9],"action_type":"NSX_REMEDIATION","options":{"toggle":"OFF","tag":"CB-NSX-Custom"}}`,
	}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	for _, want := range []string{"no job was started", "no status 201"} {
		jobs, err := client.Workloads.Tag(t.Context(), cbc.NSXIsolate, 7)
		failed, ok := errors.AsType[*cbc.DevicesError](err)
		if !ok || !slices.Equal(failed.IDs, []cbc.DeviceID{7}) || !strings.Contains(err.Error(), "cbc: workloads.tag: device 7: ") || !strings.Contains(err.Error(), want) || len(jobs.IDs) != 0 {
			t.Errorf("Tag = %+v, %v, want %q", jobs, err, want)
		}
	}
	// The first thousand is refused, the second is begun.
	jobs, err = client.Workloads.Tag(t.Context(), cbc.NSXIsolate, upTo(1001)...)
	failed, ok := errors.AsType[*cbc.DevicesError](err)
	if !ok || !errors.Is(err, cbc.ErrForbidden) || len(failed.IDs) != 1000 || !slices.Equal(jobs.IDs, []cbc.RemediationJobID{"A"}) {
		t.Errorf("Tag = %+v, %v, want a job and an error for a thousand devices", jobs, err)
	}
}

func TestWorkloadsRefuseWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opRemediate: {`201 {}`}})
	_, tag := client.Workloads.Tag(t.Context(), "CB-NSX-Other", 7)
	_, untag := client.Workloads.Untag(t.Context(), cbc.NSXIsolate, 0)
	change := client.Workloads.Switch(t.Context(), "", 7)
	_, status := client.Workloads.JobStatus(t.Context(), "")
	if tag == nil || untag == nil || change == nil || status == nil {
		t.Errorf("%v, %v, %v, %v, want errors", tag, untag, change, status)
	}
	if jobs, err := client.Workloads.Tag(t.Context(), cbc.NSXIsolate); err != nil || len(jobs.IDs) != 0 || jobs.Wait(t.Context()) != nil {
		t.Errorf("Tag of nothing = %+v, %v", jobs, err)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

func TestWorkloadsJobStatus(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opRemediation: {platformSample(t, "remediation_status.json"), `{"reason":"x"}`, `404 {}`}})
	got, err := client.Workloads.JobStatus(t.Context(), "NSX_REMEDIATE_1")
	want := cbc.RemediationStatus{State: "FAILED", Reason: "the tag\ncould not be set", Code: "1042"}
	if err != nil || got != want || !got.Finished() || got.Successful() {
		t.Errorf("JobStatus = %+v, %v, want %+v", got, err, want)
	}
	if _, err := client.Workloads.JobStatus(t.Context(), "NSX_REMEDIATE_1"); err == nil || !strings.Contains(err.Error(), "without a status") {
		t.Errorf("JobStatus = %v, want an error", err)
	}
	if _, err := client.Workloads.JobStatus(t.Context(), "NSX_REMEDIATE_1"); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("JobStatus = %v, want ErrNotFound", err)
	}
}

func TestRemediationJobsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, srv := scripted(t, map[string][]string{opRemediation: {
			`{"status":"UNASSIGNED"}`, `{"status":"SCHEDULED"}`, `{"status":"RUNNING"}`, `{"status":"running_undelivered"}`, // two jobs, twice
			`{"status":"SUCCESSFUL","reason":"","error_code":""}`, platformSample(t, "remediation_status.json"),
		}})
		began := time.Now()
		err := client.Workloads.Jobs("A", "B").Wait(t.Context())
		failed, ok := errors.AsType[*cbc.RemediationError](err)
		if !ok || !errors.Is(err, cbc.ErrJobFailed) || errors.Is(err, cbc.ErrIncomplete) || failed.Job != "B" || failed.Retryable() {
			t.Errorf("Wait = %v, want ErrJobFailed for B", err)
		}
		if want := "cbc: workloads.wait: job B: FAILED: 1042: the tag could not be set"; err == nil || err.Error() != want {
			t.Errorf("Wait = %v, want %q", err, want)
		}
		wait(t, began, 2200*time.Millisecond, 2800*time.Millisecond) // 1 and 1.5 s
		if n := len(srv.Requests()); n != 6 {
			t.Errorf("%d calls, want 6", n)
		}
	})
}

func TestRemediationJobsWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := scripted(t, map[string][]string{opRemediation: {`403 {}`, `{"status":"RUNNING"}`}})
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		err := client.Workloads.Jobs("A", "B").Wait(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cbc.ErrIncomplete) || !errors.Is(err, cbc.ErrForbidden) || errors.Is(err, cbc.ErrJobFailed) {
			t.Errorf("Wait = %v, want the end of the context and the refusal", err)
		}
		want := "cbc: workloads.wait: job A: 403 Forbidden\ncbc: workloads.wait: job B: RUNNING: context deadline exceeded"
		if err == nil || err.Error() != want {
			t.Errorf("Wait = %v, want %q", err, want)
		}
	})
}

func TestNSXEligible(t *testing.T) {
	t.Parallel()
	for want, device := range map[string]cbc.Device{
		"": {ID: 7, DeploymentType: "WORKLOAD", NSXEnabled: true},
		`cbc: device 7 is of the deployment type "ENDPOINT", not WORKLOAD`: {ID: 7, DeploymentType: "ENDPOINT", NSXEnabled: true},
		"cbc: device 7: no NSX is registered with the appliance":           {ID: 7, DeploymentType: "WORKLOAD"},
	} {
		got := ""
		if err := device.NSXEligible(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("NSXEligible of %+v = %q, want %q", device, got, want)
		}
	}
}

func TestWorkloadsSwitch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		device := func(id, tag string) string {
			return `{"id":` + id + `,"name":"x","status":"REGISTERED","deployment_type":"WORKLOAD","nsx_enabled":true,"nsx_distributed_firewall_policy":` + tag + `}`
		}
		client, srv := scripted(t, map[string][]string{
			opDevices: {`{"num_found":7,"results":[` + strings.Join([]string{
				device("1", "null"), device("2", `"CB-NSX-Quarantine"`), device("3", `"CB-NSX-Isolate"`), device("4", `"CB-NSX-Custom"`), device("5", `"CB-NSX-Quarantine"`),
				device("6", `"CB-NSX-Unheard"`), `{"id":7,"name":"x","status":"REGISTERED","deployment_type":"ENDPOINT"}`,
			}, ",") + `]}`},
			opRemediate:   {`201 {"job_ids":["off quarantine"]}`, `201 {"job_ids":["off custom"]}`, `201 {"job_ids":["on"]}`},
			opRemediation: {`{"status":"SUCCESSFUL"}`, `{"status":"FAILED"}`, `{"status":"SUCCESSFUL"}`},
		})
		err := client.Workloads.Switch(t.Context(), cbc.NSXIsolate, 1, 2, 3, 4, 5, 6, 7, 8)
		var calls []string
		for _, r := range srv.Requests() {
			if r.Operation == opRemediate {
				calls = append(calls, string(r.Body))
			} else {
				calls = append(calls, r.Method+" "+r.Path[strings.LastIndex(r.Path[:max(0, strings.LastIndex(r.Path, "/"))], "/")+1:])
			}
		}
		want := []string{
			"POST devices/_search",
			`{"device_ids":[2,5],"action_type":"NSX_REMEDIATION","options":{"toggle":"OFF","tag":"CB-NSX-Quarantine"}}`, "GET off%20quarantine/status",
			`{"device_ids":[4],"action_type":"NSX_REMEDIATION","options":{"toggle":"OFF","tag":"CB-NSX-Custom"}}`, "GET off%20custom/status",
			"POST devices/_search", // which of them are without a tag all the same?
			`{"device_ids":[1,2,5],"action_type":"NSX_REMEDIATION","options":{"toggle":"ON","tag":"CB-NSX-Isolate"}}`, "GET on/status",
		}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if !errors.Is(err, cbc.ErrNotFound) || !errors.Is(err, cbc.ErrJobFailed) {
			t.Fatalf("Switch = %v, want ErrNotFound and ErrJobFailed among its errors", err)
		}
		for _, want := range []string{
			"cbc: devices.by_ids: device 8: not found",
			`cbc: workloads.switch: device 7: cbc: device 7 is of the deployment type "ENDPOINT", not WORKLOAD`,
			"cbc: workloads.switch: device 4: cbc: workloads.wait: job off custom: FAILED",
			`cbc: workloads.switch: device 6: "CB-NSX-Unheard" is none of the tags that the vendor sets`,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Switch = %v, want it to say %q", err, want)
			}
		}
	})
}

func TestWorkloadsSwitchLeavesNoMachineBare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		devices := func(first, second string) string {
			const form = `{"id":%d,"name":"x","status":"REGISTERED","deployment_type":"WORKLOAD","nsx_enabled":true,"nsx_distributed_firewall_policy":%s}`
			return `{"num_found":2,"results":[` + fmt.Sprintf(form, 1, first) + "," + fmt.Sprintf(form, 2, second) + `]}`
		}
		client, srv := scripted(t, map[string][]string{
			opDevices:     {devices(`"CB-NSX-Quarantine"`, `"CB-NSX-Quarantine"`), devices("null", `"CB-NSX-Quarantine"`)},
			opRemediate:   {`201 {"job_ids":["off"]}`, `201 {"job_ids":["on"]}`},
			opRemediation: {`{"status":"FAILED"}`, `{"status":"SUCCESSFUL"}`},
		})
		err := client.Workloads.Switch(t.Context(), cbc.NSXIsolate, 1, 2)
		if err == nil || !strings.Contains(err.Error(), "device 2: ") || strings.Contains(err.Error(), "device 1") {
			t.Errorf("Switch = %v, want an error for device 2 alone", err)
		}
		var last string
		for _, r := range srv.Requests() {
			if r.Operation == opRemediate {
				last = string(r.Body)
			}
		}
		if want := `{"device_ids":[1],"action_type":"NSX_REMEDIATION","options":{"toggle":"ON","tag":"CB-NSX-Isolate"}}`; last != want {
			t.Errorf("the last change is %s, want %s", last, want)
		}
	})
}

func TestWorkloadsTagIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, srv := scripted(t, map[string][]string{opRemediate: {`503 {}`, `201 {"job_ids":["A"]}`}})
		if _, err := client.Workloads.Tag(t.Context(), cbc.NSXIsolate, 7); err != nil || len(srv.Requests()) != 2 {
			t.Errorf("Tag = %v after %d calls, want it to be repeated after a %d", err, len(srv.Requests()), http.StatusServiceUnavailable)
		}
	})
}
