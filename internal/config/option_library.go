package config

import (
	"slices"
	"strings"
)

// libraryOptions are those that Ceilometer has from the libraries it is built on, as far
// as they matter to a reader of its files.
func libraryOptions() []Option {
	return slices.Concat(
		logOptions(), messagingOptions(), cacheOptions(),
		credentialOptions("service_credentials"), credentialOptions("gnocchi"), credentialOptions("zaqar"),
	)
}

// ownedElsewhere reports whether a section belongs to a library or to a part that
// Ceilometer had once, so that its options are not ours to judge.
func ownedElsewhere(group string) bool {
	return strings.HasPrefix(group, "oslo_") || slices.Contains([]string{
		"alarm", "api", "barbican", "cache", "central", "collector", "cors", "cors.subdomain", "database",
		"dispatcher_file", "dispatcher_gnocchi", "dispatcher_http", "exchange_control", "federation",
		"gnocchi", "healthcheck", "key_manager", "keystone_authtoken", "matchmaker_redis", "monasca", "mongodb",
		"privsep", "profiler", "publisher_rpc",
		"service_credentials", "ssl", "storage", "trust", "vault", "vmware", "xenapi", "zaqar",
	}, group)
}

func logOptions() []Option {
	return in(defaultGroup, slices.Concat(
		[]Option{
			{Name: "debug", Kind: Bool, Default: "false", Used: true, Help: "log at level debug"},
			{Name: "log_file", Deprecated: []string{"DEFAULT/logfile"}, Used: true, Help: "file to log to instead of standard error"},
			{Name: "log_dir", Deprecated: []string{"DEFAULT/logdir"}, Help: "folder of a relative log_file"},
			{Name: "log_config_append", Deprecated: []string{"DEFAULT/log_config"}, Help: "set-up of Python's logging"},
			{Name: "default_log_levels", Kind: List, Help: "levels of single loggers"},
		},
		named(Bool, "how Python's logging is set up", "use_syslog", "use_journal", "use_json", "use_stderr", "use_eventlog",
			"watch_log_file", "publish_errors", "fatal_deprecations", "log_color"),
		named(Int, "how Python's logging is set up", "log_rotate_interval", "max_logfile_count", "max_logfile_size_mb",
			"rate_limit_interval", "rate_limit_burst"),
		named(String, "how Python's logging is set up", "log_date_format", "log_format", "syslog_log_facility",
			"log_rotate_interval_type", "log_rotation_type", "logging_context_format_string", "logging_default_format_string",
			"logging_debug_format_suffix", "logging_exception_prefix", "logging_user_identity_format", "instance_format",
			"instance_uuid_format", "rate_limit_except_level", "logging_traceback_format_string"),
		named(String, "how Python's processes are run", "backdoor_port", "backdoor_socket", "config_file", "config_dir",
			"graceful_shutdown_timeout", "log_options", "config_source"),
	)...)
}

func messagingOptions() []Option {
	return slices.Concat(
		in(defaultGroup, slices.Concat([]Option{
			{Name: "transport_url", Kind: URL, Default: "rabbit://", Secret: true, Help: "message broker"},
			{Name: "control_exchange", Default: "ceilometer", Help: "exchange of what this program sends"},
		}, named(Int, "how Python's messaging is run", "rpc_conn_pool_size", "conn_pool_min_size", "conn_pool_ttl",
			"executor_thread_pool_size", "rpc_response_timeout"),
			named(String, "how Python's messaging is run", "rpc_backend", "rpc_ping_enabled", "notification_topics_exchange_name"))...),
		in("oslo_messaging_notifications",
			Option{Name: "topics", Kind: List, Default: "notifications",
				Deprecated: []string{"rpc_notifier2/topics", "DEFAULT/notification_topics"}, Help: "topics to send to and to listen to"},
			Option{Name: "transport_url", Kind: URL, Secret: true, Deprecated: []string{"DEFAULT/notification_transport_url"},
				Help: "broker of notifications, if not that of [DEFAULT]"},
			Option{Name: "driver", Kind: Multi, Deprecated: []string{"DEFAULT/notification_driver"}, Help: "drivers of notifications"},
			Option{Name: "retry", Kind: Int, Default: "-1", Help: "attempts to send; negative for any number"}),
		in("oslo_messaging_rabbit", rabbitOptions()...),
	)
}

func rabbitOptions() []Option {
	return []Option{
		{Name: "rabbit_qos_prefetch_count", Kind: Int, Default: "100", Help: "unacknowledged messages at a time"},
		{Name: "amqp_durable_queues", Kind: Bool, Default: "false", Deprecated: []string{"DEFAULT/amqp_durable_queues", "DEFAULT/rabbit_durable_queues"},
			Help: "queues outlive the broker"},
		{Name: "amqp_auto_delete", Kind: Bool, Default: "false", Help: "queues end with their last reader"},
		{Name: "rabbit_ha_queues", Kind: Bool, Default: "false", Help: "mirrored queues"},
		{Name: "rabbit_quorum_queue", Kind: Bool, Default: "false", Help: "quorum queues"},
		{Name: "rabbit_quorum_delivery_limit", Kind: Int, Default: "0", Help: "deliveries of a message in a quorum queue"},
		{Name: "rabbit_quorum_max_memory_length", Kind: Int, Default: "0", Help: "messages of a quorum queue in memory"},
		{Name: "rabbit_quorum_max_memory_bytes", Kind: Int, Default: "0", Help: "bytes of a quorum queue in memory"},
		{Name: "rabbit_login_method", Default: "AMQPLAIN", Help: "login method"},
		{Name: "rabbit_retry_interval", Kind: Int, Default: "1", Help: "seconds before the first retry"},
		{Name: "rabbit_retry_backoff", Kind: Int, Default: "2", Help: "seconds by which the time between retries grows"},
		{Name: "rabbit_interval_max", Kind: Int, Default: "30", Help: "longest time between retries, in seconds"},
		{Name: "heartbeat_timeout_threshold", Kind: Int, Default: "60", Help: "seconds of silence after which the broker is gone"},
		{Name: "heartbeat_rate", Kind: Int, Default: "3", Help: "heartbeats in that time"},
		{Name: "kombu_reconnect_delay", Kind: Float, Default: "1.0", Help: "seconds before reconnecting"},
		{Name: "kombu_failover_strategy", Default: "round-robin", Help: "order in which brokers are tried"},
		{Name: "kombu_compression", Help: "compression of messages"},
	}
}

func cacheOptions() []Option {
	return in("cache",
		Option{Name: "enabled", Kind: Bool, Default: "false", Help: "share the cache of names"},
		Option{Name: "backend", Help: "where the cache is"},
		Option{Name: "expiration_time", Kind: Int, Default: "600", Help: "seconds a name is kept"},
	)
}

// credentialOptions are those of one Keystone login.
func credentialOptions(group string) []Option {
	options := slices.Concat(
		named(String, "login at Keystone", "auth_type", "auth_url", "username", "user_id", "project_name", "project_id",
			"project_domain_name", "project_domain_id", "user_domain_name", "user_domain_id", "default_domain_name",
			"default_domain_id", "domain_name", "domain_id", "system_scope", "cafile", "certfile", "keyfile", "tenant_name",
			"tenant_id", "application_credential_id", "application_credential_name"),
		named(Bool, "login at Keystone", "insecure", "collect_timing", "split_loggers"),
		[]Option{
			{Name: "password", Secret: true, Help: "login at Keystone"},
			{Name: "application_credential_secret", Secret: true, Help: "login at Keystone"},
			{Name: "token", Secret: true, Help: "login at Keystone"},
			{Name: "timeout", Kind: Int, Help: "seconds a call may take"},
			{Name: "region_name", Help: "region whose services are used"},
			{Name: "interface", Default: "public", Help: "endpoints to use",
				Choices: []string{"public", "internal", "admin", "auth", "publicURL", "internalURL", "adminURL"}},
		},
	)
	section := Option{Name: "auth_section", Help: "section to take the login from"}
	if group == "service_credentials" {
		for i := range options {
			switch o := &options[i]; o.Name {
			case "region_name":
				o.Deprecated = []string{"DEFAULT/os_region_name", "service_credentials/os_region_name"}
			case "interface":
				o.Deprecated = []string{"DEFAULT/os_endpoint_type", "service_credentials/os_endpoint_type"}
			}
		}
	} else {
		section.Default = "service_credentials"
	}
	return in(group, append(options, section)...)
}
