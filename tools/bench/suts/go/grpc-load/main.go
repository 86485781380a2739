// The load of the rpc suites where there is Go: what tools/bench/grpc-load.ts does, on one thread and with epoll(7), at a fraction
// of its cost, so that a server of two microseconds a call is the bottleneck. Its argument is the JSON of a plan. Prints a
// LoadResult as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// A server that has answered nothing for this long is given up.
const grace = 2 * time.Second

// Calls that come due within so long leave together: at a high rate a write for each would make the load late, not the server.
const tick = 100 * time.Microsecond

type plan struct {
	Port        int
	Secure      bool
	Connections int
	Seconds     float64
	// Calls at once on each connection.
	Streams int
	// Calls a second, at equal distances whatever the answers do; 0: as many as are answered.
	Rate float64
	// Frames of one call, with stream 0, and the same once the server's table holds the fields.
	First, Next []byte
	// The message of a good answer with its five bytes of prefix.
	Expected []byte
}

// What all connections count together.
type tally struct {
	plan
	answered, failures, made int
	latencies                []time.Duration
	now, until, paced        time.Time
}

func (t *tally) settled(due time.Time) {
	if t.Rate > 0 || t.answered&15 == 0 {
		t.latencies = append(t.latencies, t.now.Sub(due))
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	if len(os.Args) != 2 {
		log.Fatal("expected a plan as JSON")
	}
	all := &tally{}
	if err := json.Unmarshal([]byte(os.Args[1]), &all.plan); err != nil {
		log.Fatalf("expected a plan as JSON: %v", err)
	}
	poll, err := syscall.EpollCreate1(0)
	if err != nil {
		log.Fatal(err)
	}
	var open []*connection
	byFile := map[int32]*connection{}
	for range all.Connections {
		one, err := connect(all)
		if err != nil {
			log.Fatal(err)
		}
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(one.socket.file)}
		if err := syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, one.socket.file, &event); err != nil {
			log.Fatal(err)
		}
		open = append(open, one)
		byFile[event.Fd] = one
	}
	started := time.Now()
	all.now, all.until = started, started.Add(time.Duration(all.Seconds*float64(time.Second)))
	if all.Rate == 0 {
		for _, one := range open {
			for range all.Streams {
				one.call(started)
			}
			one.flush()
		}
	}
	events := make([]syscall.EpollEvent, 256)
	for {
		all.now = time.Now()
		isOver := !all.now.Before(all.until)
		if isOver && (owed(open) == 0 || all.now.After(all.until.Add(grace))) {
			break
		}
		waitMs := 1
		if all.Rate > 0 && !isOver {
			waitMs = 0
			pace(all, open, started)
		}
		count, err := syscall.EpollWait(poll, events, waitMs)
		if err != nil && err != syscall.EINTR {
			log.Fatal(err)
		}
		all.now = time.Now()
		for _, event := range events[:max(0, count)] {
			byFile[event.Fd].receive()
		}
	}
	report(all, owed(open), started)
}

// Calls that were due and have not been answered.
func owed(open []*connection) int {
	sum := 0
	for _, one := range open {
		sum += one.open + len(one.waiting)
	}
	return sum
}

// Makes the calls that have come due, one connection after another.
func pace(all *tally, open []*connection, started time.Time) {
	if all.now.Sub(all.paced) < tick {
		return
	}
	all.paced = all.now
	wanted := int(all.now.Sub(started).Seconds() * all.Rate)
	for ; all.made < wanted; all.made++ {
		due := started.Add(time.Duration(float64(all.made) / all.Rate * float64(time.Second)))
		open[all.made%len(open)].call(due)
	}
	for _, one := range open {
		one.flush()
	}
}

func report(all *tally, owed int, started time.Time) {
	slices.Sort(all.latencies)
	p99 := 0.0
	if count := len(all.latencies); count > 0 {
		p99 = all.latencies[count*99/100].Seconds() * 1000
	}
	result := map[string]any{
		"requests":     all.answered,
		"durationMs":   all.now.Sub(started).Seconds() * 1000,
		"failures":     all.failures + owed,
		"latencyMsP99": p99,
	}
	if all.Rate > 0 {
		result["due"] = all.made
	}
	text, err := json.Marshal(result)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}
