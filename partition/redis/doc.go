// Package redis lets the members of a group meet at a Redis or Valkey server, with or
// without Sentinel, or at a Cluster.
//
// Each step of package steps is a Lua script that does the same on Redis data, by Redis'
// own clock; a server runs one script at a time and wholly. Scripts are sent again when
// the server does not know them (any more). Redis 6.0 or newer is needed.
//
// # Keys
//
// All keys of a group have one hash tag, so that they are on one node of a Cluster. {G} is
// the name of the group with %, { and } percent-encoded; ringmeter is the default of the
// option namespace.
//
//	ringmeter:{G}:g             hash: ring settings, era, epoch, grace and waiting joins
//	ringmeter:{G}:v             the newest view: a line for each member, ID, weight and address
//	ringmeter:{G}:m             hash: member ID → incarnation, era, last beat, pending, weight, address
//	ringmeter:{G}:hb            sorted set: member ID → end of its lease
//	ringmeter:{G}:l             hash: source → number and interval of its newest cycle
//	ringmeter:{G}:c:SOURCE:K    hash: the ledger of a cycle, until three intervals after its start
//	ringmeter:{G}:b:KEY         hash: a post, until it is forgotten
//
// Times are milliseconds since 1970. The server should keep them through a restart
// (appendonly yes) and must not evict any (maxmemory-policy noeviction): a group that was
// forgotten is restored by its members, but takes nobody's work over before they are back.
// A user needs EVAL, EVALSHA, TIME, GET, SET, DEL, PEXPIREAT and the commands on hashes and
// sorted sets for keys that begin with the namespace; SELECT with a database.
//
// # URLs
//
//	redis://[USER:PASSWORD@]HOST[:PORT][/DB][?OPTIONS]     6379 unless PORT is given
//	rediss://…                                             with TLS
//	redis://[USER:PASSWORD@]/PATH/TO/SOCKET[?OPTIONS]
//
// What is special in a user or password is percent-encoded. Options, those without
// meaning for this package ignored:
//
//	membership_timeout, timeout   seconds of a lease; the first wins
//	socket_timeout                seconds that one call may take, a third of a lease at most
//	socket_connect_timeout        seconds until a connection is there, as long as a call at most
//	db                            number of the database
//	namespace                     what all keys begin with
//	ssl                           with TLS
//	ssl_ca_certs                  file of those who may sign the server's certificate; the system's without
//	ssl_certfile, ssl_keyfile     own certificate; the key is in the same file unless given
//	sentinel                      name of the master; HOST is a Sentinel then, at 26379 unless PORT is given
//	sentinel_fallback             HOST:PORT of a further Sentinel; any number of times
//	sentinel_username, sentinel_password, sentinel_ssl
//	cluster                       HOST is a node of a Cluster
//	cluster_node                  HOST:PORT of a further node; any number of times
//	encoding, health_check_interval, lock_timeout, max_workers, retry_on_timeout,
//	socket_keepalive              ignored
package redis
