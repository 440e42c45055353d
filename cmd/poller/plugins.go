package main

import (
	"slices"

	"github.com/ringmeter/ringmeter/discovery"
	hostdiscovery "github.com/ringmeter/ringmeter/discovery/host"
	"github.com/ringmeter/ringmeter/pollster"
	hostpollster "github.com/ringmeter/ringmeter/pollster/host"
)

// tables are the plugins of a build.
type tables struct {
	discoveries func(host string) []discovery.Plugin // host is [DEFAULT]host
	pollsters   func() []pollster.Plugin
}

// builtIn are the tables of this build.
func builtIn() tables {
	return tables{
		discoveries: func(host string) []discovery.Plugin {
			return slices.Concat(
				hostdiscovery.Plugins(host),
			)
		},
		pollsters: func() []pollster.Plugin {
			return slices.Concat(
				hostpollster.Plugins(hostpollster.Config{}),
			)
		},
	}
}

// namespacesOf lists the namespaces that have a pollster, sorted.
func namespacesOf(plugins []pollster.Plugin) []string {
	var all []string
	for _, p := range plugins {
		all = append(all, p.Namespaces...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// within keeps the plugins that belong to one of the namespaces.
func within(plugins []pollster.Plugin, namespaces []string) []pollster.Plugin {
	return slices.DeleteFunc(slices.Clone(plugins), func(p pollster.Plugin) bool {
		return !slices.ContainsFunc(p.Namespaces, func(ns string) bool {
			return slices.Contains(namespaces, ns)
		})
	})
}
