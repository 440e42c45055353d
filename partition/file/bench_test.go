package file_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition/steps"
)

func BenchmarkBeat(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			s := open(b, b.TempDir()).Group("g")
			var last member
			for i := range n {
				last = join(b, s, fmt.Sprintf("host-%02d", i))
			}
			beat := beatOf(last.Caller)
			beat.Epoch = last.epoch
			for b.Loop() {
				if reply, err := s.Beat(b.Context(), beat); err != nil || reply.Status != steps.OK {
					b.Fatal(reply, err)
				}
			}
		})
	}
}

// BenchmarkClaim claims and finishes all partitions, 256 at a time, with ten members.
func BenchmarkClaim(b *testing.B) {
	s := open(b, b.TempDir()).Group("g")
	for i := range 9 {
		join(b, s, fmt.Sprintf("host-%02d", i))
	}
	claimant := join(b, s, "claimant").Caller
	requests, cycles := 0, 0
	for b.Loop() {
		cycles++
		turn := steps.Turn{Caller: claimant, Source: strconv.Itoa(cycles), Number: time.Now().UnixMilli() / interval, Interval: interval}
		begun, err := s.Begin(b.Context(), steps.Begin{Turn: turn})
		if err != nil || begun.Status != steps.OK {
			b.Fatal(begun, err)
		}
		turn.Epoch = begun.View.Epoch
		for some := range slices.Chunk(upTo(4093), 256) {
			reply, err := s.Claim(b.Context(), steps.Claim{Turn: turn, Parts: some})
			if err != nil || len(reply.Parts) != len(some) {
				b.Fatal(reply, err)
			}
			reply, err = s.Settle(b.Context(), steps.Settle{Turn: turn, Done: some})
			if err != nil || reply.Status != steps.OK {
				b.Fatal(reply, err)
			}
			requests += 2
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(requests), "µs/request")
}
