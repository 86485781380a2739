// grpc-go with its defaults. Arguments: port, and for TLS the files of certificate and key.
package main

import (
	"context"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"weir.example/bench/pb"
)

// What protoc-gen-go-grpc would write, for one method.
var hello = grpc.ServiceDesc{
	ServiceName: "weir.bench.v1.Hello",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Greet",
		Handler: func(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			request := new(pb.GreetRequest)
			if err := decode(request); err != nil {
				return nil, err
			}
			return greet(request), nil
		},
	}},
	Metadata: "hello.proto",
}

func greet(request *pb.GreetRequest) *pb.GreetResponse {
	return &pb.GreetResponse{
		Message:   "Hello, " + request.GetName(),
		Visits:    42,
		Score:     0.75,
		Returning: true,
		Tags:      []string{"river", "weir"},
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var options []grpc.ServerOption
	if len(os.Args) > 3 {
		secure, err := credentials.NewServerTLSFromFile(os.Args[2], os.Args[3])
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(secure))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&hello, nil)
	log.Fatal(server.Serve(listener))
}
