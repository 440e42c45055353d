package redis

import (
	"embed"
	"fmt"

	goredis "github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var sources embed.FS

// scripts maps the name of a step to what runs it.
type scripts map[string]*goredis.Script

// newScripts puts what steps have in common in front of each.
func newScripts() (scripts, error) {
	all := scripts{}
	for shared, steps := range map[string][]string{
		"":       {"beat", "restore", "leave", "look", "post", "read"},
		"ledger": {"begin", "claim", "settle", "held", "backfill", "unfinished", "coverage"},
	} {
		for _, step := range steps {
			text, err := source("prelude", shared, step)
			if err != nil {
				return nil, err
			}
			all[step] = goredis.NewScript(text)
		}
	}
	return all, nil
}

func source(names ...string) (string, error) {
	var text []byte
	for _, name := range names {
		if name == "" {
			continue
		}
		part, err := sources.ReadFile("lua/" + name + ".lua")
		if err != nil {
			return "", fmt.Errorf("reading a script: %w", err)
		}
		text = append(append(text, part...), '\n')
	}
	return string(text), nil
}
