// Package nsx is a client of VMware NSX: it finds virtual machines and tags them, so that a group of the distributed firewall can
// isolate them. It speaks the manager API of NSX-T 3.x, NSX 4.x and 9.x.
//
//	client, err := nsx.New(nsx.Config{
//		BaseURL:     "https://nsx.lab.example",
//		Credentials: nsx.Session("svc-quarantine@corp.example", password),
//	})
//	if err != nil {
//		return err
//	}
//	defer client.Close(ctx)
//	vm, err := client.VirtualMachines.Find(ctx, nsx.Host{Name: `CORP\FIN-WS-0142`})
//	if err != nil {
//		return err // none, or several: never a guess
//	}
//	return client.VirtualMachines.AddTags(ctx, vm.ExternalID, nsx.Tag{Scope: "quarantine", Tag: "malicious-file"})
//
// Managers come with certificates of their own making. Their authority, or the certificate itself, goes into the RootCAs of the
// transport in [Config.HTTPClient]; nothing here turns the check off.
//
// # Errors
//
// An answer without success is an [*APIError]; [errors.Is] with [ErrNotFound], [ErrUnauthorized], [ErrForbidden] and their like
// says what it means. A name that several machines have is an [*AmbiguousError], which lists them. Errors of the network and of
// contexts stay what they are. No error holds a credential, an address or a header.
//
// # Retries
//
// Everything here can be done twice without harm: reading, and adding, removing or setting tags. So every call is repeated after
// connection errors and 500, 502, 503 and 504, up to [Config.Attempts] times, and after 429. Pauses are random and growing. No
// call waits longer than its context allows.
//
// Credentials are the exception. The vendor locks an account for fifteen minutes after five refusals in as long a time, for
// everybody who uses it. A client therefore sends its first call alone, logs in again at most once for a call, and after a
// refusal answers every call itself for five minutes, with that refusal.
//
// # Concurrency
//
// A [Client] and its parts may be used by any number of goroutines at once. An iterator belongs to one goroutine.
//
// # Why odd things are so
//
// Tags are added and removed with the manager API, though most of NSX is configured through the Policy API: the calls of the latter
// replace all tags of a machine, and with them those that other rules of the firewall rely on.
//
// A tag isolates nothing by itself. A group has to ask for it, as "scope|tag", or "|tag" for one without a scope, a rule has to
// use the group, and the machine must not be on the exclude list of the firewall.
package nsx
