// Kitex in its gRPC mode, with its defaults. Arguments: port.
package main

import (
	"context"
	"log"
	"net"
	"os"

	"github.com/cloudwego/kitex/server"
	"weir.example/bench/kitex_gen/hello"
	service "weir.example/bench/kitex_gen/hello/hello"
)

type handler struct{}

func (*handler) Greet(_ context.Context, request *hello.GreetRequest) (*hello.GreetResponse, error) {
	return &hello.GreetResponse{
		Message:   "Hello, " + request.Name,
		Visits:    42,
		Score:     0.75,
		Returning: true,
		Tags:      []string{"river", "weir"},
	}, nil
}

func main() {
	address, err := net.ResolveTCPAddr("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(service.NewServer(&handler{}, server.WithServiceAddr(address)).Run())
}
