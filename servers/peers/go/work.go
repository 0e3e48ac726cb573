// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	pageBytes  = 4096
	fileBytes  = 4 << 20
	pieceBytes = 65536
	blockBytes = 16384
	burnBytes  = 4096 // between two looks at the clock
)

var burned [burnBytes]byte

// firstBlock is made once, since to make it takes as long as a round of sha.
var firstBlock = func() (block [blockBytes]byte) {
	for i := range block {
		block[i] = byte(i % 251)
	}
	return block
}()

// ofNothing is made once, as in the other servers: it is no work that a request without a body asks for.
var ofNothing = sha256.Sum256(nil)

type worker struct {
	options *options
	stats   *stats
	client  *http.Client
	lock    sync.Mutex
	cold    coldFile
}

func newWorker(o *options, s *stats) *worker {
	return &worker{
		options: o,
		stats:   s,
		// A connection for each request, as the reference servers have it.
		client: &http.Client{
			Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
			Timeout:   o.upstreamTimeout,
		},
	}
}

// do runs the steps of PLAN; WHOLE is when the handler had all of the request.  It returns the status to answer and
// the digest that the answer shows.
func (w *worker) do(ctx context.Context, plan []step, body []byte, whole time.Time) (int, [sha256.Size]byte) {
	digest := ofNothing
	if len(body) > 0 {
		digest = sha256.Sum256(body)
	}
	for _, one := range plan {
		began := time.Now()
		cpuNs, status := w.doStep(ctx, one, began, whole, &digest)
		w.stats.addWork(one.kind, cpuNs, time.Since(began))
		if status != http.StatusOK {
			return status, digest
		}
	}
	return http.StatusOK, digest
}

func (w *worker) doStep(ctx context.Context, one step, began, whole time.Time,
	digest *[sha256.Size]byte) (cpuNs int64, status int) {
	length := time.Duration(one.amount) * time.Microsecond
	var err error
	switch one.kind {
	case cpuUs:
		cpuNs = burnCPU(length)
	case wallUs:
		burnUntil(began.Add(length))
	case seedUs: // the mistake that it is there to show: waiting counts as work
		burnUntil(whole.Add(length))
	case sha:
		if one.amount > 0 {
			*digest = chain(one.amount)
		}
	case sleepUs:
		time.Sleep(length)
	case lockUs:
		w.lock.Lock()
		time.Sleep(length)
		w.lock.Unlock()
	case readKb:
		err = w.cold.read(w.options.directory, one.amount*1024)
	case allocKb:
		err = touch(one.amount * 1024)
	case upstream:
		return 0, w.askUpstream(ctx, one.amount)
	}
	if err != nil {
		return cpuNs, http.StatusInternalServerError
	}
	return cpuNs, http.StatusOK
}

func threadCPUNs() int64 {
	const clockThreadCPUTime = 3
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPUTime, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// burnCPU is tied to its thread, since that is whose clock there is: a goroutine may go on in another thread at
// any time, and has no CPU time that anybody counts.  Preempted it then costs a switch of threads, which is why
// no other step is tied, nor has a cpu_ns in /stats.
func burnCPU(length time.Duration) int64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadCPUNs()
	for threadCPUNs()-began < int64(length) {
		sha256.Sum256(burned[:])
	}
	return threadCPUNs() - began
}

func burnUntil(end time.Time) {
	for time.Now().Before(end) {
		sha256.Sum256(burned[:])
	}
}

// chain is the step sha, as servers/sha.h tells it.
func chain(rounds uint64) (digest [sha256.Size]byte) {
	block := append([]byte(nil), firstBlock[:]...)
	for round := uint64(0); round < rounds; round++ {
		if round > 0 {
			copy(block, digest[:])
		}
		digest = sha256.Sum256(block)
	}
	return digest
}

func shaRoundNs() int64 {
	const rounds = 200
	began := time.Now()
	chain(rounds)
	return int64(time.Since(began)) / rounds
}

// coldFile is read past the page cache.
type coldFile struct {
	once sync.Once
	file *os.File
	err  error
	next uint64
}

func (c *coldFile) make(directory string) error {
	written, err := os.CreateTemp(directory, "whylate-server-")
	if err != nil {
		return err
	}
	defer written.Close()
	defer os.Remove(written.Name())
	if _, err = written.Write(make([]byte, fileBytes)); err == nil {
		err = written.Sync()
	}
	if err == nil {
		c.file, err = os.OpenFile(written.Name(), os.O_RDONLY|syscall.O_DIRECT, 0)
	}
	return err
}

// read takes whole pages: what passes by the page cache comes in no smaller pieces, and into whole pages.
func (c *coldFile) read(directory string, bytes uint64) error {
	c.once.Do(func() {
		if c.err = c.make(directory); c.err != nil {
			fmt.Fprintf(os.Stderr, "cannot read past the page cache in %s: %v; read_kb is answered 500, see --directory\n",
				directory, c.err)
		}
	})
	if c.err != nil {
		return c.err
	}
	memory := make([]byte, pieceBytes+pageBytes)
	piece := memory[pageBytes-uintptr(unsafe.Pointer(&memory[0]))%pageBytes:][:pieceBytes]
	for left := (bytes + pageBytes - 1) / pageBytes * pageBytes; left > 0; {
		take := left
		if take > pieceBytes {
			take = pieceBytes
		}
		at := (atomic.AddUint64(&c.next, pieceBytes) - pieceBytes) % fileBytes
		if _, err := c.file.ReadAt(piece[:take], int64(at)); err != nil {
			return err
		}
		left -= take
	}
	return nil
}

// touch has a mapping of its own, since the heap would give back pages that were touched before.
func touch(bytes uint64) error {
	if bytes == 0 {
		return nil
	}
	memory, err := syscall.Mmap(-1, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return err
	}
	for at := 0; at < len(memory); at += pageBytes {
		memory[at] = 1
	}
	return syscall.Munmap(memory)
}

// askUpstream returns the status to answer: 200, or 502 and 504 for what went wrong.
func (w *worker) askUpstream(ctx context.Context, times uint64) int {
	for i := uint64(0); i < times; i++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.options.upstreamURL, nil)
		if err != nil || w.options.upstreamURL == "" {
			return http.StatusBadGateway
		}
		answer, err := w.client.Do(request)
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			return http.StatusGatewayTimeout
		}
		if err != nil || answer.StatusCode/100 != 2 {
			return http.StatusBadGateway
		}
	}
	return http.StatusOK
}
