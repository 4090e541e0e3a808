package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
)

// piece is the size in bytes of the chunks that Plakar sends.
const piece = 1 << 20

// restore plays Plakar's export: every record in order, one file after the other, in chunks with an empty one at the
// end. Acknowledgements are read at the same time.
func restore(ctx context.Context, c *client, s settings, r *report, kill func()) error {
	infos := map[string]fileInfo{}
	text, err := os.ReadFile(filepath.Join(s.dir, state))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &infos); err != nil {
		return err
	}
	stream, err := c.stream(ctx, "Export", true)
	if err != nil {
		return err
	}
	received := make(chan error, 1)
	go func() { received <- results(stream, r) }()
	for _, one := range choose(infos, s.only) {
		if r.Records++; r.Records == s.killAfter {
			kill()
		}
		done, err := send(stream, s, one)
		if err != nil {
			break // The receiving side gets the status with the reason.
		}
		if !done {
			break
		}
	}
	stream.CloseSend()
	return <-received
}

// item is a record to send, and the path of its content in the folder.
type item struct {
	record record
	place  string
}

// choose lists the items that Plakar sends, in the order of their paths: everything, or what is at and below the path
// `only`, with the parents stripped from the names.
func choose(infos map[string]fileInfo, only string) []item {
	var items []item
	for place, info := range infos {
		pathname := place
		switch {
		case only == "":
		case place == only && info.isDir():
			pathname = "/"
		case place == only:
			pathname = "/" + path.Base(place)
			items = append(items, item{record{Pathname: "/", Info: &fileInfo{Name: "/", Mode: modeDir | 0o700}}, ""})
		case strings.HasPrefix(place, only+"/"):
			pathname = place[len(only):]
		default:
			continue
		}
		info := info
		items = append(items, item{record{Pathname: pathname, HasReader: !info.isDir(), Info: &info}, place})
	}
	// A directory comes before its contents, and these before the next sibling.
	key := func(i int) string { return strings.ReplaceAll(items[i].record.Pathname, "/", "\x00") }
	sort.Slice(items, func(a, b int) bool { return key(a) < key(b) })
	return items
}

// send sends one record with its content. It returns false if the content was cut off.
func send(stream grpc.ClientStream, s settings, one item) (bool, error) {
	if err := stream.SendMsg(&packet{record: &one.record}); err != nil {
		return false, err
	}
	if !one.record.HasReader {
		return true, nil
	}
	bytes, err := os.ReadFile(filepath.Join(s.dir, one.place))
	if err != nil {
		return false, err
	}
	if one.place == s.cut {
		return false, stream.SendMsg(&packet{chunk: bytes[:len(bytes)/2]})
	}
	for len(bytes) > 0 {
		length := min(piece, len(bytes))
		if err := stream.SendMsg(&packet{chunk: bytes[:length]}); err != nil {
			return false, err
		}
		bytes = bytes[length:]
	}
	return true, stream.SendMsg(&packet{})
}

// results reads acknowledgements until the call ends.
func results(stream grpc.ClientStream, r *report) error {
	for {
		var one result
		err := stream.RecvMsg(&wrapped{in: one.unmarshal})
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if one.Header.Info == nil && one.Header.Error == "" {
			return errors.New("an acknowledgement without fileinfo: Plakar would end the restore")
		}
		atomic.AddInt64(&r.Acks, 1)
		if one.Error != "" {
			r.Errors[one.Header.Pathname] = one.Error
		}
	}
}
