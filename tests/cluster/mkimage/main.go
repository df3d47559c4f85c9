// Command mkimage writes a container image of one layer to stdout, as `ctr images import -` takes it
// (a docker archive). There is no registry to pull from, so the bed makes its images of local files.
//
//	mkimage [-entrypoint PATH] -tag NAME [-tag NAME]... ENTRY...
//
// An ENTRY is SOURCE:/path (a file, its execute permission kept), /path=>TARGET (a symlink) or /path/
// (a directory; /tmp/ gets its sticky bit). Parents are made. Same input, same bytes.
package main

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
)

// layer is a tar file being written; directories are written before what is in them.
type layer struct {
	tar  *tar.Writer
	seen map[string]bool
}

func (l *layer) directory(name string) error {
	name = strings.Trim(name, "/")
	if name == "" || name == "." || l.seen[name] {
		return nil
	}
	if err := l.directory(path.Dir(name)); err != nil {
		return err
	}
	l.seen[name] = true
	mode := int64(0o755)
	if name == "tmp" {
		mode = 0o1777
	}
	return l.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode})
}

func (l *layer) file(source, name string) error {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	header := tar.Header{Typeflag: tar.TypeReg, Name: strings.Trim(name, "/"), Mode: mode, Size: info.Size()}
	if err := l.tar.WriteHeader(&header); err != nil {
		return err
	}
	_, err = io.Copy(l.tar, file)
	return err
}

func (l *layer) add(entry string) error {
	if name, target, ok := strings.Cut(entry, "=>"); ok {
		if err := l.directory(path.Dir(name)); err != nil {
			return err
		}
		link := tar.Header{Typeflag: tar.TypeSymlink, Name: strings.Trim(name, "/"), Linkname: target, Mode: 0o777}
		return l.tar.WriteHeader(&link)
	}
	if source, name, ok := strings.Cut(entry, ":"); ok {
		if err := l.directory(path.Dir(name)); err != nil {
			return err
		}
		return l.file(source, name)
	}
	if strings.HasSuffix(entry, "/") {
		return l.directory(entry)
	}
	return fmt.Errorf("entry %q: expected SOURCE:/path, /path=>TARGET or /path/", entry)
}

// writeLayer writes the layer to `to` and returns the hash that names it.
func writeLayer(to io.Writer, entries []string) (string, error) {
	hash := sha256.New()
	l := layer{tar: tar.NewWriter(io.MultiWriter(to, hash)), seen: map[string]bool{}}
	for _, entry := range entries {
		if err := l.add(entry); err != nil {
			return "", err
		}
	}
	err := l.tar.Close()
	return hex.EncodeToString(hash.Sum(nil)), err
}

type object = map[string]any

// writeArchive writes the whole image, whose one layer is the file `content`.
func writeArchive(to io.Writer, content *os.File, layerHash string, tags []string, entrypoint string) error {
	settings := object{"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "WorkingDir": "/"}
	if entrypoint != "" {
		settings["Entrypoint"] = []string{entrypoint}
	}
	config, err := json.Marshal(object{
		"architecture": runtime.GOARCH, "os": "linux", "created": "1970-01-01T00:00:00Z", "config": settings,
		"rootfs":  object{"type": "layers", "diff_ids": []string{"sha256:" + layerHash}},
		"history": []object{{"created": "1970-01-01T00:00:00Z"}},
	})
	if err != nil {
		return err
	}
	hash := sha256.Sum256(config)
	configName, layerName := hex.EncodeToString(hash[:])+".json", layerHash+"/layer.tar"
	manifest, err := json.Marshal([]object{{"Config": configName, "RepoTags": tags, "Layers": []string{layerName}}})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(to)
	add := func(name string, size int64, bytes io.Reader) error {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size}); err != nil {
			return err
		}
		_, err := io.Copy(archive, bytes)
		return err
	}
	size, err := content.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return errors.Join(
		add(configName, int64(len(config)), strings.NewReader(string(config))),
		add(layerName, size, content),
		add("manifest.json", int64(len(manifest)), strings.NewReader(string(manifest))),
		archive.Close(),
	)
}

func run() error {
	var tags []string
	flag.Func("tag", "a `NAME` of the image, with its tag; repeatable", func(tag string) error {
		tags = append(tags, tag)
		return nil
	})
	entrypoint := flag.String("entrypoint", "", "the `PATH` that the image runs by default")
	flag.Parse()
	if len(tags) == 0 {
		return errors.New("expected at least one -tag NAME")
	}
	// The archive names the layer by its hash and states its size before its bytes: two passes.
	content, err := os.CreateTemp("", "layer")
	if err != nil {
		return err
	}
	defer content.Close()
	if err := os.Remove(content.Name()); err != nil {
		return err
	}
	layerHash, err := writeLayer(content, flag.Args())
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	if err := writeArchive(out, content, layerHash, tags, *entrypoint); err != nil {
		return err
	}
	return out.Flush()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(2)
	}
}
