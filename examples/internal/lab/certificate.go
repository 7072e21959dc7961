package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority makes a certificate authority and a certificate of it for localhost, 127.0.0.1, ::1 and the given addresses, both
// valid for a day. The PEM of the authority is what a client has to trust.
func Authority(now time.Time, addresses ...net.IP) (server tls.Certificate, authority []byte, err error) {
	ca := template("pphunt lab authority", now, 1)
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return server, nil, fmt.Errorf("lab: %w", err)
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return server, nil, fmt.Errorf("lab: %w", err)
	}
	// Only the certificate as it was made has the key's identifier, which strict clients want to find in what it signs.
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return server, nil, fmt.Errorf("lab: %w", err)
	}
	leaf := template("pphunt lab", now, 2)
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, addresses...)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return server, nil, fmt.Errorf("lab: %w", err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &leafKey.PublicKey, caKey)
	if err != nil {
		return server, nil, fmt.Errorf("lab: %w", err)
	}
	server = tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}
	return server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), nil
}

func template(name string, now time.Time, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
	}
}
