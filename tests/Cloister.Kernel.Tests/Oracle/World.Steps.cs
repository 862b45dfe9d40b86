using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Kernel.Tests.Oracle;

/// <content>What is done: values at random, good, bad and at the edge; and enclaves that are built wholly and worked with.</content>
internal sealed partial class World
{
    private const ulong Arguments = 0x10100, SecsAt = 0x12000, SecinfoAt = 0x13000, SigstructAt = 0x14000, SourceAt = 0x20000,
        EnclaveSpace = 0x1000_0000;
    private const ulong FirstBase = 0x7000_0000_0000, VirtualBase = 0x7100_0000_0000;
    private const int SizeInPages = 128;

    private void Step()
    {
        Process process = Pick(_processes);
        List<OpenFile> enclaves = [.. _files.Where(file => file is { Device: "sgx_enclave", IsOpen: true })];
        if (enclaves.Count == 0)
        {
            Open("sgx_enclave");
            return;
        }

        OpenFile file = Pick(enclaves);

        // An enclave that is begun and not built by plan: most of what is asked of others is refused at once.
        OpenFile begun = enclaves.FirstOrDefault(one => one is { Image: null, Base: not 0 }) ?? file;
        if (_mishaps is not null && (GiveUpLost() || HasMishap(process, file, begun)))
        {
            return;
        }

        switch (_random.Next(32))
        {
            case 0 when _files.Count < 6:
                Open(_random.Next(4) switch { 0 => "sgx_vepc", 1 => "sgx_provision", _ => "sgx_enclave" });
                break;
            case 1 when _random.Next(8) == 0:
                Close(Pick(_files.Where(one => one.IsOpen).ToList()));
                break;
            case 2 when _processes.Count < 4 && _random.Next(4) == 0:
                Fork(process);
                break;
            case 3 when _random.Next(6) == 0:
                if (_processes.Count > 1)
                {
                    Exit(process);
                }
                else if (_random.Next(3) == 0)
                {
                    Begin();
                }

                break;
            case 4:
                Create(process, file);
                break;
            case 5 or 6:
                AddPages(process, _random.Next(4) > 0 ? begun : file);
                break;
            case 7 when file.Image is null && file.Base == 0 && (_random.Next(3) > 0 || begun != file):
                Build(process, file);
                break;
            case 7 or 8 when _random.Next(6) == 0:
                Initialise(process, _random.Next(2) == 0 ? begun : file);
                break;
            case 9 or 10:
                MapSome(process, file);
                break;
            case 11 when _random.Next(3) == 0:
                (ulong start, ulong end) = SomeRange(process, file);
                Unmap(process, start, end);
                break;
            case 12:
                (start, end) = SomeRange(process, file);
                Protect(process, start, end, (Protection)_random.Next(8));
                break;
            case 13 or 14 or 15 or 16:
                Touch(process);
                break;
            case 17 or 18 or 19 or 20:
                Work(process, file);
                break;
            case 21 or 22:
                Range("RESTRICT_PERMISSIONS", process, file, 5, Pick<ulong>(1, 3, 5, 7, 2, 0, 8), 40);
                break;
            case 23 or 24:
                Range("MODIFY_TYPES", process, file, 6, Pick<ulong>(4, 4, 4, 1, 1, 2, 0, 0x100), 40);
                break;
            case 25 or 26:
                Range("REMOVE_PAGES", process, file, 7, null, 24);
                break;
            case 27:
                Ioctl(process, Pick(_files.Where(one => one.IsOpen).ToList()), "strange",
                    Pick(Number(0, 4, 0), Number(1, 3, 8), Number(3, 9, 8), 0x5401u, Number(1, 0, 16)), Arguments,
                    Bytes(99, 0, 0, 0, 0, 0));
                break;
            case 28:
                Provision(process, file);
                break;
            case 29 when process.Pages.Count > 0:
                ulong page = file.Image is { } shown && _random.Next(2) == 0 && process.Pages.ContainsKey(shown.Heap.Value >> 12)
                    ? shown.Heap.Value >> 12 : Pick(process.Pages.Keys.ToList());
                int offset = _random.Next(4096 - 32);
                Access(process, (page << 12) + (ulong)offset, _random.Next(1, 32), _random.Next(2) == 0);
                break;
            case 30:
                Virtual(process);
                break;
            case 31 when _random.Next(10) == 0:
                process.ReadImpliesExecute = !process.ReadImpliesExecute;
                break;
            default:
                break;
        }
    }

    // --- Values ------------------------------------------------------------------------------------------------------

    private T Pick<T>(List<T> from) => from[_random.Next(from.Count)];

    private T Pick<T>(params T[] from) => from[_random.Next(from.Length)];

    private static uint Number(uint direction, uint number, int size) => (direction << 30) | ((uint)size << 16) | (0xa4 << 8) | number;

    private static byte[] Bytes(params ulong[] words) => MemoryMarshal.AsBytes<ulong>(words).ToArray();

    private void Everywhere(ulong at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_kernel.User.At(at, bytes.Length));
        bytes.CopyTo(_cloister.User.At(at, bytes.Length));
    }

    private (ulong Offset, ulong Length) SomePages()
    {
        ulong page = (ulong)_random.Next(0, 40), length = (ulong)_random.Next(1, 9);
        if (_random.Next(12) == 0)
        {
            page = Pick<ulong>(SizeInPages - 1, SizeInPages, SizeInPages, SizeInPages - 3, 1ul << 40);
            length = Pick<ulong>(0, 1, 1, 8);
        }

        return ((page * Page) + (_random.Next(50) == 0 ? 8ul : 0), _random.Next(50) == 0 ? Pick<ulong>(0, 5, ulong.MaxValue - 4095)
            : length * Page);
    }

    private (ulong Start, ulong End) SomeRange(Process process, OpenFile file)
    {
        ulong at = file.Base == 0 ? FirstBase : file.Base;
        if (process.Pages.Count > 0 && _random.Next(3) > 0)
        {
            at = Pick(process.Pages.Keys.ToList()) << 12;
            return (at, at + ((ulong)_random.Next(1, 6) * Page));
        }

        ulong start = at + ((ulong)_random.Next(SizeInPages + 2) * Page);
        return (start, start + ((ulong)_random.Next(1, 12) * Page));
    }

    // --- An ioctl with values at random ------------------------------------------------------------------------------

    private void Create(Process process, OpenFile file)
    {
        ulong place = FirstBase + ((ulong)file.Number * EnclaveSpace);
        byte[] secs = new byte[4096];
        MemoryMarshal.Write(secs,
            Pick<ulong>(SizeInPages * Page, SizeInPages * Page, SizeInPages * Page, 3 * Page, 0, 1ul << 63, 4 * Page));
        MemoryMarshal.Write(secs.AsSpan(8), _random.Next(10) == 0 ? place + Page : place);
        MemoryMarshal.Write(secs.AsSpan(16), Pick(1u, 1u, 1u, 1u, 2u, 0u));
        MemoryMarshal.Write(secs.AsSpan(20), Pick(0u, 0u, 1u, 2u));
        MemoryMarshal.Write(secs.AsSpan(48), Pick<ulong>(6, 6, 6, 6, 4, 0x16, 0x16, 7, 8, 0x26));
        MemoryMarshal.Write(secs.AsSpan(56), Pick<ulong>(3, 3, 3, 7, 1, 1ul << 40));
        Everywhere(SecsAt, secs);
        if (Ioctl(process, file, "CREATE", Number(1, 0, 8), Arguments, Bytes(Pick(SecsAt, SecsAt, SecsAt, SecsAt, 4096ul))) == 0)
        {
            file.Base = place;
        }
    }

    private void AddPages(Process process, OpenFile file)
    {
        (ulong offset, ulong length) = SomePages();
        byte[] secinfo = new byte[64];
        ulong flags = Pick<ulong>(0x203, 0x203, 0x205, 0x201, 0x207, 0x100, 0x202, 0x303, 0x103, 0x40203);
        MemoryMarshal.Write(secinfo, flags);
        secinfo[40] = (byte)(_random.Next(40) == 0 ? 1 : 0);
        Everywhere(SecinfoAt, secinfo);
        byte[] source = new byte[16 * 4096];
        _random.NextBytes(source);
        if ((flags & 0xff00) == 0x100)
        {
            Array.Clear(source);
            for (int page = 0; page < 16; page++)
            {
                MemoryMarshal.Write(source.AsSpan((page * 4096) + 28), 2u);
                MemoryMarshal.Write(source.AsSpan((page * 4096) + 64), uint.MaxValue);
                MemoryMarshal.Write(source.AsSpan((page * 4096) + 68), uint.MaxValue);
            }
        }

        Everywhere(SourceAt, source);
        Everywhere(UserMemory.NoExecStart, source);
        ulong from = Pick(SourceAt, SourceAt, SourceAt, SourceAt, UserMemory.End - Page, SourceAt + 8, UserMemory.NoExecStart,
            UserMemory.NoExecEnd - (2 * Page), 1ul << 46, ulong.MaxValue - 4095);
        Ioctl(process, file, "ADD_PAGES", Number(3, 1, 48), Arguments,
            Bytes(from, offset, length, Pick(SecinfoAt, SecinfoAt, SecinfoAt, SecinfoAt, 16ul), Pick<ulong>(0, 0, 1, 3),
                Pick<ulong>(0, 0, 7)), SomeSignal());
    }

    private int SomeSignal() => _random.Next(6) == 0 ? Pick(0, 0, 1, 2, 5) : -1;

    private void Initialise(Process process, OpenFile file)
    {
        // Of an enclave that was built at random no SIGSTRUCT is right; what is wrong with it is said in an order.
        byte[] sigstruct = (file.Image ?? new EnclaveImage()).Sigstruct();
        switch (_random.Next(6))
        {
            case 0 or 1:
                sigstruct[_random.Next(sigstruct.Length)] ^= (byte)(1 << _random.Next(8));
                break;
            case 2:
                // VENDOR.
                sigstruct[16] ^= 1;
                break;
            case 3:
                // A bit that no processor has, asked for and enforced: of ATTRIBUTES, XFRM or MISCSELECT.
                (int field, int mask) = Pick((928, 944), (936, 952), (900, 904));
                sigstruct[field + 3] |= 0x40;
                sigstruct[mask + 3] |= 0x40;
                break;
            default:
                break;
        }

        Everywhere(SigstructAt, sigstruct);
        Ioctl(process, file, "INIT", Number(1, 2, 8), Arguments, Bytes(Pick(SigstructAt, SigstructAt, SigstructAt, 16ul)),
            _mishaps?.Next(4) == 0 ? 0 : -1);
    }

    private void Provision(Process process, OpenFile file) =>
        Ioctl(process, file, "PROVISION", Number(1, 3, 8), Arguments,
            Bytes((ulong)Pick(_files.Select(one => one.Number).Append(99).Append(-1).ToArray())));

    private void Range(string name, Process process, OpenFile file, uint number, ulong? what, int size)
    {
        (ulong offset, ulong length) = SomePages();
        if (file.Image is not null && _random.Next(10) > 0)
        {
            (offset, length) =
                (Page * (ulong)_random.Next(EnclaveImage.HeapPage, EnclaveImage.HeapPage + 14), Page * (ulong)_random.Next(1, 6));
        }
        else if (file.Image is not null && _random.Next(3) == 0)
        {
            (offset, length) = (EnclaveImage.CodePage * Page, Page);
        }

        ulong result = _random.Next(30) == 0 ? 1ul : 0, count = _random.Next(30) == 0 ? 1ul : 0;
        Ioctl(process, file, name, Number(3, number, size), Arguments, what is { } value ? Bytes(offset, length, value, result, count)
            : Bytes(offset, length, count), SomeSignal());
    }

    private void MapSome(Process process, OpenFile file)
    {
        ulong place = FirstBase + ((ulong)file.Number * EnclaveSpace);
        if (_random.Next(3) == 0)
        {
            Map(process, file, place, place + (SizeInPages * Page), Protection.Read | Protection.Write);
            return;
        }

        (ulong start, ulong end) = SomeRange(process, file);
        Map(process, _random.Next(20) == 0 ? Pick(_files.Where(one => one is { IsOpen: true, IsVirtualEpc: false }).ToList())
            : file, start, end, (Protection)_random.Next(8), start % EnclaveSpace, _random.Next(8) == 0);
    }

    private void Touch(Process process)
    {
        if (process.Pages.Count > 0)
        {
            (ulong page, Process.PageMapping mapping) = process.Pages.ElementAt(_random.Next(process.Pages.Count));
            AccessKind[] kinds = [
                .. new[] { (Protection.Read, AccessKind.Read), (Protection.Write, AccessKind.Write),
                    (Protection.Execute, AccessKind.Execute) }
                .Where(pair => (mapping.Protection & pair.Item1) != 0).Select(pair => pair.Item2)];
            if (kinds.Length > 0)
            {
                Fault(process, page << 12, Pick(kinds));
            }
        }
    }

    // --- An enclave that is right ------------------------------------------------------------------------------------

    private void Build(Process process, OpenFile file)
    {
        ulong place = FirstBase + ((ulong)file.Number * EnclaveSpace);
        var image = new EnclaveImage
        {
            Base = place,
            Size = SizeInPages * Page,
            HeapPages = 4 + (_random.Next(2) * 12),
            Attributes = AttributeFlags.Mode64Bit | (_random.Next(4) > 0 ? AttributeFlags.Debug : 0),
        };
        Everywhere(SecsAt, image.Secs());
        if (Ioctl(process, file, "CREATE", Number(1, 0, 8), Arguments, Bytes(SecsAt)) != 0)
        {
            return;
        }

        file.Base = place;

        // A mapping from before a page is there may allow what the page will not.
        bool isMappedFirst = _random.Next(3) == 0 && Map(process, file, place, place + image.Size, Protection.Read | Protection.Write);
        foreach ((int page, SecinfoFlags flags, byte[] contents) in image.Pages())
        {
            Everywhere(SecinfoAt, Bytes((ulong)flags, 0, 0, 0, 0, 0, 0, 0));
            Everywhere(SourceAt, contents);
            byte[] argument = Bytes(SourceAt, (ulong)page * Page, Page, SecinfoAt, 1, 0);
            if (_random.Next(8) == 0)
            {
                Ioctl(process, file, "ADD_PAGES", Number(3, 1, 48), Arguments, argument, signalAfter: 0);
            }

            if (Ioctl(process, file, "ADD_PAGES", Number(3, 1, 48), Arguments, argument) != 0)
            {
                return;
            }
        }

        Everywhere(SigstructAt, image.Sigstruct());
        if (Ioctl(process, file, "INIT", Number(1, 2, 8), Arguments, Bytes(SigstructAt)) == 0)
        {
            file.Image = image;
            if (isMappedFirst)
            {
                Fault(process, image.At(EnclaveImage.CodePage).Value, AccessKind.Read);
            }
            else
            {
                MapWhole(process, file, image);
            }
        }
    }

    private void MapWhole(Process process, OpenFile file, EnclaveImage image)
    {
        ulong code = image.At(EnclaveImage.CodePage).Value;
        Map(process, file, image.Base, code, Protection.Read | Protection.Write);
        Map(process, file, code, code + Page, Protection.Read | Protection.Execute, code - image.Base);
        Map(process, file, code + Page, image.Base + image.Size, Protection.Read | Protection.Write, code + Page - image.Base);
    }

    // Inside an enclave: changes are accepted, pages come and go.
    private void Work(Process process, OpenFile file)
    {
        if (file.Image is not { } image)
        {
            return;
        }

        // What was changed at random may have taken its way in from it: others will be built.
        if (!process.Pages.TryGetValue(image.Base >> 12, out Process.PageMapping way) || way.File != file
            || way.Protection != (Protection.Read | Protection.Write))
        {
            MapWhole(process, file, image);
        }

        EnclaveThread mine = _kernel.Threads[process.Number];
        if (!mine.IsBusy && Inside(process, $"enter {image.Base:x}", thread => thread.Enter(image.Tcs.Value)) != "done")
        {
            if (_random.Next(4) == 0)
            {
                Close(file);
            }

            return;
        }

        ulong heap = image.At(EnclaveImage.HeapPage + _random.Next(14)).Value, secinfo = image.Data.Value + 128;
        switch (_random.Next(8))
        {
            case 0 or 1:
                Accept(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending, heap);
                break;
            case 2:
                Accept(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr, heap);
                break;
            case 3 or 4:
                // The whole way of a page: trimmed, accepted, removed.
                if (Ioctl(process, file, "MODIFY_TYPES", Number(3, 6, 40), Arguments, Bytes(heap - image.Base, Page, 4, 0, 0)) == 0)
                {
                    Accept(SecinfoFlags.Trim | SecinfoFlags.Modified, heap);
                    if (_random.Next(4) > 0)
                    {
                        Ioctl(process, file, "REMOVE_PAGES", Number(3, 7, 24), Arguments, Bytes(heap - image.Base, Page, 0));
                    }
                }

                break;
            case 5:
                Inside(process, $"write {heap:x}", thread => thread.Touch(heap, AccessKind.Write, out _));
                break;
            case 6:
                if (Ioctl(process, file, "RESTRICT_PERMISSIONS", Number(3, 5, 40), Arguments, Bytes(heap - image.Base, Page, 1, 0, 0)) == 0)
                {
                    Accept(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr, heap);
                    Inside(process, $"EMODPE {heap:x}",
                        thread => thread.Do(EncluLeaf.Emodpe, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W, secinfo, heap));
                }

                break;
            default:
                if (Ioctl(process, file, "MODIFY_TYPES", Number(3, 6, 40), Arguments, Bytes(heap - image.Base, Page, 1, 0, 0)) == 0)
                {
                    Accept(SecinfoFlags.Tcs | SecinfoFlags.Modified, heap);
                }

                break;
        }

        if (_random.Next(4) > 0)
        {
            Inside(process, "leave", thread => thread.IsBusy ? thread.Exit() : null);
        }

        void Accept(SecinfoFlags flags, ulong page) =>
            Inside(process, $"EACCEPT {page:x} {(ulong)flags:x}", thread => thread.Do(EncluLeaf.Eaccept, flags, secinfo, page));
    }

    // --- Virtual EPC -------------------------------------------------------------------------------------------------

    private void Virtual(Process process)
    {
        List<OpenFile> files = [.. _files.Where(file => file is { IsVirtualEpc: true, IsOpen: true })];
        if (files.Count == 0)
        {
            return;
        }

        OpenFile file = Pick(files);
        ulong place = VirtualBase + ((ulong)file.Number * EnclaveSpace) + ((ulong)process.Number << 20);
        Process.PageMapping[] mapped = [.. process.Pages.Values.Where(mapping => mapping.File == file)];
        switch (_random.Next(4))
        {
            case 0 when mapped.Length == 0:
                Map(process, file, place, place + (8 * Page), Protection.Read | Protection.Write, 0, _random.Next(6) == 0);
                break;
            case 1:
                Ioctl(process, file, "REMOVE_ALL", Number(0, 4, 0), Pick<ulong>(0, 0, Arguments), []);
                break;
            case 2 when mapped.Length > 0:
                Fault(process, place + ((ulong)_random.Next(8) * Page), AccessKind.Write);
                break;
            case 3 when mapped.Length > 0:
                // A guest makes a version array.
                ulong page = (place >> 12) + (ulong)_random.Next(8);
                if (_kernel.Spaces[process.Number].Entries.ContainsKey(page))
                {
                    Both($"EPA {page:x}", side => $"{Epa.Execute(side.Machine, side.Spaces[process.Number].Entries[page])}");
                }

                break;
            default:
                break;
        }
    }
}
