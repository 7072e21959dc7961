// Package proofpointhunt makes a Proofpoint TAP client a source of condemned files.
//
//	source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: true})
//	if err != nil {
//		return err
//	}
//	hunter, err := hunt.New(hunt.Config{Source: source, Searcher: searcher})
//
// # Which part is condemned
//
// A record lists every part of a mail, and at most some are bad: logos and signatures are in clean mail everywhere. A verdict
// counts if it is about an attachment, is active, and has one of the configured classifications. Then, in this order:
//
//   - A file is condemned if a verdict that counts names its hash. The hash need not belong to a part: nearly empty records
//     have none, and a file in an archive is none.
//   - If a verdict that counts names no part, attachments that the sandbox itself condemned are what it is about, unless
//     another verdict is about them.
//   - A verdict that was cleared or taken back protects the file that it names, unless a later one that counts condemns it
//     anew.
//
// Nothing else is condemned. Everything else is left alone and said to be, with a reason.
//
// # Errors
//
// Errors are those of package proofpoint. A record that cannot be read costs only itself and is reported at the end.
package proofpointhunt
