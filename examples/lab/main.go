// Lab serves the fakes of Proofpoint TAP, Carbon Black Cloud and NSX on one loopback port, for programs in any language.
//
//	go run ./examples/lab --listen 127.0.0.1:0 [--tls --ca-out FILE] [--world FILE] [--ready-file FILE] [--credentials-out FILE]
//
// Without a world file it serves the made-up company of the demonstration. The ready file is JSON with the address, the authority
// and the credentials. Below /_lab: GET requests (the journal), GET state (what the world looks like now), POST faults (make calls
// fail) and DELETE faults (no more of it). SIGINT and SIGTERM end it. README.md has the details.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
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
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "%v; --help lists the flags\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "%v\n", err)
		os.Exit(1)
	}
}

// errUsage is the cause where the flags make no sense.
var errUsage = errors.New("lab")

type options struct {
	listen, caOut, world, ready, profile string
	tls                                  bool
}

func run(ctx context.Context, args []string, out, complaints io.Writer) error {
	o, err := parse(args, complaints)
	if err != nil {
		return err
	}
	world, err := readWorld(o.world)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, o.listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed already, unless there was no serving
	return serve(ctx, o, world, listener, out, complaints)
}

func parse(args []string, help io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("lab", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `address` to listen on; port 0 chooses a free one")
	fs.BoolVar(&o.tls, "tls", false, "serve TLS with a certificate authority of its own")
	fs.StringVar(&o.caOut, "ca-out", "", "with --tls: write the authority's certificate to this `file`, as PEM (default: a temporary file)")
	fs.StringVar(&o.world, "world", "", "serve the world of this JSON `file` instead of the made-up company")
	fs.StringVar(&o.ready, "ready-file", "", "write address and credentials to this `file` once calls are answered; it goes when the lab ends")
	fs.StringVar(&o.profile, "credentials-out", "", "write the CBC credentials to this `file` in the form of credentials.cbc; it goes when the lab ends")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(help)
		fs.Usage()
		return o, err
	case err != nil:
		return o, fmt.Errorf("%w: %w", errUsage, err)
	case fs.NArg() > 0:
		return o, fmt.Errorf("%w: unexpected argument %q", errUsage, fs.Arg(0))
	case o.caOut != "" && !o.tls:
		return o, fmt.Errorf("%w: --ca-out has no use without --tls", errUsage)
	}
	return o, nil
}

func readWorld(path string) (lab.World, error) {
	if path == "" {
		return lab.Company(time.Now()), nil
	}
	f, err := os.Open(path) //nolint:gosec // the file that the user names
	if err != nil {
		return lab.World{}, fmt.Errorf("lab: --world: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return lab.ReadWorld(f, time.Now())
}

// listen takes loopback addresses only: nobody is asked who he is before he sets faults.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: --listen: %w", errUsage, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%w: --listen %s: only loopback addresses, such as 127.0.0.1:0", errUsage, address)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("lab: --listen: %w", err)
	}
	return listener, nil
}

// ready is the ready file.
type ready struct {
	URL string `json:"url"`
	// CA is the path of the authority's certificate, empty without TLS.
	CA  string         `json:"ca"`
	TAP lab.TAPAccount `json:"tap"`
	CBC lab.CBCAccount `json:"cbc"`
	NSX lab.NSXAccount `json:"nsx"`
}

func serve(ctx context.Context, o options, world lab.World, listener net.Listener, out, complaints io.Writer) error {
	r := ready{URL: "http://" + listener.Addr().String()}
	r.TAP, r.CBC, r.NSX = lab.Accounts(world)
	server := &http.Server{Handler: lab.New(world), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(complaints, "lab: ", 0)}
	if o.tls {
		certificate, path, remove, err := certify(o.caOut, listener.Addr())
		if err != nil {
			return fmt.Errorf("lab: --ca-out: %w", err)
		}
		defer remove()
		r.URL, r.CA = "https://"+listener.Addr().String(), path
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	remove, err := writeProfile(o.profile, r)
	if err != nil {
		return fmt.Errorf("lab: --credentials-out: %w", err)
	}
	defer remove()
	var served error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if o.tls {
			served = server.ServeTLS(listener, "", "")
		} else {
			served = server.Serve(listener)
		}
	}()
	withdraw, err := announce(o.ready, r, out)
	if err != nil {
		_ = server.Close()
		<-ended
		return fmt.Errorf("lab: --ready-file: %w", err)
	}
	defer withdraw()
	select {
	case <-ended:
		return fmt.Errorf("lab: %w", served)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	<-ended
	return nil
}

// certify makes a certificate for the address, and writes the authority's to a file: a temporary one, which remove deletes, unless
// a path is given.
func certify(path string, address net.Addr) (certificate tls.Certificate, file string, remove func(), err error) {
	var ips []net.IP
	if tcp, ok := address.(*net.TCPAddr); ok {
		ips = append(ips, tcp.IP)
	}
	certificate, authority, err := lab.Authority(time.Now(), ips...)
	if err != nil {
		return certificate, "", nil, err
	}
	if path != "" {
		if file, err = filepath.Abs(path); err != nil {
			return certificate, "", nil, err
		}
		return certificate, file, func() {}, os.WriteFile(file, authority, 0o644) //nolint:gosec // a certificate is public
	}
	f, err := os.CreateTemp("", "pphunt-lab-ca-*.pem")
	if err != nil {
		return certificate, "", nil, err
	}
	remove = func() { _ = os.Remove(f.Name()) }
	if _, err = f.Write(authority); err == nil {
		err = f.Close()
	}
	if err != nil {
		remove()
	}
	return certificate, f.Name(), remove, err
}

// announce says where the lab is. The ready file appears whole or not at all, and withdraw removes it, so that nobody waits for a
// lab and finds the address of the last one.
func announce(path string, r ready, out io.Writer) (withdraw func(), err error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false) // passwords stay readable
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return nil, err
	}
	text := buffer.Bytes()
	if path != "" {
		temporary := path + ".part"
		if err := os.WriteFile(temporary, text, 0o600); err != nil {
			return nil, err
		}
		if err := os.Rename(temporary, path); err != nil {
			return nil, errors.Join(err, os.Remove(temporary))
		}
	}
	fmt.Fprintf(out, "%s", text)
	return func() {
		if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, text) { //nolint:gosec // the file that the user names
			_ = os.Remove(path)
		}
	}, nil
}
