//go:build !linux

package testlab

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
