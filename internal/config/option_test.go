package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ringmeter/ringmeter/internal/config"
)

func TestOptions(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range config.Options() {
		key := o.Group + "/" + o.Name
		if seen[key] {
			t.Errorf("%s is in the table twice", key)
		}
		seen[key] = true
		if o.Help == "" || strings.HasSuffix(o.Help, ".") {
			t.Errorf("%s: help %q", key, o.Help)
		}
		if strings.Contains(o.Name, "-") || o.Group == "" {
			t.Errorf("%s is not normalised", key)
		}
	}
	for _, o := range config.Options() {
		for _, d := range o.Deprecated {
			if seen[d] {
				t.Errorf("old name %s of %s is an option itself", d, o.Name)
			}
			if strings.Count(d, "/") != 1 {
				t.Errorf("old name %s of %s is not group/name", d, o.Name)
			}
		}
		if o.Instead != "" && !seen[o.Instead] {
			t.Errorf("%s points to %s, which does not exist", o.Name, o.Instead)
		}
	}
}

// Ceilometer has 69 options of its own; pollsters_definitions_dirs counts once, and
// auth_section and the rest of the logins are of libraries.
func TestOptionsOfCeilometer(t *testing.T) {
	count := map[string]int{}
	for _, o := range config.Options() {
		count[o.Group]++
	}
	for group, least := range map[string]int{
		"DEFAULT": 15, "polling": 14, "compute": 5, "coordination": 1, "event": 3, "ipmi": 1, "meter": 1, "notification": 7,
		"publisher": 1, "publisher_notifier": 3, "rgw_admin_credentials": 2, "rgw_client": 6, "service_types": 9,
		"service_credentials": 2,
	} {
		if count[group] < least {
			t.Errorf("[%s] has %d options, Ceilometer has %d", group, count[group], least)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	_, warnings, err := config.Load(config.LoadOptions{})
	if err != nil || len(warnings) > 0 {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
}

func TestUsedOptions(t *testing.T) {
	used := map[string]string{}
	for _, o := range config.Options() {
		if o.Used {
			used[o.Group+"/"+o.Name] = o.Default
		}
	}
	want := map[string]string{
		"DEFAULT/host": "", "DEFAULT/polling_namespaces": "", "DEFAULT/pipeline_cfg_file": "pipeline.yaml",
		"DEFAULT/sample_source": "openstack", "DEFAULT/max_parallel_requests": "64", "DEFAULT/debug": "false", "DEFAULT/log_file": "",
		"polling/cfg_file": "polling.yaml", "polling/batch_size": "50", "polling/threads_to_process_pollsters": "0",
		"polling/partitioning_group_prefix": "", "publisher/telemetry_secret": "change this for valid signing",
		"coordination/backend_url": "", "ringmeter/member_id": "", "ringmeter/splay": "70", "ringmeter/drain_timeout": "30",
		"coordination/on_start": "wait", "coordination/on_isolation": "continue", "coordination/outage_limit": "1800",
		"ringmeter/weight": "1", "ringmeter/advertise_url": "", "ringmeter/ring_partitions": "4093", "ringmeter/share_discovery": "true",
	}
	if diff := cmp.Diff(want, used); diff != "" {
		t.Error(diff)
	}
}
