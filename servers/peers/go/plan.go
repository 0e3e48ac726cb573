// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"strconv"
	"strings"
)

// The order is that of /stats and of the defaults, as in servers/plan.h.
type kind int

const (
	cpuUs kind = iota
	wallUs
	seedUs
	sha
	sleepUs
	lockUs
	readKb
	allocKb
	upstream
)

const minuteUs = 60_000_000

var kinds = [...]struct {
	name string
	most uint64
}{
	cpuUs:    {"cpu_us", minuteUs},
	wallUs:   {"wall_us", minuteUs},
	seedUs:   {"seed_us", minuteUs},
	sha:      {"sha", 1_000_000},
	sleepUs:  {"sleep_us", minuteUs},
	lockUs:   {"lock_us", minuteUs},
	readKb:   {"read_kb", 1 << 20},
	allocKb:  {"alloc_kb", 1 << 20},
	upstream: {"upstream", 1000},
}

const maxSteps = 9

type step struct {
	kind   kind
	amount uint64
}

// readPlan understands a query, "cpu_us=2000&sha=1"; without one DEFAULTS are the plan.
func readPlan(query string, defaults []step) (plan []step, ok bool) {
	if query == "" {
		return defaults, true
	}
	plan = make([]step, 0, maxSteps)
	// What ends in "&" has no step behind it, as in servers/plan.c.
	for _, text := range strings.Split(strings.TrimSuffix(query, "&"), "&") {
		one, ok := readStep(text)
		if !ok || len(plan) == maxSteps {
			return nil, false
		}
		plan = append(plan, one)
	}
	return plan, true
}

func readStep(text string) (step, bool) {
	name, number, _ := strings.Cut(text, "=")
	for k := range kinds {
		if kinds[k].name == name {
			amount, err := strconv.ParseUint(number, 10, 64)
			return step{kind(k), amount}, err == nil && number[0] != '+' && amount <= kinds[k].most
		}
	}
	return step{}, false
}
