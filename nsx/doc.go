// Package nsx is a client of VMware NSX: it finds virtual machines and tags them, so that a group of the distributed firewall can
// isolate them, and it tells whether one does. It speaks the manager API and the Policy API of NSX-T 3.x, NSX 4.x and 9.x, and as much
// as there is of them on VMware Cloud.
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
// # Credentials
//
// [Session] logs in once and again when the manager has forgotten the session; [Basic] sends the password with each call, which is slow
// for accounts of a directory. [ClientCertificate] is for principal identities, [Bearer] and [BearerFunc] for VMware Cloud, [Remote]
// and [RemoteSession] for directory accounts of early releases. All are held where printing does not reach them.
//
// # Two APIs
//
// The manager API ([Client.VirtualMachines], [Client.Interfaces]) has the inventory: it can be asked for one machine, and it can add a
// tag and leave the others alone. The Policy API has the rest: groups, rules, tags in use, jobs. It is divided into spaces, the default
// one ([Client.Policy]) and the projects ([Client.Project]). Its calls for one machine replace all tags at once.
//
//	to tag one machine                  client.VirtualMachines.AddTags
//	and be sure that it has the tag     client.VirtualMachines.ChangeTags
//	to tag many                         client.Policy.Tags.Start
//	in a project                        client.Project(id).VirtualMachines.AddTags
//	on VMware Cloud                     client.Policy.VirtualMachines.AddTags, with Config.EnforcementPoint
//
// Where tags can only be replaced, which includes managers of the 2.x releases, [PolicyVMs.AddTags] and its like read the tags, write
// them with the change, and look whether it holds. Goroutines of one client take turns. Of others who write at the same moment it learns
// only by looking: it tries again, and gives up with a [*TagConflictError]. [Tags.Start] leaves that to the manager, who answers before
// anything is done: see [TagJob.Wait].
//
// # Does the tag isolate?
//
// A tag isolates nothing by itself. A group has to ask for it, as "scope|tag", or "|tag" for one of any scope; an enabled rule that
// drops or rejects has to use the group; the machine must not be on the exclude list of the firewall; and its interfaces must be in
// networks that NSX manages. [Space.IsolationOf] puts this together for one machine, [Space.Isolation] for any, and both say why the
// answer is not yes. They read and change nothing. What they cannot decide is [Unknown]: an answer of yes or no is one that the vendor
// documents. Of the rules that come before, those that let everything through count, those that let a part through do not. The rules of
// other spaces are not looked at.
//
// [Groups.WaitFor] looks at what the manager has made of a tag, which takes it some seconds.
//
// # Errors
//
// An answer without success is an [*APIError]; [errors.Is] with [ErrNotFound], [ErrUnauthorized], [ErrForbidden] and their like
// says what it means. A name that several machines have is an [*AmbiguousError], which lists them. A change of tags that others undo is
// a [*TagConflictError], a machine that failed in a job a [*TagResultError], a job that nobody waits for any more an
// [*UnfinishedError]. Errors of the network and of contexts stay what they are. No error holds a credential, an address or a header.
//
// # Retries
//
// Everything here can be done twice without harm: reading, and adding, removing or setting tags. So every call is repeated after
// connection errors and 500, 502, 503 and 504, up to [Config.Attempts] times, and after 429; a search also while the manager builds its
// index. Pauses are random and growing. No call waits longer than its context allows. A write that is part of reading, changing and
// writing is not repeated as it is: the tags are read anew first.
//
// Credentials are the exception. The vendor locks an account for fifteen minutes after five refusals in as long a time, for
// everybody who uses it. A client with a password therefore sends its first call alone, logs in again at most once for a call, and
// after a refusal answers every call itself for five minutes, with that refusal. Where the password is in each call, four are under way
// at once at most, and after four refusals it waits until the vendor has forgotten the first of them.
//
// # Concurrency
//
// A [Client] and its parts may be used by any number of goroutines at once. An iterator belongs to one goroutine.
//
// # Testing
//
// Code that uses this package can be tested in three ways, each of which is an example below:
//
//   - one call: take it as a function; the method value client.VirtualMachines.List fits, and so does any function of a test
//     (Example_testingWithAFunc);
//   - a few calls: declare an interface with those methods where they are used; the parts of a [Client] are structs and satisfy it
//     (Example_testingWithAnInterface);
//   - the behavior of the whole, with sessions, groups and time: give the real client the fake of package nsxtest, which runs in the
//     same process or on a socket (Example_testingWithTheFake).
//
// # Why odd things are so
//
// The Policy list of machines says neither how many there are nor how to go on, and comes in another order each time unless one is asked
// for. It is read in the order of the ids, by the number of rows read so far, until a page is empty. Releases that send a cursor or a
// count are taken at their word.
//
// Whether "scope|" asks for any value of the scope, what "not equal" means for a machine with several tags, and whether AND binds closer
// than OR is not documented. Where readings differ, the answer is [Unknown].
//
// A 400 to add_tags can have many reasons, and what a manager answers that does not know the action is not documented. So the manager is
// asked for its version, once, and tags are replaced only on one that says it is older than 3.0.
package nsx
