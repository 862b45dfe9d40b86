using System.Text.RegularExpressions;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests;

/// <summary>Whole programs: what they print under the tracer is what they print by themselves, or in each mode the same.</summary>
public sealed partial class TracerTests : IDisposable
{
    // One line for each thing a tracer can disturb; each line is the same on every run.
    private const string Life = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <setjmp.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/time.h>
        #include <sys/wait.h>
        #include <ucontext.h>
        #include <unistd.h>

        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static volatile sig_atomic_t ticks, users;
        static long sum;
        static sigjmp_buf back;
        static volatile long code, trap;
        static void *volatile at;

        static void tick(int s) { (void)s; ticks++; }
        static void user(int s) { (void)s; users++; }
        static void fault(int s, siginfo_t *i, void *c)
        {
            (void)s;
            at = i->si_addr;
            code = i->si_code;
            trap = ((ucontext_t *)c)->uc_mcontext.gregs[REG_TRAPNO];
            siglongjmp(back, 1);
        }
        static void handle(int s, void (*f)(int)) { struct sigaction a = { .sa_handler = f, .sa_flags = SA_RESTART }; sigaction(s, &a, NULL); }
        static void *adder(void *p)
        {
            for (long i = 0; i < 20000; i++) { pthread_mutex_lock(&lock); sum += (long)p; pthread_mutex_unlock(&lock); }
            return p;
        }
        static void *sleeper(void *p) { (void)p; while (!users) usleep(100); return NULL; }
        static void end(const char *what, pid_t child)
        {
            int s = 0;
            pid_t got = waitpid(child, &s, 0);
            printf("%s: %s, exit %d, signal %d\n", what, got == child ? "waited" : strerror(errno), WIFEXITED(s) ? WEXITSTATUS(s) : -1, WIFSIGNALED(s) ? WTERMSIG(s) : 0);
            fflush(stdout);
        }

        int main(int n, char **v)
        {
            if (n > 1) { printf("executed with %s, parent %s\n", v[1], getppid() > 1 ? "lives" : "is gone"); return 5; }
            pthread_t t[6];
            for (long i = 0; i < 6; i++) pthread_create(&t[i], NULL, adder, (void *)(i + 1));
            long joined = 0;
            for (int i = 0; i < 6; i++) { void *r; pthread_join(t[i], &r); joined += (long)r; }
            printf("threads: %ld %ld\n", sum, joined);
            handle(SIGUSR1, user);
            pthread_create(&t[0], NULL, sleeper, NULL);
            pthread_kill(t[0], SIGUSR1);
            pthread_join(t[0], NULL);
            printf("signal to a thread: %d\n", users);
            handle(SIGALRM, tick);
            struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
            setitimer(ITIMER_REAL, &often, NULL);
            unsigned long x = 1;
            while (ticks < 50) for (int i = 0; i < 1000; i++) x = x * 6364136223846793005ul + 1;
            setitimer(ITIMER_REAL, &never, NULL);
            printf("timer: %d\n", ticks >= 50 && x);
            fflush(stdout);
            pid_t c = fork();
            if (!c) { sum++; _exit(sum == 420001 ? 3 : 4); }
            end("fork", c);
            printf("memory of the parent: %ld\n", sum);
            fflush(stdout);
            c = fork();
            if (!c) { execl("/proc/self/exe", "program", "an argument", NULL); _exit(9); }
            end("exec", c);
            c = vfork();
            if (!c) { execl("/no/such/file", "file", NULL); _exit(errno == ENOENT ? 6 : 7); }
            end("vfork", c);
            int pipes[2];
            handle(SIGPIPE, SIG_DFL);
            if (pipe(pipes)) return 1;
            close(pipes[0]);
            c = fork();
            if (!c) { ssize_t w = write(pipes[1], "x", 1); _exit(w == 1 ? 1 : 2); }
            end("broken pipe", c);
            c = fork();
            if (!c) { abort(); }
            end("abort", c);
            struct sigaction f = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
            sigaction(SIGSEGV, &f, NULL);
            sigaction(SIGILL, &f, NULL);
            sigaction(SIGFPE, &f, NULL);
            sigaction(SIGTRAP, &f, NULL);
            char *m = mmap((void *)0x5550000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            if (!sigsetjmp(back, 1)) m[16] = 1;
            printf("write: %p %ld %ld\n", at, code, trap);
            if (!sigsetjmp(back, 1)) *(volatile char *)0x5550002000;
            printf("hole: %p %ld %ld\n", at, code, trap);
            if (!sigsetjmp(back, 1)) __asm__ volatile("ud2");
            printf("ud2: %ld %ld\n", code, trap);
            if (!sigsetjmp(back, 1)) __asm__ volatile("xor %%ecx, %%ecx; div %%ecx" ::: "eax", "ecx", "edx");
            printf("division: %ld %ld\n", code, trap);
            if (!sigsetjmp(back, 1)) __asm__ volatile("int3");
            printf("breakpoint: %ld %ld\n", code, trap);
            unsigned a = 0, b, cc = 0, d;
            __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(cc), "=d"(d));
            printf("cpuid: %.4s%.4s%.4s\n", (char *)&b, (char *)&d, (char *)&cc);
            char link[64];
            ssize_t l = readlink("/proc/self/fd/0", link, sizeof link);
            int z = open("/dev/zero", O_RDONLY);
            printf("files: %d %zd\n", l > 0, read(z, link, 9));
            fflush(stdout);
            raise(SIGKILL);
        }
        """;

    private static readonly Lazy<string> s_reference = new(() => RunSample("--engine trap --isolation fast"));
    private readonly string _directory = Directory.CreateTempSubdirectory("cloister-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [CompilerTheory]
    [InlineData("--engine trap --isolation fast")]
    [InlineData("--engine fast --isolation fast")]
    [InlineData("--engine fast --isolation strict")]
    [InlineData("--attach device --isolation fast")]
    public void AProgramWithoutEnclavesIsNotDisturbed(string options)
    {
        string program = TestPrograms.Compile(_directory, Life);
        (int status, string output, _) = TestPrograms.Run(program);
        Assert.Contains("breakpoint", output, StringComparison.Ordinal);

        // It tells the vendor, and elsewhere than at Intel's the default is another processor.
        (int tracedStatus, string tracedOutput, string error) = TestPrograms.RunTraced($"{options} --cpu host", program);
        Assert.Equal(output, tracedOutput);
        Assert.Equal((status, ""), (tracedStatus, error));
    }

    [Theory]
    [InlineData("--engine fast --isolation fast")]
    [InlineData("--engine fast --isolation strict")]
    public void An_enclave_lives_the_same_in_every_mode(string options)
    {
        Assert.Contains("7. Take", s_reference.Value, StringComparison.Ordinal);
        Assert.Equal(s_reference.Value, RunSample(options));
    }

    // Where the kernel put the enclave differs from run to run.
    private static string RunSample(string options)
    {
        (int status, string output, string error) = TestPrograms.RunTraced(options, TestPrograms.Sample);
        Assert.True(status == 0, $"{options}: {status}\n{output}\n{error}");
        return Base().Replace(output, "base");
    }

    [GeneratedRegex("base 0x[0-9a-f]+")]
    private static partial Regex Base();
}
