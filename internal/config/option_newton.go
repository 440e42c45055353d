package config

import "slices"

// newtonOptions are those that Newton's agents had and today's have not. Where both have
// one of a name, the row of today's stands for both.
func newtonOptions() []Option {
	return slices.Concat(
		in(defaultGroup,
			Option{Name: "batch_polled_samples", Kind: Bool, Default: "true", Help: "all samples of a pollster in one message"},
			Option{Name: "shuffle_time_before_polling_task", Kind: Int, Default: "0", Help: "longest random delay of the first poll, in seconds"},
			Option{Name: "pollster_list", Kind: List, Help: "patterns of the pollsters to run"},
			Option{Name: "refresh_pipeline_cfg", Kind: Bool, Default: "false", Help: "reload pipeline.yaml when it changes"},
			Option{Name: "refresh_event_pipeline_cfg", Kind: Bool, Default: "false", Help: "reload event_pipeline.yaml when it changes"},
			Option{Name: "pipeline_polling_interval", Kind: Int, Default: "20", Help: "seconds between looks for a change"},
			Option{Name: "http_timeout", Kind: Int, Default: "600", Help: "seconds a call to an API may take"},
			Option{Name: "nova_http_log_debug", Kind: Bool, Default: "false", Help: "log calls to Nova"},
			Option{Name: "dns_control_exchange", Default: "central", Help: "exchange of Designate"},
			// Liberty's, still found in files that were carried along.
			Option{Name: "verbose", Kind: Bool, Default: "true", Help: "log at level info"},
		),
		newtonExchanges(),
		in("compute", Option{Name: "workload_partitioning", Kind: Bool, Default: "false", Help: "divide instances among agents"}),
		in("coordination",
			Option{Name: "heartbeat", Kind: Float, Default: "1.0", Help: "seconds between heartbeats"},
			Option{Name: "check_watchers", Kind: Float, Default: "10.0", Help: "seconds between looks at the members"},
			Option{Name: "retry_backoff", Kind: Int, Default: "1", Help: "seconds before the first retry"},
			Option{Name: "max_retry_interval", Kind: Int, Default: "30", Help: "longest time between retries, in seconds"},
		),
		in("hardware",
			Option{Name: "url_scheme", Default: "snmp://", Help: "scheme of host addresses"},
			Option{Name: "readonly_user_name", Default: "ro_snmp_user", Help: "SNMP user"},
			Option{Name: "readonly_user_password", Default: "password", Secret: true, Help: "SNMP password"},
			Option{Name: "readonly_user_auth_proto", Help: "SNMP authentication protocol"},
			Option{Name: "readonly_user_priv_proto", Help: "SNMP privacy protocol"},
			Option{Name: "readonly_user_priv_password", Secret: true, Help: "SNMP privacy password"},
			Option{Name: "meter_definitions_file", Default: "snmp.yaml", Help: "SNMP meters"},
		),
		in("ipmi", Option{Name: "node_manager_init_retry", Kind: Int, Default: "3", Help: "attempts to find the node manager"}),
		in("meter", Option{Name: "meter_definitions_cfg_file", Default: "meters.yaml", Help: "meter definitions"}),
		in("notification",
			Option{Name: "pipeline_processing_queues", Kind: Int, Default: "10", Min: new(1), Help: "queues between the two stages"},
			Option{Name: "workload_partitioning", Kind: Bool, Default: "false", Help: "divide samples among agents"},
			Option{Name: "disable_non_metric_meters", Kind: Bool, Default: "true", Help: "no samples that only say that something exists"},
		),
		in("service_types",
			Option{Name: "kwapi", Default: "energy", Help: "type of the service in the catalogue"},
			Option{Name: "glance", Default: "image", Help: "type of the service in the catalogue"},
			Option{Name: "neutron_lbaas_version", Default: "v2", Choices: []string{"v1", "v2"}, Help: "version of the load balancer's API"},
		),
	)
}

func newtonExchanges() []Option {
	services := []string{
		"nova", "glance", "neutron", "cinder", "heat", "keystone", "sahara", "swift", "magnum", "trove", "zaqar", "ceilometer",
	}
	options := make([]Option, len(services))
	for i, s := range services {
		options[i] = Option{Name: s + "_control_exchange", Default: s, Help: "exchange of the service"}
	}
	return in(defaultGroup, options...)
}
