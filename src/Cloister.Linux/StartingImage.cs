using System.Buffers.Binary;

namespace Cloister.Linux;

/// <summary>
/// An ELF program that waits for a byte of a descriptor, sends itself SIGSTOP, and so on; at the descriptor's end it ends.
/// </summary>
/// <remarks>
/// Root file systems of containers may have no shell. System V ABI, ELF header and program header; the kernel sets a stack up.
/// </remarks>
internal static unsafe class StartingImage
{
    /// <summary>The name of its file in memory.</summary>
    public const string Name = "cloister:start";

    private const int HeaderSize = 64, ProgramHeaderSize = 56;
    private const ulong Base = 0x400000;

    /// <summary>
    /// Its file in memory, closed on exec. What forbids to execute memory (vm.memfd_noexec, a security module) shows when it is executed.
    /// </summary>
    /// <param name="descriptor">The one that it reads.</param>
    /// <param name="error">Why there is none.</param>
    /// <returns>The file's descriptor; -1 for none.</returns>
    public static int ToMemory(int descriptor, out Errno error) => ToMemory(Of(descriptor), out error);

    /// <summary>The same of another program's bytes.</summary>
    public static int ToMemory(byte[] bytes, out Errno error)
    {
        const long closeOnExec = 1, executable = 0x10; // MFD_EXEC, Linux 6.3
        error = Errno.None;
        fixed (byte* name = "cloister:start\0"u8, image = bytes)
        {
            long file = NativeMethods.SystemCall(SystemCall.MemfdCreate, (long)name, closeOnExec | executable, 0, 0, 0, 0);
            file = file < 0 ? NativeMethods.SystemCall(SystemCall.MemfdCreate, (long)name, closeOnExec, 0, 0, 0, 0) : file;
            if (file < 0)
            {
                error = NativeMethods.LastError;
                return -1;
            }

            if (NativeMethods.Pwrite((int)file, image, (nuint)bytes.Length, 0) == bytes.Length)
            {
                return (int)file;
            }

            error = Errno.EIO;
            HostKernel.Close((int)file);
            return -1;
        }
    }

    /// <summary>Its file.</summary>
    /// <param name="descriptor">The one that it reads.</param>
    public static byte[] Of(int descriptor)
    {
        byte[] code =
        [
            0x48, 0x83, 0xec, 0x40, //             sub rsp, 64
            0x31, 0xc0, //                         xor eax, eax          read
            0xbf, 0, 0, 0, 0, //                   mov edi, DESCRIPTOR
            0x48, 0x89, 0xe6, //                   mov rsi, rsp
            0xba, 0x40, 0, 0, 0, //                mov edx, 64
            0x0f, 0x05, //                         syscall
            0x48, 0x85, 0xc0, //                   test rax, rax
            0x7e, 0x17, //                         jle end
            0xb8, 0x27, 0, 0, 0, //                mov eax, 39           getpid
            0x0f, 0x05, //                         syscall
            0x89, 0xc7, //                         mov edi, eax
            0xbe, 0x13, 0, 0, 0, //                mov esi, 19           SIGSTOP
            0xb8, 0x3e, 0, 0, 0, //                mov eax, 62           kill
            0x0f, 0x05, //                         syscall
            0xeb, 0xd3, //                         jmp to xor eax, eax
            0xbf, JoiningProgram.Abandoned, 0, 0, 0, // end: mov edi, STATUS
            0xb8, 0xe7, 0, 0, 0, //                mov eax, 231          exit_group
            0x0f, 0x05, //                         syscall
        ];
        const int descriptorAt = 7;
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(descriptorAt), descriptor);
        return Elf(code);
    }

    /// <summary>A program of nothing but code, which begins at its first byte.</summary>
    public static byte[] Elf(ReadOnlySpan<byte> code)
    {
        byte[] file = new byte[HeaderSize + ProgramHeaderSize + code.Length];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(file); // 64-bit, little-endian, version 1
        const ushort executable = 2, x8664 = 62;
        Short(16, executable);
        Short(18, x8664);
        Short(20, 1); // version
        Long(24, Base + HeaderSize + ProgramHeaderSize); // entry
        Long(32, HeaderSize); // program headers
        Short(52, HeaderSize);
        Short(54, ProgramHeaderSize);
        Short(56, 1);
        Short(HeaderSize, 1); // PT_LOAD
        Short(HeaderSize + 4, 5); // PF_R, PF_X
        Long(HeaderSize + 16, Base);
        Long(HeaderSize + 24, Base);
        Long(HeaderSize + 32, (ulong)file.Length);
        Long(HeaderSize + 40, (ulong)file.Length);
        Long(HeaderSize + 48, 4096);
        code.CopyTo(file.AsSpan(HeaderSize + ProgramHeaderSize));
        return file;

        void Short(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);
        void Long(int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
    }
}
