# Real programs in containers under Docker's default seccomp profile and capabilities, with `cloister oci` as their runtime and, without it, with the command
# before the program, as root and in a user namespace: a C program with an enclave, the Linux kernel's own self tests for SGX, a program of Go's (goroutines,
# the device, AESM's socket), and Python, which loads DCAP's library and opens the device.
set -eu
# shellcheck source=conformance/world/native.bash
. "$HERE/native.bash"
# shellcheck source=conformance/world/bundle.bash
. "$HERE/bundle.bash"
mkdir programs
cat >programs/main.go <<'GO'
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
)

func main() {
	file, err := os.OpenFile("/dev/sgx_enclave", os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	// SGX_IOC_ENCLAVE_CREATE of a SECS that is nowhere.
	var secs uint64
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), 0x4008a400, 0); errno != syscall.EFAULT {
		panic(fmt.Sprint(errno, secs))
	}
	var all sync.WaitGroup
	sum := make(chan int, 64)
	for i := 0; i < 64; i++ {
		all.Add(1)
		go func(n int) {
			defer all.Done()
			kept := make([][]byte, 0)
			for j := 0; j < 100; j++ {
				kept = append(kept, make([]byte, 4096))
				runtime.Gosched()
			}
			sum <- n * len(kept) / 100
		}(i)
	}
	all.Wait()
	runtime.GC()
	total := 0
	for i := 0; i < 64; i++ {
		total += <-sum
	}
	aesm, err := net.Dial("unix", "/var/run/aesmd/aesm.socket")
	if err != nil {
		panic(err)
	}
	aesm.Close()
	fmt.Println("go", total)
}
GO
cat >programs/main.py <<'PYTHON'
import ctypes, fcntl, os, subprocess, sys, threading

device = os.open("/dev/sgx_enclave", os.O_RDWR)
try:
    fcntl.ioctl(device, 0x4008A400, 0)
    sys.exit("a SECS that is nowhere was taken")
except OSError as error:
    assert error.errno == 14, error
# sgx_qe_get_target_info(sgx_target_info_t *): DCAP, sgx_dcap_ql_wrapper.h.
library = ctypes.CDLL("libsgx_dcap_ql.so.1")
target = ctypes.create_string_buffer(512)
assert library.sgx_qe_get_target_info(target) == 0
assert any(target.raw[:32]), "no measurement"
threads = [threading.Thread(target=lambda: subprocess.run([sys.argv[1]], check=True)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("python")
PYTHON
if command -v go >/dev/null; then
    output=$(cd programs && CGO_ENABLED=0 GOFLAGS=-mod=mod GO111MODULE=off GOCACHE=${GOCACHE:-/tmp/cloister-go-$(id -u)} go build -o go-program main.go 2>&1) || fail 'the Go program' "$output"
fi
built=$("$HERE/../linux-selftests" 6.12 --build-only 2>&1) || built=''
built=$(sed -n 's/^linux-6.12: built in //p' <<<"$built")
[ -z "$built" ] || cp "$built/test_sgx" "$built/test_encl.elf" programs/
bound=(/usr /etc /bin /sbin /lib /lib64 "$BUILD" "$PWD/programs" "$(dirname "$native")")

# inside WHAT TEXT COMMAND...: ends with 0 and says the text.
inside() {
    local what=$1 text=$2
    shift 2
    [ "$with" = yes ] || set -- "$native" run --engine="$ENGINE" --epc 8M -- "$@"
    configure "$trace" "$docker" "$@"
    contained
    [[ $status -eq 0 && $output == *"$text"* ]] || fail "$what, $where" "$status: $(tail -n 4 <<<"$output")"
}
for ids in '' yes; do
    [ -n "$ids" ] || [ "$(id -u)" -eq 0 ] || continue
    annotations=''
    usable runc crun
    for with in yes no; do
        where="${ids:+a user namespace, }runtime: $with"
        lower=${found[0]}
        options "$lower"
        annotations=''
        if [ "$with" = yes ]; then
            export CLOISTER_OCI_RUNTIME=$lower
            runtime=("$PWD/cloister-oci" "${runtime[@]:1}")
            annotations="\"cloister.dev/engine\":\"$ENGINE\",\"cloister.dev/epc\":\"8M\""
        fi
        inside 'a C program' '' "$BUILD/grow"
        [ ! -x programs/go-program ] || inside 'Go' 'go 2016' "$PWD/programs/go-program"
        inside 'Python' python /usr/bin/python3 "$PWD/programs/main.py" "$BUILD/grow"
        [ -z "$built" ] || inside 'the self tests' ' fail:0 ' sh -c "cd $PWD/programs && ./test_sgx"
    done
done
left=''
[ -x programs/go-program ] || left='Go'
[ -n "$built" ] || left="${left:+$left and }the kernel's self tests"
[ -z "$left" ] || echo "without $left: not to be had here"
