package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// Limits of asking other workers. A few answers are enough, and a group of a thousand must
// not be asked by each of its thousand members.
const (
	peersAsked   = 10 // at most
	peersAtOnce  = 5
	peerTimeout  = 900 * time.Millisecond // of one: two rounds fit into a request of the coordinator
	peerAnswer   = 4 << 20                // bytes of a report: about 20,000 members
	peerHeader   = 16 << 10
	ringDocument = "/api/v1/ring"
)

// peers asks other workers whether they hear from the coordinator.
type peers struct{ client *http.Client }

func newPeers() peers {
	return peers{&http.Client{
		Timeout: peerTimeout,
		// Neither a proxy nor another address answers for a worker.
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: peerHeader},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// ask implements worker.Config.Ask. One that hears from the coordinator settles it.
func (p peers) ask(ctx context.Context, group string, addresses []string) worker.Answers {
	chosen := slices.Clone(addresses)
	rand.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	chosen = chosen[:min(len(chosen), peersAsked)]
	var sum worker.Answers
	for round := range slices.Chunk(chosen, peersAtOnce) {
		answers := make(chan worker.Answers, len(round))
		for _, address := range round {
			go func() { answers <- p.askOne(ctx, group, address) }()
		}
		for range round {
			a := <-answers
			sum.Answered += a.Answered
			sum.Linked += a.Linked
			sum.Epoch = max(sum.Epoch, a.Epoch)
		}
		if sum.Linked > 0 || ctx.Err() != nil {
			break
		}
	}
	return sum
}

// askOne counts a worker that does not answer, or not like one, as nothing.
func (p peers) askOne(ctx context.Context, group, address string) worker.Answers {
	report, err := p.report(ctx, address)
	if err != nil {
		return worker.Answers{}
	}
	i := slices.IndexFunc(report.Groups, func(g groupReport) bool { return g.Name == group })
	if i < 0 {
		return worker.Answers{}
	}
	a := worker.Answers{Answered: 1, Epoch: report.Groups[i].Epoch}
	if report.Groups[i].linked() {
		a.Linked = 1
	}
	return a
}

func (p peers) report(ctx context.Context, address string) (r ringReport, err error) {
	if problem := wrongBase(address); address == "" || problem != "" {
		return r, fmt.Errorf("asking %q: the address %s", address, problem)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+ringDocument, nil)
	if err != nil {
		return r, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return r, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return r, fmt.Errorf("asking %s: %s", address, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, peerAnswer)).Decode(&r); err != nil {
		return r, fmt.Errorf("reading the answer of %s: %w", address, err)
	}
	if r.Member.ID == "" || len(r.Groups) == 0 { // not a worker, or one that has not begun
		return r, fmt.Errorf("asking %s: it is in no group", address)
	}
	return r, nil
}

// linked reports whether the member has heard from the coordinator lately.
func (g groupReport) linked() bool {
	return g.Joined && !g.Alone && (g.Mode == partition.Linked.String() || g.Mode == partition.Joining.String())
}
