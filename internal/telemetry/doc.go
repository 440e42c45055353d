// Package telemetry shows what a daemon does: its log, its web port with status page,
// metrics and health, and what it tells systemd.
//
// It knows nothing of metering. The caller describes its state as a [Page] of facts and
// tables, which is served as HTML and as JSON; conditions set on a [Health] decide whether
// the daemon is ready, and the loops that beat on it whether it is alive.
//
// Promises: [Server.Listen] binds or fails at once, with the address and the flag in the
// error; only GET and HEAD are answered; nothing on the port changes the daemon; the page
// loads nothing from elsewhere and runs no script. Not promised: that what the caller puts
// on a page holds no secrets.
package telemetry
