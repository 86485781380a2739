package main

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// A non-blocking socket as crypto/tls wants one.
type socket struct {
	file    int
	blocks  bool
	address net.Addr
}

// Nothing to read yet. Temporary, so that crypto/tls goes on with the same record later.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing to read" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

var errClosed = errors.New("the server closed the connection")

func dial(port int) (*socket, error) {
	file, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Connect(file, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, err
	}
	if err := syscall.SetsockoptInt(file, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return nil, err
	}
	return &socket{file: file, blocks: true, address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}, nil
}

// From now on a read that finds nothing says so.
func (s *socket) unblock() error {
	s.blocks = false
	return syscall.SetNonblock(s.file, true)
}

func (s *socket) Read(into []byte) (int, error) {
	for {
		count, err := syscall.Read(s.file, into)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, wouldBlock{}
		case err != nil:
			return 0, err
		case count == 0:
			return 0, errClosed
		default:
			return count, nil
		}
	}
}

// Writes everything: what is on its way is a few calls a connection, which a socket has room for.
func (s *socket) Write(bytes []byte) (int, error) {
	done := 0
	for until := time.Now().Add(grace); done < len(bytes); {
		count, err := syscall.Write(s.file, bytes[done:])
		if err == syscall.EAGAIN || err == syscall.EINTR {
			if time.Now().After(until) {
				return done, err
			}
			continue
		}
		if err != nil {
			return done, err
		}
		done += count
	}
	return done, nil
}

func (s *socket) Close() error                     { return syscall.Close(s.file) }
func (s *socket) LocalAddr() net.Addr              { return s.address }
func (s *socket) RemoteAddr() net.Addr             { return s.address }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// The bytes of HTTP/2 over a socket, through TLS when asked.
func secured(one *socket, isSecure bool) (net.Conn, error) {
	if !isSecure {
		return one, nil
	}
	// The bench makes the certificate itself, a moment before.
	over := tls.Client(one, &tls.Config{NextProtos: []string{"h2"}, InsecureSkipVerify: true})
	if err := over.Handshake(); err != nil {
		return nil, err
	}
	if over.ConnectionState().NegotiatedProtocol != "h2" {
		return nil, errors.New("expected h2 by ALPN")
	}
	return over, nil
}
