package testlab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certs are paths of PEM files: an authority, and what it has signed for a server on the
// loopback interface and for a client.
type Certs struct {
	CA                    string
	ServerCert, ServerKey string
	ClientCert, ClientKey string

	pool       *x509.CertPool
	clientPair tls.Certificate
}

// NewCerts makes certificates that last for a day.
func NewCerts(t testing.TB) *Certs {
	t.Helper()
	dir := t.TempDir()
	now := time.Now()
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "testlab"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	key := newKey(t)
	signed := func(name string, serial int64, usage x509.ExtKeyUsage) (cert, keyFile string) {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
			DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
		leafKey := newKey(t)
		der, err := x509.MarshalECPrivateKey(leafKey)
		if err != nil {
			t.Fatalf("encoding a key: %v", err)
		}
		return writePEM(t, dir, name+".crt", "CERTIFICATE", sign(t, leaf, authority, leafKey, key)),
			writePEM(t, dir, name+".key", "EC PRIVATE KEY", der)
	}
	c := &Certs{pool: x509.NewCertPool()}
	root := sign(t, authority, authority, key, key)
	c.CA = writePEM(t, dir, "ca.crt", "CERTIFICATE", root)
	parsed, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatalf("reading a certificate: %v", err)
	}
	c.pool.AddCert(parsed)
	c.ServerCert, c.ServerKey = signed("server", 2, x509.ExtKeyUsageServerAuth)
	c.ClientCert, c.ClientKey = signed("client", 3, x509.ExtKeyUsageClientAuth)
	if c.clientPair, err = tls.LoadX509KeyPair(c.ClientCert, c.ClientKey); err != nil {
		t.Fatalf("reading a certificate: %v", err)
	}
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	return key
}

func sign(t testing.TB, cert, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, by, &key.PublicKey, byKey)
	if err != nil {
		t.Fatalf("signing a certificate: %v", err)
	}
	return der
}

func writePEM(t testing.TB, dir, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatalf("writing %s: %v", name, err)
	}
	return path
}
