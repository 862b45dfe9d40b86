# An image for containerd and podman, of busybox alone. For WORK as the current folder.
# shellcheck shell=bash

# layer: its files, in layer.
layer() {
    local tool
    mkdir -p layer/bin
    cp "$(command -v busybox)" layer/bin/
    for tool in sh sleep cat grep; do ln -sf busybox "layer/bin/$tool"; done
}

# image NAME:TAG FILE
image() {
    local layer manifest
    layer
    mkdir -p archive/blobs/sha256
    tar -C layer --sort=name --mtime=@0 --owner=0 --group=0 -cf layer.tar .
    layer=$(blob layer.tar)
    printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sleep","1000000"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(sha256sum layer.tar | cut -d' ' -f1)" >config.json
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",%s},%s' \
        "$(blob config.json)" "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",$layer}]}" >manifest.json
    manifest=$(blob manifest.json)
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",%s,"annotations":{"io.containerd.image.name":"%s"}}]}' \
        "$manifest" "$1" >archive/index.json
    printf '{"imageLayoutVersion":"1.0.0"}' >archive/oci-layout
    tar -C archive -cf "$2" .
    rm -r layer layer.tar archive
}

blob() {
    local sum
    sum=$(sha256sum "$1" | cut -d' ' -f1)
    cp "$1" "archive/blobs/sha256/$sum"
    printf '"digest":"sha256:%s","size":%s' "$sum" "$(stat -c %s "$1")"
}
