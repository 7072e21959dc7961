// Lab serves the fakes of Proofpoint TAP, Carbon Black Cloud and NSX on one loopback port, for programs in any language.
//
//	go run ./examples/lab --listen 127.0.0.1:0 [--tls --ca-out FILE] [--world FILE] [--ready-file FILE]
//
// Without a world file it serves the made-up company of the demonstration. The ready file is JSON with the address, the authority
// and the credentials. Below /_lab: GET requests (the journal), GET state (what the world looks like now), POST faults (make calls
// fail). SIGINT and SIGTERM end it.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

type options struct {
	listen, caOut, world, ready string
	tls                         bool
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	fs := flag.NewFlagSet("lab", flag.ContinueOnError)
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `address` to listen on; port 0 chooses a free one")
	fs.BoolVar(&o.tls, "tls", false, "serve TLS with a certificate authority of its own")
	fs.StringVar(&o.caOut, "ca-out", "", "with --tls: write the authority's certificate to this `file`, as PEM")
	fs.StringVar(&o.world, "world", "", "serve the world of this JSON `file` instead of the made-up company")
	fs.StringVar(&o.ready, "ready-file", "", "write address and credentials to this `file` once calls are answered")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if o.caOut != "" && !o.tls {
		return errors.New("--ca-out has no use without --tls")
	}
	world, err := readWorld(o.world)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, o.listen)
	if err != nil {
		return err
	}
	return serve(ctx, o, world, listener, out)
}

func readWorld(path string) (lab.World, error) {
	if path == "" {
		return lab.Company(time.Now()), nil
	}
	f, err := os.Open(path) //nolint:gosec // the file that the user names
	if err != nil {
		return lab.World{}, err
	}
	defer f.Close()
	return lab.ReadWorld(f)
}

// listen takes loopback addresses only: nobody is asked who he is before he sets faults.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--listen %s: only loopback addresses, such as 127.0.0.1:0", address)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// ready is the ready file.
type ready struct {
	URL string `json:"url"`
	// CA is the path of the authority's certificate, empty without TLS or --ca-out.
	CA  string         `json:"ca"`
	TAP lab.TAPAccount `json:"tap"`
	CBC lab.CBCAccount `json:"cbc"`
	NSX lab.NSXAccount `json:"nsx"`
}

func serve(ctx context.Context, o options, world lab.World, listener net.Listener, out io.Writer) error {
	r := ready{URL: "http://" + listener.Addr().String()}
	r.TAP, r.CBC, r.NSX = lab.Accounts(world)
	server := &http.Server{Handler: lab.New(world), ReadHeaderTimeout: 10 * time.Second}
	if o.tls {
		certificate, authority, err := lab.Authority(time.Now())
		if err != nil {
			return err
		}
		r.URL = "https://" + listener.Addr().String()
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		if o.caOut != "" {
			if r.CA, err = filepath.Abs(o.caOut); err != nil {
				return err
			}
			if err := os.WriteFile(r.CA, authority, 0o644); err != nil { //nolint:gosec // a certificate is public
				return err
			}
		}
	}
	ended := make(chan error, 1)
	go func() {
		if o.tls {
			ended <- server.ServeTLS(listener, "", "")
		} else {
			ended <- server.Serve(listener)
		}
	}()
	if err := announce(o.ready, r, out); err != nil {
		_ = server.Close()
		_ = <-ended // the server was told to
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	_ = <-ended // the server was told to
	return nil
}

// announce says where the lab is. The ready file appears whole or not at all.
func announce(path string, r ready, out io.Writer) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n", text)
	if path == "" {
		return nil
	}
	temporary := path + ".part"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
