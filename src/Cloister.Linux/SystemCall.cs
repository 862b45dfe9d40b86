namespace Cloister.Linux;

/// <summary>System call numbers of x86-64. Source: arch/x86/entry/syscalls/syscall_64.tbl.</summary>
public static class SystemCall
{
#pragma warning disable CS1591 // each name is the kernel's
    public const long Read = 0;
    public const long Write = 1;
    public const long Open = 2;
    public const long Close = 3;
    public const long Stat = 4;
    public const long Fstat = 5;
    public const long Lstat = 6;
    public const long Lseek = 8;
    public const long Mmap = 9;
    public const long Mprotect = 10;
    public const long Munmap = 11;
    public const long RtSigaction = 13;
    public const long RtSigreturn = 15;
    public const long Ioctl = 16;
    public const long Pread64 = 17;
    public const long Pwrite64 = 18;
    public const long Access = 21;
    public const long Mremap = 25;
    public const long Msync = 26;
    public const long Mincore = 27;
    public const long Madvise = 28;
    public const long Shmat = 30;
    public const long Dup2 = 33;
    public const long Getpid = 39;
    public const long Clone = 56;
    public const long Vfork = 58;
    public const long Exit = 60;
    public const long Fcntl = 72;
    public const long Flock = 73;
    public const long Fsync = 74;
    public const long Fdatasync = 75;
    public const long Ftruncate = 77;
    public const long Mlock = 149;
    public const long Munlock = 150;
    public const long Mlockall = 151;
    public const long Prctl = 157;
    public const long Personality = 135;
    public const long ModifyLdt = 154;
    public const long ArchPrctl = 158;
    public const long SchedSetaffinity = 203;
    public const long SchedGetaffinity = 204;
    public const long RemapFilePages = 216;
    public const long AddKey = 248;
    public const long Openat = 257;
    public const long Newfstatat = 262;
    public const long Faccessat = 269;
    public const long Fallocate = 285;
    public const long Dup3 = 292;
    public const long Preadv = 295;
    public const long Pwritev = 296;
    public const long ProcessVmReadv = 310;
    public const long ProcessVmWritev = 311;
    public const long Kcmp = 312;
    public const long SchedSetattr = 314;
    public const long SchedGetattr = 315;
    public const long Seccomp = 317;
    public const long MemfdCreate = 319;
    public const long Userfaultfd = 323;
    public const long Preadv2 = 327;
    public const long Pwritev2 = 328;
    public const long Mlock2 = 325;
    public const long PkeyMprotect = 329;
    public const long Statx = 332;
    public const long PidfdOpen = 434;
    public const long Clone3 = 435;
    public const long CloseRange = 436;
    public const long Openat2 = 437;
    public const long PidfdGetfd = 438;
    public const long Faccessat2 = 439;
    public const long ProcessMadvise = 440;
#pragma warning restore CS1591
}
