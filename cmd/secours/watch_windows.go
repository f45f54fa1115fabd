package main

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"

	win "golang.org/x/sys/windows"
)

const windowsConsole = true

// The size of the console is asked for every second: no signal tells of it.
var hangup, brokenPipe, screenSignals []os.Signal

func screenSignal(os.Signal) input { return input{} }

func stopSelf() {}

// escapesUnderstood asks the console to obey control sequences, which those before Windows 10 cannot.
func escapesUnderstood(out *os.File) (undo func(), ok bool) {
	console := win.Handle(out.Fd())
	var mode uint32
	if win.GetConsoleMode(console, &mode) != nil {
		return nil, false
	}
	if win.SetConsoleMode(console, mode|win.ENABLE_PROCESSED_OUTPUT|win.ENABLE_VIRTUAL_TERMINAL_PROCESSING) != nil {
		return nil, false
	}
	return func() { _ = win.SetConsoleMode(console, mode) }, true
}

// closedPipe tells whether a write failed because nobody reads any more.
func closedPipe(err error) bool {
	return errors.Is(err, win.ERROR_BROKEN_PIPE) || errors.Is(err, win.ERROR_NO_DATA)
}

func noCoreDumps() {}

func endWhenClosed(context.Context, io.Writer, func()) {}

// childAttributes start a child without a console to prompt on.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: win.CREATE_NO_WINDOW | win.CREATE_NEW_PROCESS_GROUP}
}

// bind lets a child die with this process: the job object ends with its last handle.
func bind(p *os.Process) (release func()) {
	job, err := win.CreateJobObject(nil, nil)
	if err != nil {
		return func() {}
	}
	var limits win.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = win.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = win.SetInformationJobObject(job, win.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		_ = p.WithHandle(func(h uintptr) { _ = win.AssignProcessToJobObject(job, win.Handle(h)) })
	}
	return func() { _ = win.CloseHandle(job) }
}
