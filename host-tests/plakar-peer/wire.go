package main

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages are encoded by hand. The plugin is built from plakar/proto; a peer built from the same files would not
// notice a wrong field number in them.

// fileInfo is the metadata of a file in a snapshot.
type fileInfo struct {
	Name      string `json:"name"`
	Size      int64  `json:"size"`
	Mode      uint32 `json:"mode"`
	Seconds   int64  `json:"seconds"`
	Nanos     int32  `json:"nanos"`
	Dev       uint64 `json:"dev"`
	Ino       uint64 `json:"ino"`
	UID       uint64 `json:"uid"`
	GID       uint64 `json:"gid"`
	Nlink     uint32 `json:"nlink"`
	Username  string `json:"username"`
	Groupname string `json:"groupname"`
}

const modeDir = 1 << 31

func (fi *fileInfo) isDir() bool { return fi.Mode&modeDir != 0 }

// record is one entry of a backup or a restore.
type record struct {
	HasReader bool
	Pathname  string
	Error     string
	Info      *fileInfo
}

// result is an acknowledgement.
type result struct {
	Header record
	Error  string
}

func appendString(b []byte, n protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

func appendInt(b []byte, n protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
}

func appendMessage(b []byte, n protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), m)
}

// fields calls `each` for every field, with the number of the field and its value as an integer or as bytes.
func fields(b []byte, each func(n protowire.Number, v uint64, data []byte)) error {
	for len(b) > 0 {
		n, kind, length := protowire.ConsumeTag(b)
		if length < 0 {
			return protowire.ParseError(length)
		}
		b = b[length:]
		switch kind {
		case protowire.VarintType:
			v, length := protowire.ConsumeVarint(b)
			if length < 0 {
				return protowire.ParseError(length)
			}
			each(n, v, nil)
			b = b[length:]
		case protowire.BytesType:
			data, length := protowire.ConsumeBytes(b)
			if length < 0 {
				return protowire.ParseError(length)
			}
			each(n, 0, data)
			b = b[length:]
		default:
			return fmt.Errorf("field %d has the unexpected type %d", n, kind)
		}
	}
	return nil
}

func (fi *fileInfo) marshal() []byte {
	var time []byte
	time = appendInt(time, 1, uint64(fi.Seconds))
	time = appendInt(time, 2, uint64(fi.Nanos))
	var b []byte
	b = appendString(b, 1, fi.Name)
	b = appendInt(b, 2, uint64(fi.Size))
	b = appendInt(b, 3, uint64(fi.Mode))
	b = appendMessage(b, 4, time)
	b = appendInt(b, 5, fi.Dev)
	b = appendInt(b, 6, fi.Ino)
	b = appendInt(b, 7, fi.UID)
	b = appendInt(b, 8, fi.GID)
	b = appendInt(b, 9, uint64(fi.Nlink))
	b = appendString(b, 10, fi.Username)
	return appendString(b, 11, fi.Groupname)
}

func (fi *fileInfo) unmarshal(b []byte) error {
	var inner error
	err := fields(b, func(n protowire.Number, v uint64, data []byte) {
		switch n {
		case 1:
			fi.Name = string(data)
		case 2:
			fi.Size = int64(v)
		case 3:
			fi.Mode = uint32(v)
		case 4:
			inner = fields(data, func(n protowire.Number, v uint64, _ []byte) {
				if n == 1 {
					fi.Seconds = int64(v)
				} else {
					fi.Nanos = int32(v)
				}
			})
		case 5:
			fi.Dev = v
		case 6:
			fi.Ino = v
		case 7:
			fi.UID = v
		case 8:
			fi.GID = v
		case 9:
			fi.Nlink = uint32(v)
		case 10:
			fi.Username = string(data)
		case 11:
			fi.Groupname = string(data)
		}
	})
	if err == nil {
		err = inner
	}
	return err
}

func (r *record) marshal() []byte {
	var b []byte
	if r.HasReader {
		b = appendInt(b, 1, 1)
	}
	b = appendString(b, 2, r.Pathname)
	b = appendString(b, 3, r.Error)
	if r.Info != nil {
		b = appendMessage(b, 8, r.Info.marshal())
	}
	return b
}

func (r *record) unmarshal(b []byte) error {
	var inner error
	err := fields(b, func(n protowire.Number, v uint64, data []byte) {
		switch n {
		case 1:
			r.HasReader = v != 0
		case 2:
			r.Pathname = string(data)
		case 3:
			r.Error = string(data)
		case 8:
			r.Info = &fileInfo{}
			inner = r.Info.unmarshal(data)
		}
	})
	if err == nil {
		err = inner
	}
	return err
}

func (r *result) marshal() []byte {
	return appendString(appendMessage(nil, 1, r.Header.marshal()), 2, r.Error)
}

func (r *result) unmarshal(b []byte) error {
	var inner error
	err := fields(b, func(n protowire.Number, _ uint64, data []byte) {
		if n == 1 {
			inner = r.Header.unmarshal(data)
		} else if n == 2 {
			r.Error = string(data)
		}
	})
	if err == nil {
		err = inner
	}
	return err
}

// packet is an ExportRequest: a record or a chunk. An empty chunk is encoded as well: it ends a file.
type packet struct {
	record *record
	chunk  []byte
}

func (p *packet) marshal() []byte {
	if p.record != nil {
		return appendMessage(nil, 1, p.record.marshal())
	}
	return appendMessage(nil, 2, p.chunk)
}

// listed is an ImportResponse.
type listed struct {
	record   *record
	finished bool
}

func (l *listed) unmarshal(b []byte) error {
	var inner error
	err := fields(b, func(n protowire.Number, v uint64, data []byte) {
		if n == 1 {
			l.record = &record{}
			inner = l.record.unmarshal(data)
		} else if n == 2 {
			l.finished = v != 0
		}
	})
	if err == nil {
		err = inner
	}
	return err
}

// chunk is an OpenResponse.
type chunk struct{ bytes []byte }

func (c *chunk) unmarshal(b []byte) error {
	return fields(b, func(n protowire.Number, _ uint64, data []byte) {
		if n == 1 {
			c.bytes = append([]byte{}, data...)
		}
	})
}

// initRequest is an InitRequest with the options of the connector.
type initRequest struct {
	proto   string
	config  map[string]string
	workers int
}

func (r *initRequest) marshal() []byte {
	var options []byte
	options = appendString(options, 1, "peer")
	options = appendString(options, 2, "linux")
	options = appendString(options, 3, "amd64")
	options = appendString(options, 4, "/")
	options = appendInt(options, 5, uint64(r.workers))
	b := appendString(appendMessage(nil, 1, options), 2, r.proto)
	for key, value := range r.config {
		b = appendMessage(b, 3, appendString(appendString(nil, 1, key), 2, value))
	}
	return b
}

// initResponse is the plugin's answer to Init.
type initResponse struct {
	Origin string `json:"origin"`
	Type   string `json:"type"`
	Root   string `json:"root"`
	Flags  uint64 `json:"flags"`
}

func (r *initResponse) unmarshal(b []byte) error {
	return fields(b, func(n protowire.Number, v uint64, data []byte) {
		switch n {
		case 1:
			r.Origin = string(data)
		case 2:
			r.Type = string(data)
		case 3:
			r.Root = string(data)
		case 4:
			r.Flags = v
		}
	})
}

// wrapped is a message whose only field, number 1, is another message: ImportRequest, OpenRequest or ExportResponse.
type wrapped struct {
	out []byte
	in  func([]byte) error
}

func (w *wrapped) marshal() []byte { return appendMessage(nil, 1, w.out) }

func (w *wrapped) unmarshal(b []byte) error {
	var inner error
	err := fields(b, func(n protowire.Number, _ uint64, data []byte) {
		if n == 1 && w.in != nil {
			inner = w.in(data)
		}
	})
	if err == nil {
		err = inner
	}
	return err
}

// empty is a message without fields.
type empty struct{}

func (empty) marshal() []byte { return nil }

func (empty) unmarshal([]byte) error { return nil }

// codec makes gRPC encode and decode these types.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	return v.(interface{ marshal() []byte }).marshal(), nil
}

func (codec) Unmarshal(b []byte, v any) error {
	return v.(interface{ unmarshal([]byte) error }).unmarshal(b)
}
