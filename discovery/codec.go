package discovery

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
)

// A list travels as gzip of lines: a header, then one resource a line, each as JSON.

const (
	listFormat = 1

	// What a list may be at most, so that a broken one cannot exhaust the memory.
	maxList      = 1 << 30  // bytes, not compressed
	maxResource  = 16 << 20 // bytes of one
	maxResources = 10_000_000
	maxFailure   = 1 << 10 // bytes of an error's text
)

var errTooLarge = errors.New("too large to be shared")

// header is the first line.
type header struct {
	Format  int    `json:"format"`
	Of      string `json:"of"` // Ref.String
	Count   int    `json:"count"`
	Keys    uint64 `json:"keys"`              // digest of the resources' keys, in order
	Failure string `json:"failure,omitempty"` // why there is no list
}

// found is what a listing came to, as it is passed on.
type found struct {
	resources []Resource
	failure   string // "" when there is a list
}

// failed is how the error of a discoverer is passed on: by its first line.
func failed(err *discoverError) found {
	text, _, _ := strings.Cut(strings.TrimSpace(err.err.Error()), "\n")
	text = text[:min(len(text), maxFailure)]
	return found{failure: cmp.Or(strings.ToValidUTF8(text, ""), "for an unknown reason")}
}

func encodeList(ref Ref, f found) ([]byte, error) {
	if len(f.resources) > maxResources {
		return nil, fmt.Errorf("%d resources: %w", len(f.resources), errTooLarge)
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	lines := json.NewEncoder(&bounded{z, maxList})
	h := header{Format: listFormat, Of: ref.String(), Count: len(f.resources), Keys: keysOf(f.resources), Failure: f.failure}
	if err := lines.Encode(h); err != nil {
		return nil, err
	}
	for _, r := range f.resources {
		if err := lines.Encode(r); err != nil {
			return nil, fmt.Errorf("resource %q: %w", r.ResourceKey(), err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// bounded is a writer of lines, one per call, that refuses what decodeList would.
type bounded struct {
	to   io.Writer
	left int
}

func (b *bounded) Write(line []byte) (int, error) {
	if b.left -= len(line); b.left < 0 || len(line) > maxResource {
		return 0, errTooLarge
	}
	return b.to.Write(line)
}

// decodeList reads what encodeList has made. Anything else is an error: it does not yield a
// part of a list, nor one whose keys are not those that the other worker has seen.
func decodeList(ctx context.Context, data []byte, ref Ref, decode func([]byte) (Resource, error)) (found, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return found{}, err
	}
	lines := bufio.NewScanner(io.LimitReader(z, maxList))
	lines.Buffer(make([]byte, 0, 64<<10), maxResource+1) // it wants room for one byte more
	if !lines.Scan() {
		return found{}, fmt.Errorf("header: %w", cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
	}
	h, err := decodeHeader(lines.Bytes(), ref)
	if err != nil {
		return found{}, fmt.Errorf("header: %w", err)
	}
	rs := make([]Resource, 0, min(h.Count, 1<<16)) // more only when they are there
	for lines.Scan() {
		if ctx.Err() != nil {
			return found{}, context.Cause(ctx)
		}
		if len(rs) == h.Count {
			return found{}, fmt.Errorf("more than the %d resources of its header", h.Count)
		}
		r, err := decode(lines.Bytes())
		if err == nil && r == nil {
			err = errors.New("decoded to nothing")
		}
		if err != nil {
			return found{}, fmt.Errorf("resource %d: %w", len(rs), err)
		}
		rs = append(rs, r)
	}
	switch err := lines.Err(); {
	case err != nil:
		return found{}, err
	case len(rs) != h.Count:
		return found{}, fmt.Errorf("%d of %d resources", len(rs), h.Count)
	case keysOf(rs) != h.Keys:
		return found{}, errors.New("its resources have other keys here")
	}
	return found{rs, h.Failure}, nil
}

func decodeHeader(line []byte, ref Ref) (header, error) {
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return h, err
	}
	switch {
	case h.Format != listFormat:
		return h, fmt.Errorf("format %d, want %d", h.Format, listFormat)
	case h.Of != ref.String():
		return h, fmt.Errorf("a list of discovery %q", h.Of)
	case h.Count < 0 || h.Count > maxResources || h.Count > 0 && h.Failure != "":
		return h, fmt.Errorf("%d resources", h.Count)
	}
	return h, nil
}

// keysOf is a digest of what workers must agree on. It finds mistakes, not malice.
func keysOf(rs []Resource) uint64 {
	digest := fnv.New64a()
	var key []byte
	for _, r := range rs {
		key = append(append(key[:0], r.ResourceKey()...), 0)
		digest.Write(key)
	}
	return digest.Sum64()
}
