// Command protogen writes the Go code of the core's network contract: what protoc with
// protoc-gen-go and protoc-gen-connect-go would write, without protoc. Both are tools
// of this module, so their versions are fixed.
//
//	go run . ../..          write
//	go run . -check ../..   fail when what is there is not what would be written
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// source is the contract; plugins write what is in it.
const source = "registration/rpc/core/v1/core.proto"

var plugins = []string{"protoc-gen-go", "protoc-gen-connect-go"}

func main() {
	check := flag.Bool("check", false, "write nothing, fail when something would change")
	flag.Parse()
	if err := run(context.Background(), flag.Arg(0), *check); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, check bool) error {
	request, err := compile(ctx, root)
	if err != nil {
		return err
	}
	for _, plugin := range plugins {
		files, err := generate(ctx, plugin, request)
		if err != nil {
			return fmt.Errorf("%s: %w", plugin, err)
		}
		for _, f := range files {
			if err := put(filepath.Join(root, f.GetName()), f.GetContent(), check); err != nil {
				return err
			}
		}
	}
	return nil
}

// compile makes what protoc would send to a plugin.
func compile(ctx context.Context, root string) (*pluginpb.CodeGeneratorRequest, error) {
	c := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{root}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := c.Compile(ctx, source)
	if err != nil {
		return nil, err
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{source}, Parameter: proto.String("paths=source_relative"),
	}
	for _, f := range files {
		request.ProtoFile = withImports(request.ProtoFile, f)
	}
	return request, nil
}

// withImports appends a file after those it imports, as plugins expect them.
func withImports(to []*descriptorpb.FileDescriptorProto, f protoreflect.FileDescriptor) []*descriptorpb.FileDescriptorProto {
	for _, have := range to {
		if have.GetName() == f.Path() {
			return to
		}
	}
	for i := range f.Imports().Len() {
		to = withImports(to, f.Imports().Get(i).FileDescriptor)
	}
	return append(to, protoutil.ProtoFromFileDescriptor(f))
}

func generate(ctx context.Context, plugin string, request *pluginpb.CodeGeneratorRequest) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	in, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, errors.New(response.GetError())
	}
	return response.GetFile(), nil
}

// put writes a generated file, or compares it with the one that is there.
func put(path, content string, check bool) error {
	if !check {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(content), 0o644)
	}
	have, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if string(have) != content {
		return fmt.Errorf("%s is not what %s says; run: make proto", path, source)
	}
	return nil
}
