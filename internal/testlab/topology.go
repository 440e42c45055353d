package testlab

import (
	"fmt"
	"testing"
)

// StartReplica runs a server that copies another and waits until it has.
func StartReplica(t testing.TB, of *Redis) *Redis {
	t.Helper()
	r := StartRedis(t, RedisOptions{Args: []string{"--replicaof", "127.0.0.1", of.port}})
	r.AwaitInfo(t, "replication", "master_link_status:up")
	return r
}

// StartSentinel runs a Sentinel that decides alone about a master after half a second of
// silence, and waits until it knows of a replica. A password is the Sentinel's own.
func StartSentinel(t testing.TB, name string, master *Redis, password string) *Redis {
	t.Helper()
	conf := fmt.Sprintf("sentinel monitor %q 127.0.0.1 %s 1\nsentinel down-after-milliseconds %q 500\nsentinel failover-timeout %q 3000\n",
		name, master.port, name, name)
	s := StartRedis(t, RedisOptions{sentinel: conf, Password: password})
	s.AwaitInfo(t, "sentinel", "slaves=1")
	return s
}

// AwaitMaster waits until a Sentinel says that r is the master of that name.
func (s *Redis) AwaitMaster(t testing.TB, name string, r *Redis) {
	t.Helper()
	s.process.await(t, "the sentinel names another master", func() bool {
		answer, err := s.TryDo(t.Context(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
		address, ok := answer.([]any)
		return err == nil && ok && len(address) == 2 && address[1] == r.port
	})
}

// StartCluster runs a Cluster of n masters that share the slots and waits until all of
// them see it whole.
func StartCluster(t testing.TB, n int) []*Redis {
	t.Helper()
	const slots = 16384
	nodes := make([]*Redis, n)
	for i := range nodes {
		nodes[i] = StartRedis(t, RedisOptions{Args: []string{"--cluster-enabled", "yes", "--cluster-port", freePort(t)}})
		nodes[i].Do(t, "CLUSTER", "ADDSLOTSRANGE", i*slots/n, (i+1)*slots/n-1)
		if i > 0 {
			first := nodes[0]
			nodes[i].Do(t, "CLUSTER", "MEET", "127.0.0.1", first.port, first.options.Args[3])
		}
	}
	for _, node := range nodes {
		node.await(t, "the cluster is whole", "cluster_state:ok", "CLUSTER", "INFO")
	}
	return nodes
}
