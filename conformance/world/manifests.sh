# kubectl makes one stream of what is in deploy/kubernetes: a DaemonSet, what it may do, and a
# RuntimeClass; a kustomization of somebody else's gives the image another name.
set -eu
command -v kubectl >/dev/null || {
    echo 'kubectl is not installed'
    exit 77
}
[ "$ENGINE" = fast ] || {
    echo 'no engine takes part: once is enough'
    exit 77
}
mkdir base
cp "$HERE"/../../deploy/kubernetes/*.yaml base/
printf 'resources: [base]\nimages: [{name: cloister, newName: registry.example/cloister, newTag: "1"}]\n' >kustomization.yaml
kubectl kustomize . >stream 2>log || {
    cat log
    exit 1
}
kinds=$(sed -n 's/^kind: //p' stream | sort | paste -sd' ')
[ "$kinds" = 'ClusterRole ClusterRoleBinding DaemonSet Namespace RuntimeClass ServiceAccount' ] || {
    printf 'the stream has: %s\n' "$kinds"
    exit 1
}
grep -q ' image: registry.example/cloister:1$' stream || {
    printf 'the image is: %s\n' "$(grep image: stream)"
    exit 1
}
