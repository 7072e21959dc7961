package cbchunt_test

import (
	"context"
	"fmt"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

// One file ran, another was only written by a mail client.
func Example() {
	invoice, list := hunt.SHA256{1}, hunt.SHA256{2}
	srv := cbctest.New(cbctest.World{
		Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: time.Millisecond, Duration: time.Millisecond}},
		Devices:  []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Processes: []cbctest.Process{
			{DeviceID: 7, Name: `C:\Users\kim\invoice.exe`, Hashes: []string{invoice.String()}},
			{DeviceID: 7, Name: `C:\Office\mail.exe`, Touched: map[string][]string{"filemod_hash": {list.String()}}},
		},
	})
	client, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(cbctest.KeyID, cbctest.KeySecret), HTTPClient: srv.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	searcher, err := cbchunt.New(cbchunt.Config{Processes: client.Processes})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch := []hunt.Indicator{{SHA256: invoice}, {SHA256: list}}
	for s, err := range searcher.Search(context.Background(), batch, time.Now().Add(-24*time.Hour)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(s.Device.Name, s.Process.Path, s.Evidence)
	}
	// Output:
	// lab-7 c:\users\kim\invoice.exe executed
	// lab-7 c:\office\mail.exe touched
}
