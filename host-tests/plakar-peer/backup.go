package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
)

// state is the name of the file with the entries of the last backup. The next backup compares with it, and a restore
// reads it.
const state = ".peer.json"

// sink receives the records of a backup and writes the files to a folder.
type sink struct {
	settings
	client *client
	kill   func()
	before map[string]fileInfo

	mu     sync.Mutex
	report *report
	after  map[string]fileInfo
}

// backup plays Plakar's import: workers take the records, and each worker opens and reads one file at a time. Every
// record is acknowledged, also after a failure.
func backup(ctx context.Context, c *client, s settings, r *report, kill func()) error {
	k := &sink{settings: s, client: c, kill: kill, before: map[string]fileInfo{}, report: r, after: map[string]fileInfo{}}
	if old, err := os.ReadFile(filepath.Join(s.dir, state)); err == nil {
		if err := json.Unmarshal(old, &k.before); err != nil {
			return err
		}
	}
	stream, err := c.stream(ctx, "Import", true)
	if err != nil {
		return err
	}
	records := make(chan *record, s.workers)
	acks := make(chan *record, s.workers)
	var workers, sending sync.WaitGroup
	for range s.workers {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for one := range records {
				k.take(ctx, one)
				acks <- one
			}
		}()
	}
	sending.Add(1)
	go func() {
		defer sending.Done()
		for one := range acks {
			one.HasReader = false
			if stream.SendMsg(&wrapped{out: (&result{Header: *one}).marshal()}) == nil {
				atomic.AddInt64(&r.Acks, 1)
			}
		}
		stream.CloseSend()
	}()
	err = k.receive(stream, records)
	close(records)
	workers.Wait()
	close(acks)
	sending.Wait()
	if err != nil {
		return err
	}
	// Plakar ignores the rest of the call after `finished`; here, the call must end with success.
	if err := stream.RecvMsg(&listed{}); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after finished and the last acknowledgement: %v", err)
	}
	return k.commit()
}

// receive reads records until `finished`.
func (k *sink) receive(stream grpc.ClientStream, records chan<- *record) error {
	seen := map[string]bool{}
	for {
		one := &listed{}
		if err := stream.RecvMsg(one); errors.Is(err, io.EOF) {
			return errors.New("the call succeeded without `finished`: Plakar would make a snapshot of it")
		} else if err != nil {
			return err
		}
		if one.finished {
			return nil
		}
		if err := check(one.record, seen); err != nil {
			return err
		}
		k.report.Records++
		records <- one.record
	}
}

// check fails for a record that Plakar refuses, and for one that Plakar would lose silently.
func check(one *record, seen map[string]bool) error {
	switch {
	case one == nil:
		return errors.New("neither a record nor finished")
	case one.Pathname == "" || one.Pathname[0] != '/' || path.Clean(one.Pathname) != one.Pathname:
		return fmt.Errorf("%q is not an absolute, clean path", one.Pathname)
	case one.Error != "":
		return nil
	case one.Info == nil:
		return fmt.Errorf("%s: missing fileinfo", one.Pathname)
	case one.Info.Name != path.Base(one.Pathname):
		return fmt.Errorf("%s: the name in its fileinfo is %q", one.Pathname, one.Info.Name)
	case seen[one.Pathname]:
		return fmt.Errorf("%s: is listed twice", one.Pathname)
	case one.Pathname != "/" && !seen[path.Dir(one.Pathname)]:
		return fmt.Errorf("%s: its directory has no record before it", one.Pathname)
	}
	seen[one.Pathname] = true
	return nil
}

// take handles a record as a worker of Plakar does.
func (k *sink) take(ctx context.Context, one *record) {
	if one.Error != "" {
		k.fail(one.Pathname, one.Error)
		return
	}
	place := filepath.Join(k.dir, one.Pathname)
	if one.Info.isDir() {
		if err := os.MkdirAll(place, 0o700); err != nil {
			k.fail(one.Pathname, err.Error())
		}
		k.keep(one.Pathname, *one.Info)
		return
	}
	if old, ok := k.before[one.Pathname]; ok && same(old, *one.Info) {
		atomic.AddInt64(&k.report.Unchanged, 1)
		k.keep(one.Pathname, old)
		return
	}
	opens := atomic.AddInt64(&k.report.Opens, 1)
	if opens == k.killAfter {
		k.kill()
	}
	bytes, err := k.open(ctx, one.Pathname)
	if err == nil {
		// Another worker may not have created the directory yet.
		err = os.MkdirAll(filepath.Dir(place), 0o700)
	}
	if err == nil {
		err = os.WriteFile(place, bytes, 0o600)
	}
	if err != nil {
		k.fail(one.Pathname, err.Error())
		return
	}
	info := *one.Info
	info.Size = int64(len(bytes))
	k.keep(one.Pathname, info)
}

// same compares as Plakar does: an unknown size (-1) equals any size.
func same(old, new fileInfo) bool {
	if new.Size == -1 {
		new.Size = old.Size
	}
	return old == new
}

func (k *sink) open(ctx context.Context, pathname string) ([]byte, error) {
	stream, err := k.client.stream(ctx, "Open", false)
	if err != nil {
		return nil, err
	}
	request := &record{Pathname: pathname}
	if err := stream.SendMsg(&wrapped{out: request.marshal()}); err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var bytes []byte
	for {
		piece := &chunk{}
		if err := stream.RecvMsg(piece); errors.Is(err, io.EOF) {
			return bytes, nil
		} else if err != nil {
			return nil, err
		}
		if len(piece.bytes) == 0 {
			return nil, errors.New("an empty chunk: Plakar fails the file")
		}
		bytes = append(bytes, piece.bytes...)
	}
}

func (k *sink) fail(pathname, why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.report.Errors[pathname] = why
}

func (k *sink) keep(pathname string, info fileInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.after[pathname] = info
}

// commit turns the folder into the new snapshot: it removes entries that were not listed or not readable.
func (k *sink) commit() error {
	for pathname := range k.before {
		if _, ok := k.after[pathname]; !ok {
			os.RemoveAll(filepath.Join(k.dir, pathname))
		}
	}
	bytes, err := json.Marshal(k.after)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(k.dir, state), bytes, 0o600)
}
