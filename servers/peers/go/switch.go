// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// As servers/green_cost.c has it.
const (
	switchBatches = 201
	switches      = 1000
)

// switchGame is of two goroutines that share one P, so that only one of them runs at a time.
type switchGame struct {
	last  atomic.Int32 // who ran before
	count int          // of this batch
	began time.Time
	took  []time.Duration
}

func (g *switchGame) endBatch() {
	now := time.Now()
	g.took = append(g.took, now.Sub(g.began))
	g.began, g.count = now, 0
}

// play yields until all batches are there.  A yield that came back to who yielded is no switch.
func (g *switchGame) play(own int32) {
	for len(g.took) <= switchBatches {
		if g.last.Load() != own {
			g.last.Store(own)
			if g.count++; g.count == switches {
				g.endBatch()
			}
		}
		runtime.Gosched()
	}
}

// switchNs is what it takes that one goroutine lets another one run: the median of the batches.
func switchNs() float64 {
	runtime.GOMAXPROCS(1)
	g := &switchGame{began: time.Now()}
	var both sync.WaitGroup
	for own := int32(1); own <= 2; own++ {
		both.Add(1)
		go func(own int32) {
			defer both.Done()
			g.play(own)
		}(own)
	}
	both.Wait()
	took := g.took[1:]
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	return float64(took[switchBatches/2]) / switches
}
