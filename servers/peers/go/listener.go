// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	lingerTime = time.Second // for what a refused client still sends, so that it does not reset our answer
	refusals   = 64          // more than these at a time are closed at once
)

// limitedListener counts connections, and answers 503 to those above MOST.
type limitedListener struct {
	*net.TCPListener
	most  uint64
	stats *stats
}

// connection stays a *net.TCPConn to net/http, with all that this can do.
type connection struct {
	*net.TCPConn
	stats *stats
	once  sync.Once
}

func (c *connection) Close() error {
	c.once.Do(func() { c.stats.closed.Add(1) })
	return c.TCPConn.Close()
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		open := l.stats.open()
		l.stats.accepted.Add(1)
		c := &connection{TCPConn: accepted, stats: l.stats}
		if open < l.most {
			return c, nil
		}
		l.stats.refused.Add(1)
		if open >= l.most+refusals {
			c.Close()
			continue
		}
		l.stats.addAnswer(http.StatusServiceUnavailable)
		go refuse(c)
	}
}

func refuse(c *connection) {
	const body = "503 Service Unavailable\n"
	defer c.Close()
	c.SetDeadline(time.Now().Add(lingerTime))
	_, err := fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\nDate: %s\r\nContent-Type: text/plain\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", time.Now().UTC().Format(http.TimeFormat), len(body), body)
	if err == nil && c.CloseWrite() == nil {
		io.Copy(io.Discard, c)
	}
}
