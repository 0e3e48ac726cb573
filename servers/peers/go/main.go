// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// go-net-http: what the reference servers do, as one would write it with Go's standard library.
//
//	connections   o o o o o o o o        a goroutine each, with a stack: recv .. work, send, recv ..
//	              | | | | | | | |
//	            [ run queues of Ps ]     who is ready waits here, in the runtime, and is preempted after 10 ms
//	               |      |      |
//	             thread thread thread    GOMAXPROCS of them run Go; one that blocks in the kernel is replaced
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

const name = "go-net-http"

const (
	headBytes = 8192 // of a request; net/http adds 4 KiB before it says 431
	bodyBytes = 1024
)

func fail(status int, format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, name+": "+format+"\n", arguments...)
	os.Exit(status)
}

// newServer has the timeouts as net/http means them: the write timeout runs from the end of a request's head,
// work included, and who is slow with a head is answered 400.
func newServer(o *options, s *stats) *http.Server {
	return &http.Server{
		Handler:        newHandler(o, s),
		ReadTimeout:    o.readTimeout,
		WriteTimeout:   o.writeTimeout,
		IdleTimeout:    forever(o.idleTimeout),
		MaxHeaderBytes: headBytes,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
}

// forever is what to give to net/http, which takes the read timeout where the idle timeout is 0.
func forever(timeout time.Duration) time.Duration {
	if timeout == 0 {
		return 1 << 62
	}
	return timeout
}

// drain answers what was begun.  It returns how many connections the timeout cut off.
func drain(server *http.Server, s *stats, timeout time.Duration) uint64 {
	ctx, cancel := context.WithTimeout(context.Background(), forever(timeout))
	defer cancel()
	if err := server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		return s.open()
	}
	return 0
}

// announce tells whoever started it what it is, and that it serves.
func announce(listener net.Listener) {
	fmt.Fprintf(os.Stderr, "%s: %s, GOMAXPROCS=%d\n", name, runtime.Version(), runtime.GOMAXPROCS(0))
	fmt.Fprintf(os.Stderr, "%s: sha takes %d ns a round\n", name, shaRoundNs())
	fmt.Printf("ready %v\n", listener.Addr())
}

func main() {
	o, err := parseOptions(os.Args[1:])
	if err != nil {
		fail(2, "%v", err)
	}
	if o.switchCost {
		fmt.Fprintf(os.Stderr, "%s: a switch takes %.1f ns in user space\n", name, switchNs())
		return
	}
	if o.workers > 0 {
		runtime.GOMAXPROCS(o.workers)
	}
	files, err := takeFiles(&o)
	if err != nil {
		fail(1, "%v", err)
	}
	listener, err := net.Listen("tcp", o.address.String())
	if err != nil {
		fail(1, "cannot listen on %v: %v", o.address, errors.Unwrap(err))
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	s := &stats{}
	server := newServer(&o, s)
	announce(listener)
	go func() {
		err := server.Serve(&limitedListener{TCPListener: listener.(*net.TCPListener), most: files, stats: s})
		if !errors.Is(err, http.ErrServerClosed) {
			fail(1, "cannot accept: %v", err)
		}
	}()
	<-signals
	go func() {
		<-signals // the second one means it
		os.Exit(1)
	}()
	if cut := drain(server, s, o.drainTimeout); cut > 0 {
		fail(1, "%d connections were cut off at the drain timeout", cut)
	}
}
