package redis_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// BenchmarkBeat is a heartbeat in a group of n members with nothing new.
func BenchmarkBeat(b *testing.B) {
	for _, n := range []int{3, 100, 1000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			server := testlab.StartRedis(b, testlab.RedisOptions{})
			s := open(b, server.URL()).Group("g")
			beats := make([]steps.Beat, n)
			for i := range beats {
				beats[i] = heartbeat(fmt.Sprintf("member-%d", i))
				beats[i].TTL = time.Hour
				beats[i].Caller = join(b, s, beats[i].ID)
				beats[i].Epoch = uint64(n)
			}
			server.Do(b, "CONFIG", "RESETSTAT")
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				told, err := s.Beat(b.Context(), beats[i%n])
				took = append(took, time.Since(start))
				if err != nil || told.Status != steps.OK || told.View != nil {
					b.Fatalf("%+v, error %v", told, err)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "p99-µs")
			b.ReportMetric(redisTime(b, server)/float64(b.N), "redis-µs/op")
		})
	}
}

// BenchmarkCycle claims and finishes the largest ring in batches.
func BenchmarkCycle(b *testing.B) {
	const partitions, batch = 4093, 256
	server := testlab.StartRedis(b, testlab.RedisOptions{})
	s := open(b, server.URL()).Group("g")
	turn := begin(b, s, join(b, s, "m"))
	all := make([]int, partitions)
	for p := range all {
		all[p] = p
	}
	server.Do(b, "CONFIG", "RESETSTAT")
	for i := 0; b.Loop(); i++ {
		turn.Source = strconv.Itoa(i)
		if _, err := s.Begin(b.Context(), steps.Begin{Turn: turn}); err != nil {
			b.Fatal(err)
		}
		for parts := range slices.Chunk(all, batch) {
			got, err := s.Claim(b.Context(), steps.Claim{Turn: turn, Parts: parts})
			if err != nil || len(got.Parts) != len(parts) {
				b.Fatalf("granted %d, error %v", len(got.Parts), err)
			}
			lost, err := s.Settle(b.Context(), steps.Settle{Turn: turn, Done: parts})
			if err != nil || len(lost.Parts) > 0 {
				b.Fatalf("lost %d, error %v", len(lost.Parts), err)
			}
		}
	}
	b.ReportMetric(redisTime(b, server)/float64(b.N)/partitions*1000, "redis-µs/1000-partitions")
}

// redisTime is how many microseconds the server has spent on scripts.
func redisTime(b *testing.B, server *testlab.Redis) float64 {
	b.Helper()
	stats := server.Do(b, "INFO", "commandstats").(string)
	found := regexp.MustCompile(`cmdstat_evalsha:calls=\d+,usec=(\d+)`).FindStringSubmatch(stats)
	if found == nil {
		b.Fatalf("no time of scripts in:\n%s", stats)
	}
	usec, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return usec
}
