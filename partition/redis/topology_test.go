package redis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// TestSentinel: the master dies, and the members meet at the one that was a replica.
func TestSentinel(t *testing.T) {
	t.Parallel()
	master := testlab.StartRedis(t, testlab.RedisOptions{})
	replica := testlab.StartReplica(t, master)
	sentinel := testlab.StartSentinel(t, "ring meter", master, "s3cret")
	url := fmt.Sprintf("redis://127.0.0.1:1?sentinel=ring%%20meter&sentinel_fallback=%s&sentinel_password=s3cret", sentinel.Addr())
	s := open(t, url).Group("g")
	c := join(t, s, "m")
	begin(t, s, c)
	if !strings.Contains(master.Do(t, "INFO", "keyspace").(string), "db0") {
		t.Fatal("the group is not at the master")
	}
	master.Do(t, "WAIT", 1, 10_000) // so that the replica knows the group
	master.Kill(t)
	if _, err := s.Beat(t.Context(), heartbeat("m")); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("beating at a dead master: error %v", err)
	}
	replica.AwaitInfo(t, "replication", "role:master")
	sentinel.AwaitMaster(t, "ring meter", replica)
	again := heartbeat("m")
	again.Caller, again.Epoch = c, 1
	if told, err := s.Beat(t.Context(), again); err != nil || told.Status != steps.OK || told.Era != c.Era {
		t.Errorf("beating at the new master: %+v, error %v", told, err)
	}
	if _, err := open(t, strings.Replace(url, "ring%20meter", "other", 1)).Group("g").Look(t.Context()); err == nil ||
		!strings.Contains(err.Error(), `for master "other": it knows no master of that name`) {
		t.Errorf("another name: error %v", err)
	}
}

// TestDemotedMaster: who has become a replica is asked once more and no longer.
func TestDemotedMaster(t *testing.T) {
	t.Parallel()
	master := testlab.StartRedis(t, testlab.RedisOptions{})
	replica := testlab.StartReplica(t, master)
	sentinel := testlab.StartSentinel(t, "m", master, "")
	s := open(t, "redis://"+sentinel.Addr()+"?sentinel=m").Group("g")
	join(t, s, "m")
	host, port, _ := strings.Cut(replica.Addr(), ":")
	replica.Do(t, "REPLICAOF", "NO", "ONE")
	master.Do(t, "REPLICAOF", host, port)
	sentinel.Do(t, "SENTINEL", "REMOVE", "m")
	sentinel.Do(t, "SENTINEL", "MONITOR", "m", host, port, 1)
	_, _ = s.Beat(t.Context(), heartbeat("m")) // finds its connection closed, or a replica
	join(t, s, "m")
}

// TestCluster: groups of all names work, each on one node, also after their slot has moved.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := testlab.StartCluster(t, 3)
	b := open(t, nodes[0].URL()+"?cluster=true&cluster_node="+nodes[1].Addr())
	for _, group := range []string{"g", "", "{a}b", "}", "%7D", "a:b", "c", "d", "e"} {
		visit(t, b.Group(group))
	}
	slot := nodes[0].Do(t, "CLUSTER", "KEYSLOT", "{moved}")
	owner := 0
	for i := range nodes {
		if slot.(int64) >= int64(i*16384/3) {
			owner = i
		}
	}
	to := nodes[(owner+1)%3].Do(t, "CLUSTER", "MYID")
	for i := range nodes {
		nodes[(owner+1+i)%3].Do(t, "CLUSTER", "SETSLOT", slot, "NODE", to) // the new owner first
	}
	visit(t, b.Group("moved"))

	nodes[owner].Pause(t)
	defer nodes[owner].Resume(t)
	others := open(t, nodes[(owner+1)%3].URL()+"?cluster=true&socket_timeout=0.5").Group("moved")
	var err error
	for range 5 { // the frozen node may be asked for the map first
		if _, err = others.Look(t.Context()); err == nil {
			return
		}
	}
	t.Errorf("asking beside a frozen node: %v", err)
}
