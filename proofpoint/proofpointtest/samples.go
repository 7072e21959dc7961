package proofpointtest

// Samples returns evidence of every type: those of the documentation, and those that only the wire has. Members that are
// spelled in two ways, numbers and strings or booleans and counts, come in both. It is meant for [Report.Evidence].
func Samples() []Evidence {
	const (
		sha = "80e83a5fdf45abbeb5053a8c161911b27e3fda5fd1d9503e673137cca33e36fd"
		md5 = "c1d8df68c05d8f05a6642849e3ce0258"
	)
	win := []Platform{{Name: "Win10", OS: "win", Version: "win10"}}
	type what = map[string]any
	return []Evidence{
		{
			Type: "attachment", Display: "Attachment " + sha[:8], Engine: "av", Malicious: true, Platforms: []Platform{{Name: "pps", OS: "pps"}},
			What: what{"sha256": sha, "md5": md5, "blacklisted": 1, "offset": 0, "rule": "stealer_zip", "size": 58112},
		},
		{Type: "attachment", Display: "Attachment without hashes", Platforms: []Platform{{Name: "static"}}, What: what{"blacklisted": false}},
		{Type: "behavior", Display: "Reads saved passwords", Engine: "iee", Malicious: true, Platforms: win, What: what{"rule": "reads_credentials", "path": `C:\Users\%USER%\AppData`, "key": `HKCU\Software\Example`, "url": "http://c2.example/"}},
		{Type: "cookie", Display: "Sets a cookie", Platforms: win, What: what{"action": "set", "domain": "c2.example", "key": "sid", "value": "1"}},
		{Type: "dns", Display: "Looks up c2.example", Engine: "iee", Platforms: win, What: what{"host": "c2.example", "cnames": []string{"edge.c2.example"}, "ips": []string{"203.0.113.200"}, "nameservers": []string{"ns1.c2.example"}, "nameserversList": []string{"198.51.100.53"}}},
		{Type: "domains", Display: "Knows c2.example", Platforms: win, What: what{"domain": "c2.example"}},
		{Type: "dropper", Display: "Drops a program", Malicious: true, Platforms: win, What: what{"path": `C:\Users\%USER%\a.exe`, "rule": "dropper_zip", "url": "http://c2.example/a.exe"}},
		{Type: "file", Display: "Creates a.exe", Engine: "iee", Malicious: true, Platforms: win, What: what{"action": "create", "path": `C:\Users\%USER%\a.exe`, "md5": md5, "sha256": sha, "size": 58112, "rule": "writes_program"}},
		{Type: "ids", Display: "ET TROJAN Example", Platforms: win, What: what{"name": "ET TROJAN Example", "signatureId": 2019714}},
		{Type: "idsrule", Display: "ET POLICY Example", Platforms: win, What: what{"name": "ET POLICY Example", "signatureId": "2019715"}},
		{Type: "mutex", Display: "Holds a mutex", Platforms: win, What: what{"name": "ExampleStealer", "path": `\BaseNamedObjects`}},
		{Type: "network", Display: "Contacts 203.0.113.200", Engine: "iee", Malicious: true, Platforms: win, What: what{"ip": "203.0.113.200", "port": 443, "type": "tcp", "action": "connect"}},
		{Type: "network", Display: "Contacts c2.example", Platforms: win, What: what{"domain": "c2.example", "port": "8443"}},
		{Type: "network", Display: "Contacts 203.0.113.201", Note: "no port was seen", Platforms: win, What: what{"ip": "203.0.113.201"}},
		{Type: "process", Display: "Starts a.exe", Engine: "iee", Malicious: true, Platforms: win, What: what{"action": "create", "path": `"C:\Users\%USER%\a.exe" /quiet`}},
		{Type: "registry", Display: "Starts with the session", Malicious: true, Platforms: win, What: what{"action": "set", "key": `HKCU\Software\Microsoft\Windows\CurrentVersion\Run`, "name": "a", "value": `C:\Users\%USER%\a.exe`, "rule": "run_key"}},
		{Type: "screenshot", Display: "Screenshot", Platforms: win, What: what{"url": "https://threatinsight.proofpoint.com/screenshots/1.png"}},
		{Type: "url", Display: "Fetches http://c2.example/a.exe", Engine: "static", Malicious: true, Platforms: []Platform{{Name: "static", OS: "static"}}, What: what{"url": "http://c2.example/a.exe", "blacklisted": true, "ip": "203.0.113.200", "httpStatus": 200, "md5": md5, "sha256": sha, "size": 58112, "offset": 0, "rule": "fetches_program"}},
		{Type: "url", Display: "Fetches http://cdn.example/", Platforms: win, What: what{"url": "http://cdn.example/", "blacklisted": 0}},
		{Type: "policy", Display: "Uses a macro", Platforms: win, What: what{"rule": "macro", "path": "word/vbaProject.bin"}},
		{Type: "redirect_chain", Display: "Redirects twice", Platforms: win, What: what{"url": "http://r.example/", "httpStatus": 302, "blacklisted": 2}},
		{Type: "newly_invented", Display: "Something new", Platforms: win, What: what{"anything": []any{1, "two", nil}}},
	}
}
