package testlab

import "syscall"

// dieWithParent ends a process when the test is killed and cleans up nothing.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
