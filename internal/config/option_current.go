package config

import "slices"

// currentOptions are those of today's Ceilometer.
func currentOptions() []Option {
	return slices.Concat(
		agentOptions(), pollingOptions(), computeOptions(), notificationOptions(),
		publisherOptions(), serviceOptions(),
	)
}

func agentOptions() []Option {
	return in(defaultGroup,
		Option{Name: "host", Used: true,
			Help: "name of this host in samples, group names and Nova's host filter; the machine's host name when not set"},
		Option{Name: "max_parallel_requests", Kind: Int, Default: "64", Min: new(1), Used: true,
			Help: "calls to one API at the same time"},
		Option{Name: "polling_namespaces", Kind: List, Used: true,
			Help: "which pollsters run here, such as host; all that this build has when not set, where Ceilometer means compute and central"},
		Option{Name: "hypervisor_inspector", Default: "libvirt", Choices: []string{"libvirt", "hyperv", "vsphere", "xenapi"},
			Help: "how the hypervisor is read"},
		Option{Name: "libvirt_type", Default: "kvm", Choices: []string{"kvm", "lxc", "qemu", "parallels", "uml", "xen"},
			Help: "selects libvirt's default URI"},
		Option{Name: "libvirt_uri", Help: "libvirt's URI, if not the default of libvirt_type"},
		Option{Name: "reseller_prefix", Default: "AUTH_", Help: "prefix of Swift accounts"},
		Option{Name: "pipeline_cfg_file", Default: "pipeline.yaml", Used: true,
			Help: "sources and sinks of samples"},
		Option{Name: "event_pipeline_cfg_file", Default: "event_pipeline.yaml", Help: "sources and sinks of events"},
		Option{Name: "pollsters_definitions_dirs", Kind: Multi, Default: "/etc/ceilometer/pollsters.d",
			Help: "folders of dynamic pollster definitions"},
		Option{Name: "sample_source", Default: "openstack", Used: true, Help: "source field of samples"},
		Option{Name: "reserved_metadata_namespace", Kind: List, Default: "metering.",
			Help: "prefixes of the instance metadata that is kept as user metadata"},
		Option{Name: "reserved_metadata_length", Kind: Int, Default: "256", Help: "length at which user metadata is cut"},
		Option{Name: "reserved_metadata_keys", Kind: List, Help: "further instance metadata that is kept"},
		Option{Name: "rootwrap_config", Default: "/etc/ceilometer/rootwrap.conf", Help: "set-up of the privileged helper"},
	)
}

func pollingOptions() []Option {
	return in("polling",
		Option{Name: "cfg_file", Default: "polling.yaml", Used: true, Help: "sources to poll"},
		Option{Name: "heartbeat_socket_dir", Help: "folder of the heartbeat socket"},
		Option{Name: "partitioning_group_prefix", Deprecated: []string{"central/partitioning_group_prefix"}, Used: true,
			Help: "keeps pools of workers with different configuration apart"},
		Option{Name: "batch_size", Kind: Int, Default: "50", Min: new(0), Used: true,
			Help: "samples in one notification; 0 sends each alone"},
		Option{Name: "pollsters_definitions_dirs", Kind: Multi, Default: "/etc/ceilometer/pollsters.d",
			Instead: "DEFAULT/pollsters_definitions_dirs", Help: "has no effect here"},
		Option{Name: "identity_name_discovery", Kind: Bool, Default: "false", Deprecated: []string{"polling/tenant_name_discovery"},
			Help: "look up the names of projects and users"},
		Option{Name: "enable_notifications", Kind: Bool, Default: "true", Help: "send samples as notifications"},
		Option{Name: "enable_prometheus_exporter", Kind: Bool, Default: "false", Help: "serve samples to Prometheus"},
		Option{Name: "prometheus_listen_addresses", Kind: List, Default: "127.0.0.1:9101", Help: "addresses of the exporter"},
		Option{Name: "prometheus_tls_enable", Kind: Bool, Default: "false", Help: "TLS on the exporter"},
		Option{Name: "prometheus_tls_certfile", Help: "certificate of the exporter"},
		Option{Name: "prometheus_tls_keyfile", Help: "key of the exporter"},
		Option{Name: "ignore_disabled_projects", Kind: Bool, Default: "false", Help: "leave disabled projects out of discovery"},
		Option{Name: "threads_to_process_pollsters", Kind: Int, Default: "0", Min: new(0), Used: true,
			Help: "pollsters of one source that run at the same time; 0, the default here, runs each on its own, so that one that hangs does not hold up the rest (Ceilometer's default is 1)"},
	)
}

func computeOptions() []Option {
	return in("compute",
		Option{Name: "instance_discovery_method", Default: "libvirt_metadata",
			Choices: []string{"naive", "workload_partitioning", "libvirt_metadata"}, Help: "how the guests of this host are listed"},
		Option{Name: "resource_update_interval", Kind: Int, Default: "0", Min: new(0), Help: "seconds between listings of Nova"},
		Option{Name: "resource_cache_expiry", Kind: Int, Default: "3600", Min: new(0), Help: "seconds after which Nova is listed in full"},
		Option{Name: "report_stopped_instance_metrics", Kind: Bool, Default: "false", Help: "samples of stopped guests too"},
		Option{Name: "fetch_extra_metadata", Kind: Bool, Default: "false", Help: "ask Nova for the user metadata of guests"},
	)
}

func notificationOptions() []Option {
	return slices.Concat(
		in("coordination",
			Option{Name: "backend_url", Kind: URL, Secret: true, Used: true,
				Help: "where workers meet to divide the work: redis:// or rediss://host:6379, or file:///directory for those of one host; empty for a worker that is alone"}),
		in("event",
			Option{Name: "definitions_cfg_file", Default: "event_definitions.yaml", Help: "how notifications become events"},
			Option{Name: "drop_unmatched_notifications", Kind: Bool, Default: "false", Help: "no event of what no definition matches"},
			Option{Name: "store_raw", Kind: Multi, Help: "priorities whose raw notification is kept"}),
		in("ipmi",
			Option{Name: "polling_retry", Kind: Int, Default: "3", Help: "failures tolerated; negative for any number"}),
		in("meter",
			Option{Name: "meter_definitions_dirs", Kind: Multi, Default: "/etc/ceilometer/meters.d", Help: "folders of meter definitions"}),
		in("notification",
			Option{Name: "ack_on_event_error", Kind: Bool, Default: "true", Help: "acknowledge what fails to become an event"},
			Option{Name: "messaging_urls", Kind: Multi, Secret: true, Help: "brokers to listen to"},
			// Newton used the two batch options between its stages, with other defaults.
			Option{Name: "batch_size", Kind: Int, Default: "1", Min: new(1), Help: "notifications taken at a time"},
			Option{Name: "batch_timeout", Kind: Int, Help: "seconds to wait for a full batch"},
			Option{Name: "workers", Kind: Int, Default: "1", Min: new(1), Deprecated: []string{"DEFAULT/notification_workers"},
				Help: "worker processes"},
			Option{Name: "pipelines", Kind: Multi, Default: "meter\nevent", Help: "pipelines to run"},
			Option{Name: "notification_control_exchanges", Kind: Multi, Deprecated: []string{"DEFAULT/http_control_exchanges"},
				Default: "nova\nglance\nneutron\ncinder\nheat\nkeystone\ntrove\nzaqar\nswift\nceilometer\nmagnum\ndns\nironic\naodh",
				Help:    "exchanges to listen to"}),
	)
}

func publisherOptions() []Option {
	return slices.Concat(
		in("publisher",
			Option{Name: "telemetry_secret", Default: "change this for valid signing", Secret: true, Used: true,
				Deprecated: []string{"DEFAULT/metering_secret", "publisher_rpc/metering_secret", "publisher/metering_secret"},
				Help:       "key that signs samples; empty does not sign"}),
		in("publisher_notifier",
			Option{Name: "metering_topic", Default: "metering", Help: "topic of samples"},
			Option{Name: "event_topic", Default: "event", Help: "topic of events"},
			Option{Name: "telemetry_driver", Default: "messagingv2", Deprecated: []string{"publisher_notifier/metering_driver"},
				Help: "driver of notifications"}),
	)
}

func serviceOptions() []Option {
	return slices.Concat(
		in("rgw_admin_credentials",
			Option{Name: "access_key", Secret: true, Help: "access key of the RADOS gateway's administrator"},
			Option{Name: "secret_key", Secret: true, Help: "secret key of the RADOS gateway's administrator"}),
		in("rgw_client",
			Option{Name: "implicit_tenants", Kind: Bool, Default: "false", Help: "the gateway creates tenants"},
			Option{Name: "rgw_service_name", Help: "name of the gateway in the catalogue"},
			Option{Name: "insecure", Kind: Bool, Default: "true", Help: "do not verify the gateway's certificate"},
			Option{Name: "cafile", Help: "authorities for the gateway's certificate"},
			Option{Name: "tls_min_version", Choices: []string{"1.2", "1.3"}, Help: "lowest version of TLS"},
			Option{Name: "tls_max_version", Choices: []string{"1.2", "1.3"}, Help: "highest version of TLS"}),
		in("service_types",
			Option{Name: "aodh", Default: "alarming", Help: "type of the service in the catalogue"},
			Option{Name: "cinder", Default: "volumev3", Help: "type of the service in the catalogue"},
			Option{Name: "designate", Default: "dns", Help: "type of the service in the catalogue"},
			Option{Name: "manila", Default: "sharev2", Help: "type of the service in the catalogue"},
			Option{Name: "neutron", Default: "network", Help: "type of the service in the catalogue"},
			Option{Name: "nova", Default: "compute", Help: "type of the service in the catalogue"},
			Option{Name: "octavia", Default: "load-balancer", Help: "type of the service in the catalogue"},
			Option{Name: "radosgw", Help: "type of the service in the catalogue"},
			Option{Name: "swift", Default: "object-store", Help: "type of the service in the catalogue"}),
	)
}
