package main

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"time"

	"golang.org/x/net/http2/hpack"
)

const (
	frameData, frameHeaders, frameReset, frameSettings = 0, 1, 3, 4
	framePing, frameGoAway, frameContinuation          = 6, 7, 9
	flagEnd, flagEndHeaders, flagPadded, flagPriority  = 1, 4, 8, 0x20
	headBytes                                          = 9
)

// The preface, SETTINGS with the largest window and no push, and as large a window for the connection: nothing need be given back.
var opening = slices.Concat(
	[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	[]byte{0, 0, 12, frameSettings, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff},
	[]byte{0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0x00, 0x00},
)

type stream struct {
	id   uint32
	seen int
	fine bool
	due  time.Time
}

// One connection. It writes calls that were put together before, and looks at every byte of every answer: the message must be the
// one expected and the trailers must say grpc-status 0. Header blocks that do not change the table are remembered by their bytes.
type connection struct {
	*tally
	socket    *socket
	over      net.Conn
	decoder   *hpack.Decoder
	status    string
	blocks    map[string]string
	fragments []byte
	in, out   []byte
	read      int
	id        uint32
	open      int
	streams   []stream
	waiting   []time.Time
	isFirst   bool
	isOver    bool
}

func connect(all *tally) (*connection, error) {
	socket, err := dial(all.Port)
	if err != nil {
		return nil, err
	}
	over, err := secured(socket, all.Secure)
	if err != nil {
		return nil, err
	}
	places := 1024
	for places < all.Streams*64 {
		places *= 2
	}
	one := &connection{
		tally: all, socket: socket, over: over, blocks: map[string]string{}, in: make([]byte, 256*1024),
		id: 1, isFirst: true, streams: make([]stream, places),
	}
	one.decoder = hpack.NewDecoder(4096, func(field hpack.HeaderField) {
		if field.Name == "grpc-status" {
			one.status = field.Value
		}
	})
	if _, err := over.Write(opening); err != nil {
		return nil, err
	}
	return one, socket.unblock()
}

// A call that was due at a time; it waits where no stream is free.
func (c *connection) call(due time.Time) {
	if c.isOver {
		return
	}
	if c.open >= c.Streams {
		c.waiting = append(c.waiting, due)
		return
	}
	frames := c.Next
	if c.isFirst {
		frames, c.isFirst = c.First, false
	}
	at := len(c.out)
	c.out = append(c.out, frames...)
	length := int(frames[0])<<16 | int(frames[1])<<8 | int(frames[2])
	binary.BigEndian.PutUint32(c.out[at+5:], c.id)
	binary.BigEndian.PutUint32(c.out[at+headBytes+length+5:], c.id)
	place := c.place(c.id)
	if place.id != 0 {
		c.failures++
	}
	*place = stream{id: c.id, due: due}
	c.id += 2
	c.open++
}

func (c *connection) place(id uint32) *stream {
	return &c.streams[int(id>>1)&(len(c.streams)-1)]
}

// Everything that was put together leaves in one write.
func (c *connection) flush() {
	if len(c.out) == 0 || c.isOver {
		return
	}
	if _, err := c.over.Write(c.out); err != nil {
		c.broken()
	}
	c.out = c.out[:0]
}

func (c *connection) broken() {
	if c.isOver {
		return
	}
	c.isOver = true
	c.failures += max(1, c.open)
	c.open, c.waiting = 0, nil
	_ = c.socket.Close()
}

// Reads what is there, and answers it with as many calls as it has made room for.
func (c *connection) receive() {
	for !c.isOver {
		room := len(c.in) - c.read
		count, err := c.over.Read(c.in[c.read:])
		if err == (wouldBlock{}) {
			break
		}
		if err != nil {
			c.broken()
			return
		}
		c.read += count
		c.frames()
		// Without TLS a read that was not filled has emptied the socket.
		if !c.Secure && count < room {
			break
		}
	}
	for len(c.waiting) > 0 && c.open < c.Streams && !c.isOver {
		due := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.call(due)
	}
	c.flush()
}

func (c *connection) frames() {
	at := 0
	for c.read-at >= headBytes && !c.isOver {
		end := at + headBytes + (int(c.in[at])<<16 | int(c.in[at+1])<<8 | int(c.in[at+2]))
		if end > c.read {
			break
		}
		c.frame(c.in[at:end])
		at = end
	}
	c.read = copy(c.in, c.in[at:c.read])
}

func (c *connection) frame(whole []byte) {
	kind, flags := whole[3], whole[4]
	id := binary.BigEndian.Uint32(whole[5:]) & 0x7fffffff
	content := whole[headBytes:]
	if kind <= frameHeaders && flags&flagPadded != 0 {
		content = content[1 : len(content)-int(content[0])]
	}
	switch kind {
	case frameData:
		c.data(id, content)
	case frameHeaders:
		if flags&flagPriority != 0 {
			content = content[5:]
		}
		c.block(id, content, flags)
	case frameContinuation:
		c.block(id, content, flags)
	case frameSettings:
		c.settings(content, flags)
	case framePing:
		if flags&1 == 0 {
			c.out = append(c.out, 0, 0, 8, framePing, 1, 0, 0, 0, 0)
			c.out = append(c.out, content...)
		}
	case frameReset:
		c.failed(c.place(id), id)
	case frameGoAway:
		c.broken()
	}
	if kind <= frameHeaders && flags&flagEnd != 0 {
		c.ended(id)
	}
}

func (c *connection) settings(content []byte, flags byte) {
	if flags&1 != 0 {
		return
	}
	for ; len(content) >= 6; content = content[6:] {
		// What was put together before uses the table that a server has by default.
		if binary.BigEndian.Uint16(content) == 1 && binary.BigEndian.Uint32(content[2:]) < 4096 {
			c.broken()
			return
		}
	}
	c.out = append(c.out, 0, 0, 0, frameSettings, 1, 0, 0, 0, 0)
}

func (c *connection) data(id uint32, content []byte) {
	place := c.place(id)
	end := place.seen + len(content)
	if end <= len(c.Expected) && bytes.Equal(content, c.Expected[place.seen:end]) {
		place.seen = end
	} else {
		place.seen = len(c.Expected) + 1
	}
}

func (c *connection) block(id uint32, content []byte, flags byte) {
	if flags&flagEndHeaders == 0 || len(c.fragments) > 0 {
		c.fragments = append(c.fragments, content...)
		if flags&flagEndHeaders == 0 {
			return
		}
		content, c.fragments = c.fragments, nil
	}
	if c.statusIn(content) == "0" {
		c.place(id).fine = true
	}
}

// The grpc-status of a header block; "" when it has none.
func (c *connection) statusIn(block []byte) string {
	if known, ok := c.blocks[string(block)]; ok {
		return known
	}
	c.status = ""
	if _, err := c.decoder.Write(block); err != nil || c.decoder.Close() != nil {
		c.broken()
		return ""
	}
	if changesTable(block) {
		clear(c.blocks)
	} else if len(c.blocks) < 64 {
		c.blocks[string(block)] = c.status
	}
	return c.status
}

func (c *connection) ended(id uint32) {
	place := c.place(id)
	if place.id != id {
		return
	}
	if place.seen != len(c.Expected) || !place.fine {
		c.failed(place, id)
		return
	}
	c.answered++
	c.settle(place)
}

func (c *connection) failed(place *stream, id uint32) {
	if place.id != id {
		return
	}
	c.failures++
	c.settle(place)
}

func (c *connection) settle(place *stream) {
	place.id = 0
	c.open--
	c.settled(place.due)
	if c.Rate == 0 && c.now.Before(c.until) {
		c.call(c.now)
	}
}
