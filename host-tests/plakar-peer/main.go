// plakar-peer drives a plugin as Plakar 1.1 does: it spawns the plugin, speaks gRPC over its standard input and output
// with the library that Plakar uses, and plays a backup into a folder or a restore from one. It is stricter than Plakar
// where Plakar would lose something silently. The last line that it prints is a JSON object.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// settings describe the run.
type settings struct {
	dir     string
	workers int
	// Path to restore alone; its parents are stripped from the names as Plakar does it. Empty for everything.
	only string
	// File whose content is cut off in the middle during a restore.
	cut string
	// Number of files after which all calls are cancelled and the plugin is killed as Plakar kills it; 0 for never.
	killAfter int64
}

// report is the last line of the output.
type report struct {
	Init initResponse `json:"init"`
	// Milliseconds from spawning the plugin to its answer to Init.
	Start     float64           `json:"start"`
	Records   int64             `json:"records"`
	Opens     int64             `json:"opens"`
	Unchanged int64             `json:"unchanged"`
	Acks      int64             `json:"acks"`
	Errors    map[string]string `json:"errors"`
	// Code and message of the status that ended the run, or of a violation by the plugin. Empty after success.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Milliseconds from the end of the plugin's standard input to its exit, and its exit code.
	End  float64 `json:"end"`
	Exit int     `json:"exit"`
	// Milliseconds from the answer to Init to the end of the run; processor time of the plugin in milliseconds; its peak
	// memory in KiB.
	Played    float64 `json:"played"`
	Processor float64 `json:"processor"`
	Memory    int64   `json:"memory"`
}

type pairs map[string]string

func (p pairs) String() string { return fmt.Sprint(map[string]string(p)) }

func (p pairs) Set(text string) error {
	key, value, _ := strings.Cut(text, "=")
	p[key] = value
	return nil
}

func main() {
	var s settings
	config := pairs{}
	mode := flag.String("mode", "backup", "backup, restore, ping, or nothing: only Init and Close")
	service := flag.String("service", "", "importer or exporter; for ping and nothing")
	flag.StringVar(&s.dir, "dir", "", "folder of the backup")
	flag.IntVar(&s.workers, "workers", 1, "number of files to open at once")
	flag.StringVar(&s.only, "only", "", "restore this path only")
	flag.StringVar(&s.cut, "cut", "", "half-close in the middle of this file")
	flag.Int64Var(&s.killAfter, "kill-after", 0, "cancel and kill after this number of files")
	flag.Var(config, "o", "an option, as key=value")
	flag.Parse()
	if *service == "" {
		*service = map[bool]string{true: "exporter", false: "importer"}[*mode == "restore"]
	}
	r := report{Errors: map[string]string{}}
	err := play(*mode, *service, s, config, flag.Args(), &r)
	if err != nil {
		r.Code, r.Message = status.Code(err).String(), status.Convert(err).Message()
	}
	json.NewEncoder(os.Stdout).Encode(r)
}

func play(mode, service string, s settings, config pairs, command []string, r *report) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	plugin, conn, err := spawn(ctx, command)
	if err != nil {
		return err
	}
	defer plugin.finish(r)
	client := &client{conn: conn, service: map[string]string{
		"importer": "/importer.Importer/", "exporter": "/plakar.exporter.Exporter/"}[service]}
	scheme, _, _ := strings.Cut(config["location"], ":")
	request := &initRequest{proto: scheme, config: config, workers: s.workers}
	if err := client.call(ctx, "Init", request, &r.Init); err != nil {
		return err
	}
	r.Start = float64(time.Since(plugin.started).Microseconds()) / 1000
	defer func() { r.Played = float64(time.Since(plugin.started).Microseconds())/1000 - r.Start }()
	switch mode {
	case "backup":
		err = backup(ctx, client, s, r, plugin.kill(cancel))
	case "restore":
		err = restore(ctx, client, s, r, plugin.kill(cancel))
	case "ping":
		err = client.call(ctx, "Ping", empty{}, empty{})
	}
	if err == nil {
		err = client.call(ctx, "Close", empty{}, empty{})
	}
	return err
}

// client calls one of the two services.
type client struct {
	conn    *grpc.ClientConn
	service string
}

func (c *client) call(ctx context.Context, method string, request, answer any) error {
	return c.conn.Invoke(ctx, c.service+method, request, answer)
}

func (c *client) stream(ctx context.Context, method string, up bool) (grpc.ClientStream, error) {
	return c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: up}, c.service+method)
}

// plugin is a running plugin and the connection to it.
type plugin struct {
	command *exec.Cmd
	started time.Time
	conn    *pipes
	killed  atomic.Bool
}

// spawn starts the plugin as Plakar does, and connects to it as Plakar does.
func spawn(ctx context.Context, command []string) (*plugin, *grpc.ClientConn, error) {
	process := exec.Command(command[0], command[1:]...)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	p := &plugin{command: process, started: time.Now(), conn: &pipes{stdout, stdin}}
	if err := process.Start(); err != nil {
		return nil, nil, err
	}
	conn, err := grpc.NewClient("127.0.0.1:0",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithIdleTimeout(0),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return p.conn, nil }),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{})))
	return p, conn, err
}

// kill returns a function that ends the plugin as Plakar does when Plakar is interrupted.
func (p *plugin) kill(cancel func()) func() {
	return func() {
		p.killed.Store(true)
		cancel()
		p.command.Process.Kill()
	}
}

// finish closes the plugin's standard input, waits for its exit, and completes the report.
func (p *plugin) finish(r *report) {
	closed := time.Now()
	p.conn.WriteCloser.Close()
	p.command.Wait()
	r.End = float64(time.Since(closed).Microseconds()) / 1000
	ended := p.command.ProcessState
	r.Exit = ended.ExitCode()
	r.Processor = float64((ended.UserTime() + ended.SystemTime()).Microseconds()) / 1000
	if usage, ok := ended.SysUsage().(*syscall.Rusage); ok {
		r.Memory = usage.Maxrss
	}
}

// pipes is a connection made of a plugin's standard output and input.
type pipes struct {
	io.ReadCloser
	io.WriteCloser
}

func (p *pipes) Close() error { return nil }

func (p *pipes) LocalAddr() net.Addr { return &net.UnixAddr{Name: "peer"} }

func (p *pipes) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "plugin"} }

func (p *pipes) SetDeadline(time.Time) error { return nil }

func (p *pipes) SetReadDeadline(time.Time) error { return nil }

func (p *pipes) SetWriteDeadline(time.Time) error { return nil }
