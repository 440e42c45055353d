package telemetry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

// The hash is that of "fakepassword", at the lowest cost.
const usersConfig = "basic_auth_users:\n  operator: $2a$04$eesd2aDAylQ4OBpktHl2AOr6GBbnNITsXqfbYe6sbnf7fYjJmicue\n"

const tlsConfig = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"

// writeConfig makes a web config file beside a key and a self-signed certificate that is
// its own authority, for the server as for a client.
func writeConfig(t *testing.T, config string) (file string, cert tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ringmeter"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	file = filepath.Join(dir, "web.yml")
	for name, content := range map[string][]byte{"cert.pem": certPEM, "key.pem": keyPEM, "web.yml": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if cert, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return file, cert, pool
}

// secured starts a server with TLS whose client trusts it.
func secured(t *testing.T, config string, clientCert bool) *running {
	t.Helper()
	file, cert, pool := writeConfig(t, config)
	r := start(t, telemetry.Options{WebConfigFile: file, Listen: []string{anyPort, anyPort}})
	c := &tls.Config{RootCAs: pool}
	if clientCert {
		c.Certificates = []tls.Certificate{cert}
	}
	r.client.Transport, r.scheme = &http.Transport{TLSClientConfig: c}, "https"
	return r
}

func TestTLSAndBasicAuth(t *testing.T) {
	r := secured(t, tlsConfig+usersConfig, false)
	for _, c := range []struct {
		name, user, password string
		code                 int
	}{
		{"nobody", "", "", 401},
		{"wrong password", "operator", "guess", 401},
		{"wrong user", "root", "fakepassword", 401},
		{"right", "operator", "fakepassword", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+r.Addrs()[1].String()+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.user != "" {
				req.SetBasicAuth(c.user, c.password)
			}
			resp, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != c.code {
				t.Errorf("%d, want %d", resp.StatusCode, c.code)
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	const config = tlsConfig + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: cert.pem\n"
	with := secured(t, config, true)
	if resp, _ := with.do(t, "GET", "/-/healthy"); resp.StatusCode != 200 {
		t.Errorf("with a certificate: %d", resp.StatusCode)
	}
	without := secured(t, config, false)
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+without.Addrs()[0].String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := without.client.Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("without a certificate: %d", resp.StatusCode)
	}
}

func TestHeadersOfTheConfigWin(t *testing.T) {
	r := secured(t, tlsConfig+"http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n", false)
	if resp, _ := r.do(t, "GET", "/"); resp.Header.Get("X-Frame-Options") != "sameorigin" {
		t.Errorf("X-Frame-Options: %q", resp.Header.Get("X-Frame-Options"))
	}
}

func TestBrokenWebConfigFailsAtStart(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"unknown key", "tls_server:\n  cert_file: x\n", "field tls_server not found"},
		{"no such certificate", "tls_server_config:\n  cert_file: gone.pem\n  key_file: key.pem\n", "gone.pem"},
		{"password in clear", "basic_auth_users:\n  operator: secret\n", "bcrypt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, _, _ := writeConfig(t, c.config)
			reg := prometheus.NewPedanticRegistry()
			_, err := telemetry.New(telemetry.Options{WebConfigFile: file, Gatherer: reg, Registerer: reg, Logger: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.HasPrefix(err.Error(), "reading "+file+" (--web.config.file): ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}
