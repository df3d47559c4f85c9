// Command serviceip stands in for kube-proxy, for the one Service that every pod's client library looks for:
// it takes connections to the ClusterIP of `kubernetes` and hands them to the apiserver.
//
//	serviceip LISTEN-ADDRESS APISERVER-ADDRESS
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: serviceip LISTEN-ADDRESS APISERVER-ADDRESS")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "serviceip:", err)
		os.Exit(1)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "serviceip:", err)
			os.Exit(1)
		}
		go serve(client.(*net.TCPConn), os.Args[2])
	}
}

func serve(client *net.TCPConn, address string) {
	defer client.Close()
	// While the apiserver restarts, the client is refused as kube-proxy would have it: at once.
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	for _, way := range [][2]*net.TCPConn{{client, server.(*net.TCPConn)}, {server.(*net.TCPConn), client}} {
		go func() {
			io.Copy(way[1], way[0])
			way[1].CloseWrite()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}
