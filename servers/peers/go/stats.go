// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// stats counts what a handler can see.  What net/http does without asking (400 and 431 to what is no request,
// timeouts) and what the runtime keeps to itself (queues) is not in it, and not in /stats.
type stats struct {
	answers                   [600]atomic.Uint64 // by status
	healthz, stats            atomic.Uint64
	accepted, closed, refused atomic.Uint64
	work                      [len(kinds)]struct{ count, cpuNs, wallNs atomic.Uint64 }
}

func (s *stats) addAnswer(status int) { s.answers[status].Add(1) }

func (s *stats) addWork(k kind, cpuNs int64, wall time.Duration) {
	s.work[k].count.Add(1)
	s.work[k].cpuNs.Add(uint64(cpuNs))
	s.work[k].wallNs.Add(uint64(wall))
}

// open reads closed first, so that it is never less than none.
func (s *stats) open() uint64 {
	closed := s.closed.Load()
	return s.accepted.Load() - closed
}

type object map[string]any

func (s *stats) requests() object {
	byStatus, total := object{}, uint64(0)
	for status := range s.answers {
		if nr := s.answers[status].Load(); nr > 0 {
			byStatus[strconv.Itoa(status)] = nr
			total += nr
		}
	}
	return object{"count": total, "by_status": byStatus}
}

func (s *stats) workDone() object {
	work := object{}
	for k := range kinds {
		one := object{"count": s.work[k].count.Load(), "wall_ns": s.work[k].wallNs.Load()}
		if kind(k) == cpuUs { // which alone is tied to a thread
			one["cpu_ns"] = s.work[k].cpuNs.Load()
		}
		work[kinds[k].name] = one
	}
	return work
}

func residentBytes() uint64 {
	text, _ := os.ReadFile("/proc/self/statm")
	if fields := bytes.Fields(text); len(fields) > 1 {
		pages, _ := strconv.ParseUint(string(fields[1]), 10, 64)
		return pages * uint64(os.Getpagesize())
	}
	return 0
}

func (s *stats) json() []byte {
	var usage syscall.Rusage
	var gc debug.GCStats
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	debug.ReadGCStats(&gc)
	text, err := json.Marshal(object{
		"model":       name,
		"processes":   1,
		"requests":    s.requests(),
		"healthz":     object{"count": s.healthz.Load()},
		"stats":       object{"count": s.stats.Load()},
		"connections": object{"accepted": s.accepted.Load(), "open": s.open(), "refused": s.refused.Load()},
		"work":        s.workDone(),
		"scheduling":  object{"switches": object{"voluntary": usage.Nvcsw, "involuntary": usage.Nivcsw}},
		"memory":      object{"rss_bytes": residentBytes()},
		"runtime": object{"version": runtime.Version(), "workers": runtime.GOMAXPROCS(0),
			"gc": object{"count": gc.NumGC, "pause_ns": gc.PauseTotal}},
	})
	if err != nil {
		panic(err) // of our own maps
	}
	return append(text, '\n')
}
