package cbc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Limits of downloads from the binary store.
const (
	// MaxDownloads is how many files one call of [Binaries.Links] asks for; more are asked for in several.
	MaxDownloads = 100
	// linkTries is how often a link is asked for that the vendor failed to make, and linkPause how long before the first repetition.
	linkTries = 5
	linkPause = time.Second
	// shortestLink is how long a link is good for at least.
	shortestLink = time.Second
)

// FileLink leads to a file of the binary store. It cannot be printed: whoever has it can read the file.
type FileLink struct {
	SHA256 [32]byte
	url    func() string
}

// URL is the address. It needs no credentials, and must be sent none.
func (l FileLink) URL() string {
	if l.url == nil {
		return ""
	}
	return l.url()
}

// FileLinks is the answer to a request for files.
type FileLinks struct {
	// Links are those of the files that the vendor has.
	Links []FileLink
	// Missing are files that it does not have. That is final.
	Missing [][32]byte
	// Failed are files for which it could not make a link, although it was asked five times.
	Failed [][32]byte
}

// Links asks for links to the files with these hashes, which are good for a while, 5 minutes if life is zero. Hashes are asked for a
// hundred at a time, and those that the vendor failed at are asked for again. It needs ubs.org.file (READ).
//
//api:op POST /ubs/v1/orgs/{org_key}/file/_download
func (b *Binaries) Links(ctx context.Context, life time.Duration, hashes ...[32]byte) (FileLinks, error) {
	const op = "binaries.links"
	if life == 0 {
		life = 5 * time.Minute
	}
	if life < shortestLink {
		return FileLinks{}, fmt.Errorf("cbc: %s: links that live for %v", op, life)
	}
	var out FileLinks
	left := unique(hashes)
	for try := 1; len(left) > 0; try++ {
		var failed [][32]byte
		for start := 0; start < len(left); start += MaxDownloads {
			part := left[start:min(start+MaxDownloads, len(left))]
			again, err := b.links(ctx, op, life, part, &out)
			if err != nil {
				return out, err
			}
			failed = append(failed, again...)
		}
		if try == linkTries {
			out.Failed = failed
			break
		}
		if len(failed) > 0 {
			if err := sleep(ctx, linkPause<<(try-1)); err != nil {
				out.Failed = failed
				return out, fmt.Errorf("cbc: %s: %w", op, err)
			}
		}
		left = failed
	}
	return out, nil
}

func unique(hashes [][32]byte) [][32]byte {
	seen := make(map[[32]byte]bool, len(hashes))
	var out [][32]byte
	for _, h := range hashes {
		if !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	return out
}

// links makes one call.
func (b *Binaries) links(ctx context.Context, op string, life time.Duration, hashes [][32]byte, out *FileLinks) (failed [][32]byte, err error) {
	body := struct {
		Hashes  []string `json:"sha256"`
		Seconds int      `json:"expiration_seconds"`
	}{make([]string, len(hashes)), int(life / time.Second)}
	for i, h := range hashes {
		body.Hashes[i] = hex.EncodeToString(h[:])
	}
	call := b.c.call(op, http.MethodPost, "/ubs/v1/orgs/{org_key}/file/_download")
	call.Body, call.Repeatable = body, true
	var answer wireFileLinks
	if err := b.c.do(ctx, call, &answer); err != nil {
		return nil, withoutAnswer(err) // whoever has a link can read the file
	}
	return answer.sort(hashes, out), nil
}

type wireFileLinks struct {
	Found []struct {
		SHA256 string `json:"sha256"`
		URL    string `json:"url"`
	} `json:"found"`
	Missing []string `json:"not_found"`
}

// sort tells what became of the hashes. One that the answer does not name counts as failed.
func (answer wireFileLinks) sort(hashes [][32]byte, out *FileLinks) (failed [][32]byte) {
	links := map[[32]byte]string{}
	for _, f := range answer.Found {
		if h, ok := parseSHA256(f.SHA256); ok && f.URL != "" {
			links[h] = f.URL
		}
	}
	missing := map[[32]byte]bool{}
	for _, text := range answer.Missing {
		if h, ok := parseSHA256(text); ok {
			missing[h] = true
		}
	}
	for _, h := range hashes {
		switch link, ok := links[h]; {
		case ok:
			out.Links = append(out.Links, FileLink{SHA256: h, url: func() string { return link }})
		case missing[h]:
			out.Missing = append(out.Missing, h)
		default:
			failed = append(failed, h)
		}
	}
	return failed
}

// Open reads the file that a link leads to while it arrives: a zip archive with the program as its member "filedata". It must be
// closed. The address must be https, or loopback; no credentials are sent to it. Take care: that file is most likely malicious.
func (b *Binaries) Open(ctx context.Context, link FileLink) (io.ReadCloser, error) {
	const op = "binaries.open"
	if link.url == nil {
		return nil, errors.New("cbc: " + op + ": the link is empty")
	}
	return b.c.rest.Fetch(ctx, op, link.url())
}
