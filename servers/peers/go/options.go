// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Descriptors that are no connection: standard ones, the listener, epoll, and those of requests upstream.
const otherFiles = 64

type options struct {
	address                                              netip.AddrPort
	readTimeout, writeTimeout, idleTimeout, drainTimeout time.Duration // 0: none
	maxConnections                                       uint64        // 0: as many as files allow
	workers                                              int           // 0: as the runtime has it
	directory                                            string
	upstreamURL                                          string // "": there is none
	upstreamTimeout                                      time.Duration
	defaults                                             []step // of /process without a query
	switchCost                                           bool   // serve nothing, and say what a switch takes
}

// newFlags returns the flags that fill O, and those whose text is still to be understood.
func newFlags(o *options) (flags *flag.FlagSet, address *string, port *uint, amounts []*uint64) {
	flags = flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	address = flags.String("address", "127.0.0.1", "listen on this `address`, in numbers")
	port = flags.Uint("port", 8080, "and this `port`; 0: any that is free")
	flags.IntVar(&o.workers, "workers", 0, "GOMAXPROCS; 0: as the runtime has it")
	flags.DurationVar(&o.readTimeout, "read-timeout", 5*time.Second, "for a whole request")
	flags.DurationVar(&o.writeTimeout, "write-timeout", 10*time.Second, "for work and answer, from the request's head on")
	flags.DurationVar(&o.idleTimeout, "idle-timeout", 15*time.Second, "between two requests")
	flags.DurationVar(&o.drainTimeout, "drain-timeout", 30*time.Second,
		"for what is under way at SIGTERM; 0 in any of these: no limit")
	flags.Uint64Var(&o.maxConnections, "max-connections", 0, "answer 503 to more; 0: as many as files allow")
	flags.StringVar(&o.directory, "directory", "/var/tmp", "where read_kb has its file")
	flags.StringVar(&o.upstreamURL, "upstream-url", "", "whom upstream=N asks: http://ADDRESS:PORT/path")
	flags.DurationVar(&o.upstreamTimeout, "upstream-timeout", 10*time.Second, "for its answer")
	flags.BoolVar(&o.switchCost, "switch-cost", false,
		"serve nothing: say what a switch of goroutines takes, with GOMAXPROCS=1, and end")
	for k := range kinds {
		amounts = append(amounts, flags.Uint64(strings.ReplaceAll(kinds[k].name, "_", "-"), 0,
			"a step of /process, where its query has none"))
	}
	return flags, address, port, amounts
}

func parseOptions(arguments []string) (o options, err error) {
	flags, address, port, amounts := newFlags(&o)
	err = flags.Parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Printf("build/peers/%s [OPTION VALUE]...\nGo's net/http: a goroutine for each connection.\n\n", name)
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		os.Exit(0)
	}
	if err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("a server takes no arguments, not '%s'; see --help", flags.Arg(0))
	}
	host, err := netip.ParseAddr(*address)
	if err != nil {
		return o, fmt.Errorf("--address takes an address in numbers, as 127.0.0.1 or ::1, not '%s'", *address)
	}
	if *port > 65535 {
		return o, fmt.Errorf("--port takes a number from 0 to 65535, not %d", *port)
	}
	o.address = netip.AddrPortFrom(host, uint16(*port))
	if o.workers < 0 {
		return o, fmt.Errorf("--workers takes a number from 0 on, not %d", o.workers)
	}
	if err = o.checkTimeouts(); err != nil {
		return o, err
	}
	return o, o.takeSteps(amounts)
}

func (o *options) checkTimeouts() error {
	for _, timeout := range []time.Duration{o.readTimeout, o.writeTimeout, o.idleTimeout, o.drainTimeout} {
		if timeout < 0 {
			return fmt.Errorf("a timeout takes a time with its unit (10s, 500ms), or 0 for none, not '%v'", timeout)
		}
	}
	if o.upstreamTimeout <= 0 {
		return errors.New("--upstream-timeout must be more than 0")
	}
	return nil
}

func (o *options) takeSteps(amounts []*uint64) error {
	for k, amount := range amounts {
		if *amount > kinds[k].most {
			return fmt.Errorf("the default for %s is at most %d, not %d", kinds[k].name, kinds[k].most, *amount)
		}
		if *amount > 0 {
			o.defaults = append(o.defaults, step{kind(k), *amount})
		}
	}
	if o.upstreamURL == "" {
		if *amounts[upstream] > 0 {
			return errors.New("--upstream needs --upstream-url, whom to ask")
		}
		return nil
	}
	u, err := url.Parse(o.upstreamURL)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || !isPort(u.Port()) {
		return fmt.Errorf("--upstream-url takes http://ADDRESS:PORT/path, not '%s'", o.upstreamURL)
	}
	if _, err = netip.ParseAddr(u.Hostname()); err != nil {
		return fmt.Errorf("--upstream-url takes an address in numbers, not '%s'", u.Hostname())
	}
	return nil
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// takeFiles returns how many connections there can be; what was asked for and cannot be is refused now.
func takeFiles(o *options) (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("cannot read the limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("cannot raise the limit of open files to %d: %w", limit.Max, err)
	}
	most := uint64(1)
	if limit.Cur > otherFiles {
		most = limit.Cur - otherFiles
	}
	if o.maxConnections > most {
		return 0, fmt.Errorf("%d connections need %d open files, and %d are allowed; raise ulimit -n",
			o.maxConnections, o.maxConnections+otherFiles, limit.Cur)
	}
	if o.maxConnections > 0 {
		most = o.maxConnections
	}
	return most, nil
}
