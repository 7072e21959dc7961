package nsxtest

import (
	"fmt"
	"strings"
)

// Fixtures returns machines that trip clients: without tags, with a tag that has only a scope, two of one name in several
// spellings of case, one that is listed twice, an edge node of the same name as a workstation, one without guest information,
// one that is stopped, one with as many tags as it can have, and names with characters that must be escaped.
func Fixtures() []VM {
	full := make([]Tag, defaultTagLimit)
	for i := range full {
		full[i] = Tag{Scope: "scope", Tag: fmt.Sprintf("tag-%02d", i)}
	}
	return []VM{
		{
			Name: "fin-ws-0142", ComputerName: "FIN-WS-0142.corp.example", OS: "Microsoft Windows 10 (64-bit)", Tags: []Tag{{"owner", "finance"}},
			ExternalID: "50217c3e-4b1d-9a60-2f77-c1d20e8a5b94", BIOSUUID: "4221e0aa-97c4-1b3f-8d52-6f0e13b7a2c8",
			VIFs: []VIF{{MAC: "00:50:56:a1:0b:3c", LPort: "5f0c7a9e-2d41-4f6b-a0e3-7b1c9d84e250", IPs: []string{"10.20.30.42", "fe80::250:56ff:fea1:b3c"}}},
		},
		{Name: "no-tags", ComputerName: "no-tags"},
		{Name: "scope-only", ComputerName: "scope-only.corp.example", Tags: []Tag{{Scope: "testscope"}}},
		{Name: "web", ComputerName: "WEB-A.corp.example"},
		{Name: "web", ComputerName: "WEB-B.corp.example"},
		{Name: "Web", ComputerName: "WEB-C.corp.example"},
		{Name: "web-2", ComputerName: "WEB-2.corp.example"},
		{Name: "moving", ComputerName: "moving.corp.example", TwinHost: madeUpID("other host")},
		{Name: "edge-01", ComputerName: "edge-01.corp.example"},
		{Name: "edge-01", Type: "EDGE"},
		{Name: "no-tools"},
		{Name: "stopped", ComputerName: "stopped", PowerState: "VM_STOPPED"},
		{Name: "many-tags", ComputerName: "many-tags", Tags: full},
		{Name: `R&D + "test" #1/2 100% wörk 本`, ComputerName: "rd-test-1"},
		{Name: "a-computer-name-of-more-than-fifteen", ComputerName: "a-computer-name-of-more-than-fifteen.corp.example"},
		{
			Name: "upper-case-ids", ComputerName: "upper-case-ids", ExternalID: strings.ToUpper(madeUpID("upper case")),
			Tags: []Tag{{"Quarantine", "Legacy"}, {"", "legacy"}},
		},
	}
}

// Many returns n machines named vm-0000 and so on, for lists of several pages.
func Many(n int) []VM {
	out := make([]VM, n)
	for i := range out {
		name := fmt.Sprintf("vm-%04d", i)
		out[i] = VM{Name: name, ComputerName: strings.ToUpper(name) + ".corp.example"}
	}
	return out
}
