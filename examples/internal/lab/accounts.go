package lab

import (
	"cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// TAPAccount is a credential of the fake TAP.
type TAPAccount struct {
	Principal string `json:"principal"`
	Secret    string `json:"secret"`
}

// CBCAccount is a credential of the fake CBC.
type CBCAccount struct {
	OrgKey string `json:"org_key"`
	APIID  string `json:"api_id"`
	APIKey string `json:"api_key"`
}

// NSXAccount is a credential of the fake NSX.
type NSXAccount struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Accounts are the first credentials of each service of the world.
func Accounts(w World) (TAPAccount, CBCAccount, NSXAccount) {
	tap := TAPAccount{cmp.Or(w.TAP.Principal, proofpointtest.Principal), cmp.Or(w.TAP.Secret, proofpointtest.Secret)}
	cbc := CBCAccount{cmp.Or(w.CBC.OrgKey, cbctest.OrgKey), cbctest.KeyID, cbctest.KeySecret}
	if len(w.CBC.Keys) > 0 {
		cbc.APIID, cbc.APIKey = w.CBC.Keys[0].ID, w.CBC.Keys[0].Secret
	}
	nsx := NSXAccount{nsxtest.Username, nsxtest.Password}
	if len(w.NSX.Users) > 0 {
		nsx.Username, nsx.Password = w.NSX.Users[0].Name, w.NSX.Users[0].Password
	}
	return tap, cbc, nsx
}
