// Package testlab runs real servers for tests: Redis alone, with Sentinels and as a
// Cluster, and a proxy that can fall silent. Everything listens on the loopback interface
// at a port of its own, so that tests run in parallel, and ends with the test.
//
// A server that is not installed fails the test; scripts/setup.sh installs it. The
// environment variable REDIS_SERVER names another binary, of Valkey for example.
package testlab
