package publish_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
)

// running is a Set that runs, and one of its publishers.
type running struct {
	*publish.Set
	pipeline.Publisher[metering.Sample]
	stop func() error
}

func open(t *testing.T, env publish.Env, url string) running {
	t.Helper()
	set := publish.NewSet(env)
	p, err := set.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	var result error
	go func() { result = set.Run(ctx); close(done) }()
	stop := func() error { cancel(); <-done; return result }
	t.Cleanup(func() { _ = stop() })
	return running{set, p, stop}
}

// publish gives the publisher a batch and returns its status afterwards.
func (r running) publish(t *testing.T, batch ...metering.Sample) pipeline.PublisherStatus {
	t.Helper()
	if err := r.Publish(t.Context(), batch); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	return r.Publisher.(pipeline.Reporter).Status()
}

func wantError(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) || want == "" && got != "" {
		t.Errorf("error %q, want %q", got, want)
	}
}
