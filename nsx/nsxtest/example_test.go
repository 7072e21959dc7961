package nsxtest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// A machine is tagged without any client of this module, and is in the group that the tag stands for.
func Example() {
	srv := nsxtest.New(nsxtest.World{
		VMs:    []nsxtest.VM{{Name: "fin-ws-0142", ExternalID: "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94", Tags: []nsxtest.Tag{{Scope: "owner", Tag: "finance"}}}},
		Groups: []nsxtest.Group{{ID: "quarantined", Conditions: []nsxtest.Condition{{Value: "quarantine|malicious-file"}}}},
	})
	body := `{"external_id": "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94", "tags": [{"scope": "quarantine", "tag": "malicious-file"}]}`
	for _, password := range []string{"wrong", nsxtest.Password} {
		req, err := http.NewRequest(http.MethodPost, nsxtest.URL+"/api/v1/fabric/virtual-machines?action=add_tags", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.SetBasicAuth(nsxtest.Username, password)
		res, err := srv.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = res.Body.Close()
		fmt.Println(res.StatusCode)
	}
	for _, vm := range srv.State().VMs {
		fmt.Println(vm.Name, vm.Tags, vm.Groups)
	}

	// Output:
	// 403
	// 204
	// fin-ws-0142 [{owner finance} {quarantine malicious-file}] [quarantined]
}
