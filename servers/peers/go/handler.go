// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

type handler struct {
	*worker
}

func newHandler(o *options, s *stats) http.Handler {
	h := &handler{newWorker(o, s)}
	mux := http.NewServeMux()
	mux.HandleFunc("/process", h.process)
	mux.HandleFunc("/healthz", h.healthz)
	mux.HandleFunc("/stats", h.tellStats)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.answerStatus(w, http.StatusNotFound) })
	return mux
}

// answer counts before it writes, since who gets the answer may ask for the count at once.
func (h *handler) answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	h.stats.addAnswer(status)
	write(w, status, contentType, body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header()["Content-Type"] = []string{contentType}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body) // whether that went well shows in the connection
}

func (h *handler) answerStatus(w http.ResponseWriter, status int) {
	h.answer(w, status, "text/plain", []byte(fmt.Sprintf("%d %s\n", status, http.StatusText(status))))
}

// allows answers 405 to any method but METHODS.
func (h *handler) allows(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, method := range methods {
		if r.Method == method {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	h.answerStatus(w, http.StatusMethodNotAllowed)
	return false
}

func (h *handler) healthz(w http.ResponseWriter, r *http.Request) {
	if h.allows(w, r, http.MethodGet, http.MethodHead) {
		h.stats.healthz.Add(1)
		write(w, http.StatusOK, "text/plain", []byte("ok\n"))
	}
}

func (h *handler) tellStats(w http.ResponseWriter, r *http.Request) {
	if h.allows(w, r, http.MethodGet, http.MethodHead) {
		text := h.stats.json()
		h.stats.stats.Add(1)
		write(w, http.StatusOK, "application/json", text)
	}
}

// readBody returns 0 or the status to answer; then where the next request begins is not known.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	if r.ContentLength == 0 {
		return nil, 0
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyBytes+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		status = http.StatusRequestTimeout
	case err != nil:
		status = http.StatusBadRequest
	case len(body) > bodyBytes:
		status = http.StatusRequestEntityTooLarge
	}
	if status != 0 {
		w.Header().Set("Connection", "close")
	}
	return body, status
}

func (h *handler) process(w http.ResponseWriter, r *http.Request) {
	body, status := readBody(w, r)
	if status != 0 {
		h.answerStatus(w, status)
		return
	}
	whole := time.Now()
	if !h.allows(w, r, http.MethodGet, http.MethodHead, http.MethodPost) {
		return
	}
	plan, ok := readPlan(r.URL.RawQuery, h.options.defaults)
	if !ok {
		h.answerStatus(w, http.StatusBadRequest)
		return
	}
	status, digest := h.do(r.Context(), plan, body, whole)
	text := make([]byte, 0, 80)
	text = append(text, "result: "...)
	if status == http.StatusOK {
		text = append(text, hex.EncodeToString(digest[:])...)
		h.answer(w, status, "text/plain", append(text, '\n'))
	} else {
		h.answer(w, status, "text/plain", nil)
	}
}
