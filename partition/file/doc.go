// Package file coordinates the workers of one host through a directory, without any
// service: a worker that polls or processes beside others on its own machine needs
// nothing else.
//
//	file:///run/ringmeter?timeout=15
//
// The directory is made if it is missing. timeout is the lease of a member in seconds, at
// least 3. All workers run as the same user, on a local file system that keeps times to
// the millisecond or better, as all common ones do. A network file system is not one: the
// members' clocks and locks have to be the same.
//
// Each group is a folder:
//
//	lock                 held (flock) for one step of one worker
//	group.json           settings, era and view; its time is when anybody was heard
//	members/<id>.json    a member; its time is the heartbeat, so a beat writes no data
//	cycles/<n>-<source>.json  the ledger of a cycle; its time is when it is forgotten
//	posts/<key>          what members have left for all; its time is when it is forgotten
//	new                  what is being written
//
// Every file is replaced as a whole, so that a worker that is killed at any moment leaves
// the old or the new one, and the lock is free again. Nothing is flushed to the disk:
// what a power cut has torn counts as lost, as does a file that was damaged or removed by
// hand. A lost member joins again with its next beat, a lost group is restored by its
// members, a lost ledger by those who have worked on it. Between two files a killed
// worker can leave a view and its members at odds; the next step mends that.
//
// A worker that is stopped (SIGSTOP) just while it holds the lock stops the others from
// coordinating until it goes on or is killed; to them the coordinator is away.
package file
